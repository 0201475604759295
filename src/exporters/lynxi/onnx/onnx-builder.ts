/**
 * Builds an ONNX model node by node, with the shape and type of every value known. Names come from the network's layers and from the
 * numbers stored, so the same network always gives the same bytes. Floating numbers are rounded to float16 on the way in.
 */
import { fail, formatShape, sameShape, sizeOf } from "../../../core/index.ts";
import { type RoundingChange, roundArray, toFloat16Bits } from "../emulation/float16.ts";
import {
  type ElementType,
  int,
  ints,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxTensor,
  type OnnxValue,
} from "./onnx-model.ts";
import { withoutDeadParts } from "./onnx-prune.ts";

/** A value of the graph under construction: name, type and static shape. */
export interface BuiltValue {
  name: string;
  type: ElementType;
  shape: number[];
}

export interface BuilderOptions {
  /** Version of the default operator domain: 11 writes `>=` as Not of Less, 12 has GreaterOrEqual. */
  opset: 11 | 12;
  /** How floating values are typed. Their numbers are float16 numbers in both cases. */
  float: "float32" | "float16";
}

/** A rounding that changed numbers, for the report. */
export interface RoundingRecord {
  /** What was rounded, for example `conv_fc.0 weight`. */
  place: string;
  numbers: number;
  change: RoundingChange;
}

/** IR version that ONNX released together with each operator set (onnx/docs/Versioning.md). */
const IR_VERSION = { 11: 6, 12: 7 } as const;

export class OnnxBuilder {
  readonly roundings: RoundingRecord[] = [];
  readonly #model: OnnxModel;
  readonly #values = new Map<string, BuiltValue>();
  readonly #constants = new Map<string, BuiltValue>();
  /** What each Reshape read. */
  readonly #reshaped = new Map<string, BuiltValue>();

