/**
 * Values of the emulator: native float32 buffers shared by reference count. A value with `grouped` holds one array per independent call
 * of the graph, one behind the other: the emulator runs many calls at once, as if every value had a further leading axis.
 */
import { fail, formatShape, sizeOf } from "../../../core/index.ts";
import { type BufferId, core } from "../../../kernels/index.ts";
import type { OnnxNode } from "../onnx/onnx-model.ts";

const FLOAT_BYTES = 4;
const LARGEST_VALUE_BYTES = 2 ** 31;

/** A buffer that is released when the last value that shows it is gone. */
export class SharedBuffer {
  #holders = 1;

  constructor(readonly id: BufferId) {}

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    this.#holders--;
    if (this.#holders === 0) core().release(this.id);
  }
}

/** The last axes of a value, together `channels * inner` long, lie in memory as [inner, channels]. */
export interface ChannelOrder {
  channels: number;
  inner: number;
}

export interface Value {
  /** Shape in one call of the graph. */
  shape: number[];
  grouped: boolean;
  /** Null: whole numbers that only describe shapes. */
  buffer: SharedBuffer | null;
  /** Numbers of small constants, on the host. */
  numbers: number[] | null;
  /** Only 0 and 1 occur: what is multiplied by it needs no rounding. */
  binary?: boolean;
  /** Set while memory holds an image channels-last; null and absent: in ONNX's order. */
  order?: ChannelOrder | null;
}

/** Constants up to this size stay readable on the host: scalars of neurons, shapes. */
const LARGEST_HOST_CONSTANT = 16;

export class Machine {
  constructor(
    /** Independent calls of the graph that run together. */
    readonly groups: number,
    readonly rounding: "float16" | "float32",
  ) {}

  count(value: { shape: number[]; grouped: boolean }): number {
    return sizeOf(value.shape) * (value.grouped ? this.groups : 1);
  }

  /** Uninitialised floats. @throws TARGET for sizes that no network of a chip has: the file is damaged. */
  make(shape: number[], grouped: boolean): Value & { buffer: SharedBuffer } {
    const bytes = this.count({ shape, grouped }) * FLOAT_BYTES;
    if (shape.some((size) => !Number.isInteger(size) || size < 1) || bytes > LARGEST_VALUE_BYTES) {
      fail("TARGET", {
        where: "emulator",
        expected: "values of up to 2 GB",
        got: formatShape(shape),
        hint: "Is the file damaged?",
      });
    }
    return { shape, grouped, buffer: new SharedBuffer(core().alloc(bytes)), numbers: null };
  }

  /** The same numbers under another shape. */
  view(value: Value, shape: number[]): Value {
    return { ...value, shape, buffer: value.buffer?.hold() ?? null };
  }

  fromHost(data: Float32Array, shape: number[], grouped: boolean): Value & { buffer: SharedBuffer } {
    const value = this.make(shape, grouped);
    core().write(value.buffer.id, 0, data);
    return value;
  }

  toHost(value: Value): Float32Array {
    const data = new Float32Array(this.count(value));
    core().read(bufferOf(value), 0, data);
    return data;
  }

  constant(data: Float32Array, shape: number[]): Value {
    const value = this.fromHost(data, shape, false);
    this.round(value);
    return data.length <= LARGEST_HOST_CONSTANT ? { ...value, numbers: Array.from(this.toHost(value)) } : value;
  }

  /** Rounds a result in place, as the chip does after every operator. */
  round(value: Value & { buffer: SharedBuffer }): void {
    if (this.rounding === "float16") core().unary("roundFloat16", value.buffer.id, value.buffer.id, this.count(value));
  }

  /** A grouped value with the numbers of one that is the same in every call. Always a new reference. */
  spread(value: Value): Value {
    if (value.grouped) return this.view(value, value.shape);
    const spread = this.make(value.shape, true);
    const bytes = sizeOf(value.shape) * FLOAT_BYTES;
    core().copyStrided(this.groups, bytes, bufferOf(value), 0, 0, spread.buffer.id, 0, bytes);
    return spread;
  }
}

export function bufferOf(value: Value): BufferId {
  return value.buffer?.id ?? fail("TARGET", { where: "emulator", expected: "floating numbers", got: "whole numbers" });
}

export function disposeValue(value: Value): void {
  value.buffer?.release();
}

/** One operator on values. */
export type Emulate = (machine: Machine, node: OnnxNode, inputs: Value[]) => Value;
