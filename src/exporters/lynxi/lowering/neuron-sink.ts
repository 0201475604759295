/** Where a neuron's definition puts its operators: nodes of one time-step in an ONNX graph, on values [1, N, L]. */
import { fail } from "../../../core/index.ts";
import type { OnnxSink, OnnxValue as Operand } from "../../../model/index.ts";
import type { BuiltValue, OnnxBuilder } from "../onnx/onnx-builder.ts";
import { ELEMENT_TYPES } from "../onnx/onnx-model.ts";

export class StepSink implements OnnxSink {
  readonly #counts = new Map<string, number>();

  /** `step`: name of the step, the stem of all node names. `place`: the layer, for the report. `like`: a value of the step's shape. */
  constructor(
    readonly builder: OnnxBuilder,
    readonly step: string,
    readonly place: string,
    readonly like: BuiltValue,
  ) {}

  constant(value: number): string {
    return this.builder.scalar(value, this.place).name;
  }

  add = (a: string, b: string): string => this.node("Add", "add", [a, b]);
  sub = (a: string, b: string): string => this.node("Sub", "sub", [a, b]);
  mul = (a: string, b: string): string => this.node("Mul", "mul", [a, b]);
  div = (a: string, b: string): string => this.node("Div", "div", [a, b]);

  negate(a: string): string {
    return this.mul(a, this.constant(-1));
  }

  exponential = (a: string): string => this.node("Exp", "exp", [a]);
  relu = (a: string): string => this.node("Relu", "relu", [a]);

  greaterOrEqual(a: string, b: string): string {
    if (this.builder.options.opset >= 12) return this.compare("GreaterOrEqual", "fires", [a, b]);
    return this.compare("Not", "fires", [this.compare("Less", "below", [a, b])]);
  }

  /** Strictly above: the chip's operator tables know only >=, so no neuron with it is accepted; the word exists for the interface. */
  greater(a: string, b: string): string {
    return this.compare("Greater", "fires", [a, b]);
  }

  cast(condition: string): string {
    const type = this.builder.options.float;
    return this.node("Cast", "spike", [condition], { to: { kind: "int", value: ELEMENT_TYPES[type] } });
  }

  /** The value of a name that this step made. */
  value(operand: Operand): BuiltValue {
    if (typeof operand === "string") return this.builder.value(operand);
    fail("STATE", { where: this.step, expected: "spikes that depend on the input", got: `${operand} at every step` });
  }

  private node(op: string, word: string, inputs: string[], attributes = {}): string {
    const values = inputs.map((name) => this.builder.value(name));
    return this.builder.node(op, this.name(word), values, { shape: this.like.shape }, attributes).name;
  }

  private compare(op: string, word: string, inputs: string[]): string {
    const values = inputs.map((name) => this.builder.value(name));
    return this.builder.node(op, this.name(word), values, { shape: this.like.shape, type: "bool" }).name;
  }

  private name(word: string): string {
    const count = (this.#counts.get(word) ?? 0) + 1;
    this.#counts.set(word, count);
    return `${this.step}.${word}${count > 1 ? `_${count}` : ""}`;
  }
}