  constructor(
    graphName: string,
    readonly options: BuilderOptions,
  ) {
    this.#model = {
      irVersion: IR_VERSION[options.opset],
      opset: options.opset,
      domains: [],
      producer: "spikeship",
      producerVersion: "",
      graphName,
      inputs: [],
      outputs: [],
      initializers: [],
      nodes: [],
      values: [],
    };
  }

  /** Names of the nodes written so far, in order. */
  get nodeNames(): string[] {
    return this.#model.nodes.map(({ name }) => name);
  }

  /** Names of the outputs so far. */
  get outputs(): string[] {
    return this.#model.outputs.map(({ name }) => name);
  }

  /** A value by its name. */
  value(name: string): BuiltValue {
    return this.#values.get(name) ?? fail("STATE", { where: "ONNX graph", expected: `a value "${name}"`, got: "none" });
  }

  input(name: string, shape: number[]): BuiltValue {
    const value = this.claim({ name, type: this.options.float, shape });
    this.#model.inputs.push(value);
    return value;
  }

  /** Makes a value an output of the graph, under its own name. */
  output(value: BuiltValue): void {
    this.#model.outputs.push(value);
    this.#model.values = this.#model.values.filter(({ name }) => name !== value.name);
  }

  /**
   * Appends a node with one output; the node is named as its output.
   * `facts` are the output's shape and type (that of floats when not given).
   */
  node(
    op: string,
    name: string,
    inputs: readonly BuiltValue[],
    facts: { shape: number[]; type?: ElementType },
    attributes: Record<string, OnnxAttribute> = {},
  ): BuiltValue {
    const value = this.claim({ name, type: facts.type ?? this.options.float, shape: facts.shape });
    this.#model.nodes.push({
      name: value.name,
      op,
      domain: "",
      inputs: inputs.map((input) => input.name),
      outputs: [value.name],
      attributes,
    });
    this.#model.values.push(value as OnnxValue);
    return value;
  }

  /** Stored numbers in row-major order, rounded to float16; `place` says in the report what they are. */
  floats(name: string, shape: readonly number[], data: ArrayLike<number>, place: string): BuiltValue {
    const rounded = roundArray(data);
    if (rounded.change.count > 0) {
      this.roundings.push({ place, numbers: data.length, change: rounded.change });
    }
    const half = this.options.float === "float16";
    return this.store({
      name,
      type: this.options.float,
      shape: [...shape],
      data: half ? toFloat16Bits(rounded.data) : rounded.data,
    });
  }

  /** A number of a neuron, shared by all who need the same. Shape [1], which broadcasts against everything. */
  scalar(exact: number, place: string): BuiltValue {
    const { data, change } = roundArray([exact]);
    if (change.count > 0 && !this.roundings.some((record) => record.place === place)) {
      this.roundings.push({ place, numbers: 1, change });
    }
    const number = data[0]!;
    const name = `number_${printable(number)}`;
    const known = this.#constants.get(name);
    if (known) return known;
    const value = this.floats(name, [1], [number], place);
    this.#constants.set(name, value);
    return value;
  }

  /** Whole numbers as an int64 vector (shapes, slice bounds), shared by all who need the same. */
  integers(numbers: readonly number[]): BuiltValue {
    const name = `integers_${numbers.map(printable).join("_")}`;
    const known = this.#constants.get(name);
    if (known) return known;
    const data = BigInt64Array.from(numbers, BigInt);
    const value = this.store({ name, type: "int64", shape: [numbers.length], data });
    this.#constants.set(name, value);
    return value;
  }

  /** One direct Reshape, never a chain of them; none when the shape is already that. */
  reshape(name: string, x: BuiltValue, shape: number[]): BuiltValue {
    if (sizeOf(x.shape) !== sizeOf(shape)) {
      fail("SHAPE", { where: name, expected: formatShape(x.shape), got: formatShape(shape) });
    }
    const source = this.#reshaped.get(x.name) ?? x;
    if (sameShape(source.shape, shape)) return source;
    const value = this.node("Reshape", name, [source, this.integers(shape)], { shape, type: x.type });
    this.#reshaped.set(value.name, source);
    return value;
  }

  /** Rows `start` to `end` - 1 of the first axis, which stays even when it is 1. */
  rows(name: string, x: BuiltValue, start: number, end: number): BuiltValue {
    const bounds = [this.integers([start]), this.integers([end]), this.integers([0])];
    return this.node("Slice", name, [x, ...bounds], { shape: [end - start, ...x.shape.slice(1)], type: x.type });
  }

  /** Joins along the first axis; a list of one is that value. */
  concatRows(name: string, parts: readonly BuiltValue[]): BuiltValue {
    const [first] = parts as [BuiltValue];
    if (parts.length === 1) return first;
    const rows = parts.reduce((sum, part) => sum + part.shape[0]!, 0);
    return this.node("Concat", name, parts, { shape: [rows, ...first.shape.slice(1)] }, { axis: int(0) });
  }

  /** The whole value `times` times along the first axis: row t*N+n is row n. */
  repeatRows(name: string, x: BuiltValue, times: number): BuiltValue {
    if (times === 1) return x;
    const repeats = x.shape.map((_, axis) => (axis === 0 ? times : 1));
    const shape = x.shape.map((size, axis) => size * repeats[axis]!);
    return this.node("Tile", name, [x, this.integers(repeats)], { shape });
  }

  meanOverRows(name: string, x: BuiltValue): BuiltValue {
    return this.node("ReduceMean", name, [x], { shape: x.shape.slice(1) }, { axes: ints([0]), keepdims: int(0) });
  }

  /** The finished model without anything that no output needs. */
  build(): OnnxModel {
    return withoutDeadParts(this.#model);
  }

  private store(tensor: OnnxTensor): BuiltValue {
    this.#model.initializers.push(tensor);
    return this.claim({ name: tensor.name, type: tensor.type, shape: tensor.shape });
  }

  private claim(value: BuiltValue): BuiltValue {
    const { name } = value;
    if (this.#values.has(name)) fail("STATE", { where: "ONNX graph", expected: "a new name", got: `"${name}"` });
    this.#values.set(name, value);
    return value;
  }
}

/** A number as part of a name: -0.25 is `m0.25`, 6e-8 is `6em8`. */
function printable(value: number): string {
  return String(value).replaceAll("-", "m").replaceAll("+", "");
}
