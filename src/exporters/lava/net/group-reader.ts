/**
 * Reads the members of one HDF5 group as the numbers a `.net` file needs, with their sizes checked, and remembers which members were
 * read: the rest are extras. It does not know which members a layer has.
 */
import { fail, formatShape, sizeOf } from "../../../core/index.ts";
import type { Hdf5Reader } from "./hdf5-reader.ts";
import type { NetArray, NetValue } from "./net-file.ts";

export class GroupReader {
  private readonly names: ReadonlySet<string>;
  private readonly unread: Set<string>;

  constructor(
    private readonly file: Hdf5Reader,
    readonly place: string,
  ) {
    this.names = new Set(file.members(place));
    this.unread = new Set(this.names);
  }

  has(name: string): boolean {
    return this.names.has(name);
  }

  isGroup(name: string): boolean {
    return this.has(name) && this.file.isGroup(`${this.place}/${name}`);
  }

  group(name: string): GroupReader {
    this.expectMember(name, "a group");
    return new GroupReader(this.file, `${this.place}/${name}`);
  }

  text(name: string): string {
    const value = this.value(name);
    return typeof value === "string" ? value : this.refuse(name, "a text", "numbers");
  }

  /** Numbers of any shape. */
  array(name: string): NetArray {
    const value = this.value(name);
    return typeof value === "string" ? this.refuse(name, "numbers", `the text "${value}"`) : value;
  }

  optionalArray(name: string): NetArray | null {
    return this.has(name) ? this.array(name) : null;
  }

  /** Numbers without fractions. */
  wholeArray(name: string): NetArray {
    const array = this.array(name);
    const wrong = array.data.findIndex((number) => !Number.isSafeInteger(number));
    return wrong < 0 ? array : this.refuse(name, "whole numbers", `${array.data[wrong]} at index ${wrong}`);
  }

  /** One number; an array of one element counts, as old exports write it. */
  number(name: string): number {
    const { data, shape } = this.array(name);
    return data.length === 1 ? data[0]! : this.refuse(name, "one number", `shape ${formatShape(shape)}`);
  }

  optionalNumber(name: string): number | null {
    return this.has(name) ? this.number(name) : null;
  }

  wholeNumber(name: string, least: number): number {
    const number = this.number(name);
    if (!Number.isSafeInteger(number) || number < least) this.refuse(name, `a whole number from ${least}`, `${number}`);
    return number;
  }

  /** A list of sizes, each at least `least`; a scalar is a list of one. */
  sizes(name: string, least = 1): number[] {
    const { data, shape } = this.wholeArray(name);
    if (shape.length > 1 || data.length === 0) this.refuse(name, "a list of sizes", `shape ${formatShape(shape)}`);
    const small = data.find((size) => size < least);
    if (small !== undefined) this.refuse(name, `sizes from ${least}`, `${small}`);
    if (sizeOf([...data]) > Number.MAX_SAFE_INTEGER)
      this.refuse(name, "sizes that can be held", formatShape([...data]));
    return [...data];
  }

  /** A number for y and one for x; a scalar means both. */
  pair(name: string, least: number): [number, number] {
    const sizes = this.sizes(name, least);
    const [y, x = y] = sizes;
    if (sizes.length > 2) this.refuse(name, "one number or two (y, x)", formatShape(sizes));
    return [y!, x!];
  }

  /** Fails unless a stored size equals the one that follows from elsewhere. Absent is fine: Lava's loader does not read it. */
  agrees(name: string, expected: readonly number[], from: string): void {
    if (!this.has(name)) return;
    const stored = this.sizes(name);
    const wide = stored.length === 1 && expected.length === 2 ? [stored[0]!, stored[0]!] : stored;
    if (wide.length !== expected.length || wide.some((size, i) => size !== expected[i])) {
      this.refuse(name, `${expected.join(",")} as ${from} has it`, stored.join(","));
    }
  }

  /** Every member that was not asked for; a group among them is refused. */
  extras(): Record<string, NetValue> {
    const rest = [...this.unread].sort();
    return Object.fromEntries(rest.map((name) => [name, this.value(name)]));
  }

  refuse(name: string, expected: string, got: string, hint?: string): never {
    const where = this.file.at(name === "" ? this.place : `${this.place}/${name}`);
    fail("FILE", { where, expected, got, ...(hint ? { hint } : {}) });
  }

  private value(name: string): NetValue {
    this.expectMember(name, "a dataset");
    return this.file.value(`${this.place}/${name}`);
  }

  private expectMember(name: string, expected: string): void {
    if (!this.names.has(name)) this.refuse(name, expected, "none");
    this.unread.delete(name);
  }
}
