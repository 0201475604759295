/**
 * Looks over protobuf bytes before they become objects: lengths that leave their message, nesting without end, and files whose small bytes would
 * become huge objects (a byte of packed integers becomes a 64-bit number) are refused here, in time proportional to the file and without memory.
 */
import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { fail } from "../../../core/index.ts";

/** Subgraphs nest three messages each; deeper files are damaged or hostile. */
export const DEEPEST_NESTING = 100;
/** Memory that the objects of one file may take, by the rough costs below. */
const LARGEST_COST = 2 ** 30;
/** Bytes in memory: an object with its fields, a 64-bit integer, a number in an array, a string beside its characters. */
const COST = { message: 300, bigint: 32, number: 8, text: 40 } as const;

const WIRE = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;
const BIGINTS: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

/** @throws FILE naming the byte at fault */
export function expectAffordable(schema: DescMessage, bytes: Uint8Array, where: string): void {
  new Scan(bytes, where).message(schema, bytes.length, 0);
}

class Scan {
  #at = 0;
  #cost = 0;
  readonly #fields = new Map<DescMessage, Map<number, DescField>>();

  constructor(
    readonly bytes: Uint8Array,
    readonly where: string,
  ) {}

  message(schema: DescMessage | null, end: number, depth: number): void {
    if (depth > DEEPEST_NESTING) this.refuse(`at most ${DEEPEST_NESTING} messages inside each other`, "more");
    this.spend(COST.message);
    const fields = schema ? this.fieldsOf(schema) : null;
    while (this.#at < end) {
      const tag = this.varint(end);
      const field = fields?.get(Math.floor(tag / 8)) ?? null;
      this.field(field, tag % 8, end, depth);
    }
  }

  private field(field: DescField | null, wire: number, end: number, depth: number): void {
    if (wire === WIRE.varint) this.varint(end);
    else if (wire === WIRE.fixed64) this.skip(8, end);
    else if (wire === WIRE.fixed32) this.skip(4, end);
    else if (wire === WIRE.bytes) this.delimited(field, end, depth);
    else this.refuse("a wire type that ONNX uses", `${wire}`);
    if (field && wire !== WIRE.bytes) this.spend(costOf(field));
  }

  private delimited(field: DescField | null, end: number, depth: number): void {
    const length = this.varint(end);
    if (length > end - this.#at) this.refuse(`at most ${end - this.#at} bytes in a field`, `a length of ${length}`);
    const inner = messageOf(field);
    if (inner) {
      this.message(inner, this.#at + length, depth + 1);
      return;
    }
    if (field) this.spend(packedCost(field, length));
    this.#at += length;
  }

  private skip(count: number, end: number): void {
    if (count > end - this.#at) this.refuse(`${count} bytes`, `${end - this.#at}`);
    this.#at += count;
  }

  /** Exact below 2^53, which is all that tags and lengths can be in a file that fits in memory. */
  private varint(end: number): number {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      if (this.#at >= end) this.refuse("a number", "the end of the message");
      const byte = this.bytes[this.#at++]!;
      value += (byte & 127) * 2 ** (7 * i);
      if (byte < 128) return value;
    }
    return this.refuse("a number of at most 10 bytes", "a longer one");
  }

  private spend(cost: number): void {
    this.#cost += cost;
    if (this.#cost > LARGEST_COST) {
      this.refuse(`a model that takes at most ${LARGEST_COST} bytes in memory`, "a larger one");
    }
  }

  private fieldsOf(schema: DescMessage): Map<number, DescField> {
    const known = this.#fields.get(schema);
    if (known) return known;
    const fields = new Map(schema.fields.map((field) => [field.number, field]));
    this.#fields.set(schema, fields);
    return fields;
  }

  private refuse(expected: string, got: string): never {
    fail("FILE", {
      where: `${this.where}: byte ${this.#at}`,
      expected: `an ONNX model (protobuf): ${expected}`,
      got,
      hint: "Is the file complete, and is it ONNX?",
    });
  }
}

function messageOf(field: DescField | null): DescMessage | null {
  if (field?.fieldKind === "message") return field.message;
  return field?.fieldKind === "list" && field.listKind === "message" ? field.message : null;
}

function costOf(field: DescField): number {
  if (field.fieldKind !== "list") return 0;
  return field.listKind === "scalar" && BIGINTS.has(field.scalar) ? COST.bigint : COST.number;
}

/** Text, raw bytes (which stay where they are), or a packed list, of which every byte may be an element. */
function packedCost(field: DescField, length: number): number {
  const scalar =
    field.fieldKind === "scalar" || (field.fieldKind === "list" && field.listKind === "scalar") ? field.scalar : null;
  if (scalar === ScalarType.BYTES) return COST.text;
  if (scalar === ScalarType.STRING) return COST.text + 2 * length;
  if (scalar === ScalarType.FLOAT) return (length / 4) * COST.number;
  if (scalar === ScalarType.DOUBLE) return length;
  return length * costOf(field);
}
