/**
 * Reads Python pickles as data. It executes nothing: the few opcodes that a PyTorch `state_dict` needs build numbers, texts, lists,
 * tuples and dictionaries; every global and every call goes to the caller, which refuses all that it does not know.
 * Opcodes: Python's `pickletools` documentation.
 */
import { fail } from "../../core/index.ts";
import { OPERATIONS, STOP } from "./pickle-opcodes.ts";

/** A Python tuple; Python lists become arrays, dictionaries Maps. */
export class Tuple {
  constructor(readonly items: readonly unknown[]) {}
}

/** Gives meaning to what a pickle names. Each throws for what it does not know. */
export interface PickleMeaning {
  global(where: string, module: string, name: string): unknown;
  call(where: string, callee: unknown, args: readonly unknown[]): unknown;
  persistent(where: string, id: unknown): unknown;
}

/** The value of the pickle that begins at `start`, and the position after it. @throws FILE naming the byte */
export function readPickle(
  path: string,
  bytes: Uint8Array,
  start: number,
  meaning: PickleMeaning,
): { value: unknown; end: number } {
  const reader = new PickleReader(path, bytes, start, meaning);
  return { value: reader.run(), end: reader.position };
}

/** Longest whole number in bytes; PyTorch's magic number has ten. */
const LONGEST_INTEGER = 16;

/** The stack machine that a pickle is a program for. */
export class PickleReader {
  position: number;
  #opcodeAt = 0;
  readonly #stack: unknown[] = [];
  /** Heights of the stack at which marks were set. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  readonly #view: DataView;

  constructor(
    private readonly path: string,
    private readonly bytes: Uint8Array,
    start: number,
    private readonly meaning: PickleMeaning,
  ) {
    this.position = start;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  run(): unknown {
    for (;;) {
      this.#opcodeAt = this.position;
      const opcode = this.unsigned(1);
      if (opcode === STOP) return this.pop();
      const operation = OPERATIONS[opcode];
      if (!operation) {
        const shown = opcode > 32 && opcode < 127 ? `"${String.fromCharCode(opcode)}"` : `0x${opcode.toString(16)}`;
        this.refuse("an opcode of a state_dict's pickle", `opcode ${shown}`);
      }
      operation(this);
    }
  }

  get where(): string {
    return `${this.path}: pickle byte ${this.#opcodeAt}`;
  }

  refuse(expected: string, got: string): never {
    const hint = "The file is damaged or not a PyTorch state_dict.";
    fail("FILE", { where: this.where, expected, got, hint });
  }

  take(count: number): Uint8Array {
    if (count < 0 || count > this.bytes.length - this.position) this.refuse(`${count} more bytes`, "the end");
    this.position += count;
    return this.bytes.subarray(this.position - count, this.position);
  }

  /** A little-endian number of 1, 2 or 4 bytes. */
  unsigned(width: 1 | 2 | 4): number {
    const at = this.position;
    this.take(width);
    if (width === 1) return this.#view.getUint8(at);
    return width === 2 ? this.#view.getUint16(at, true) : this.#view.getUint32(at, true);
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      return this.refuse("text in UTF-8", "other bytes");
    }
  }

  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) this.refuse("a line", "the end");
    const text = this.text(end - this.position);
    this.position = end + 1;
    return text;
  }

  /** Two's complement, little-endian, of any length; small enough values become numbers. */
  integer(length: number): number | bigint {
    if (length > LONGEST_INTEGER) this.refuse(`a whole number of at most ${LONGEST_INTEGER} bytes`, `${length} bytes`);
    const value = this.take(length).reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const signed = BigInt.asIntN(Math.max(length * 8, 1), value);
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  }

  float(): number {
    this.take(8);
    return this.#view.getFloat64(this.position - 8);
  }

  push(value: unknown): void {
    this.#stack.push(value);
  }

  pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) this.refuse("a value on the stack", "none");
    return this.#stack.pop();
  }

  peek(): unknown {
    const value = this.pop();
    this.push(value);
    return value;
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  popToMark(): unknown[] {
    const height = this.#marks.pop();
    if (height === undefined) this.refuse("a mark", "none");
    return this.#stack.splice(height);
  }

  remember(index: number): void {
    this.#memo.set(index, this.peek());
  }

  rememberNext(): void {
    this.remember(this.#memo.size);
  }

  recall(index: number): void {
    if (!this.#memo.has(index)) this.refuse("a remembered value", `none at ${index}`);
    this.push(this.#memo.get(index));
  }

  append(values: readonly unknown[]): void {
    const list = this.peek();
    if (!Array.isArray(list)) this.refuse("a list", "something else");
    for (const value of values) list.push(value);
  }

  setItems(items: readonly unknown[]): void {
    const dictionary = this.peek();
    if (!(dictionary instanceof Map) || items.length % 2 !== 0) this.refuse("a dictionary and pairs", "something else");
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
  }

  tuple(items: readonly unknown[]): void {
    this.push(new Tuple(items));
  }

  /** The topmost values, lowest first. */
  popMany(count: number): unknown[] {
    return Array.from({ length: count }, () => this.pop()).reverse();
  }

  global(module: string, name: string): void {
    this.push(this.meaning.global(this.where, module, name));
  }

  globalFromStack(): void {
    const [name, module] = [this.pop(), this.pop()];
    if (typeof name !== "string" || typeof module !== "string") this.refuse("two names", "something else");
    this.global(module, name);
  }

  call(): void {
    const [args, callee] = [this.pop(), this.pop()];
    if (!(args instanceof Tuple)) this.refuse("a tuple of arguments", "something else");
    this.push(this.meaning.call(this.where, callee, args.items));
  }

  persistent(): void {
    this.push(this.meaning.persistent(this.where, this.pop()));
  }

  /** Attributes of a dictionary (`_metadata`) carry no numbers and are dropped; objects with attributes are not known here. */
  dropAttributes(): void {
    this.pop();
    if (!(this.peek() instanceof Map)) this.refuse("attributes of a dictionary", "those of another object");
  }
}
