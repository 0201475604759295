/**
 * Collects the states of a network that is lowered as one time-step: each becomes an input of the graph (v1, v2, ..., acc) and an output of
 * the same name with `_out`. The names are given at the end, so that the lowering of a neuron may call its values what it likes.
 */
import { fail, formatShape, sameShape } from "../../../core/index.ts";
import type { BuiltValue, OnnxBuilder } from "../onnx/onnx-builder.ts";
import type { OnnxModel, OnnxTensor } from "../onnx/onnx-model.ts";
import type { LoweredState, StepNeuron } from "./facts.ts";

export const ACCUMULATOR = "acc";
export const STEP_OUTPUT = "y";

interface Pending {
  state: LoweredState;
  /** Value that the next step starts from. */
  next: string | null;
}

export class StateCollector {
  readonly neurons: StepNeuron[] = [];
  readonly #pending: Pending[] = [];

  /** A new state as an input of the graph. `start`: every element before the first step of a sample. */
  take(
    builder: OnnxBuilder,
    role: LoweredState["role"],
    { layer, shape, start }: { layer: string; shape: number[]; start: number },
  ): BuiltValue {
    const number = this.#pending.filter((pending) => pending.state.role !== "accumulator").length + 1;
    const input = role === "accumulator" ? ACCUMULATOR : `v${number}`;
    const type = builder.options.float;
    this.#pending.push({ state: { role, layer, input, output: `${input}_out`, shape, type, start }, next: null });
    return builder.input(input, shape);
  }

  /** What the state is after the step. */
  give(builder: OnnxBuilder, state: BuiltValue, next: BuiltValue): void {
    const pending = this.#pending.find((entry) => entry.state.input === state.name);
    if (!pending || !sameShape(next.shape, pending.state.shape)) {
      fail("STATE", { where: state.name, expected: formatShape(state.shape), got: formatShape(next.shape) });
    }
    pending.next = next.name;
    builder.output(next);
  }

  get states(): LoweredState[] {
    return this.#pending.map(({ state }) => state);
  }

  /**
   * The graph with its ends named and ordered: inputs x, v1, ..., acc; outputs y, v1_out, ..., acc_out, and behind them what was asked for of the
   * layers between, under its own name. The lowering has listed the states first, then the network's output, then those.
   */
  finish(model: OnnxModel): { model: OnnxModel; renamed: ReadonlyMap<string, string> } {
    const [output, ...between] = model.outputs.slice(this.#pending.length);
    const last = output?.name ?? fail("STATE", { where: "graph", expected: "an output", got: "none" });
    const wanted = [
      { value: last, name: STEP_OUTPUT },
      ...this.#pending.map(({ state, next }) => ({
        value: next ?? fail("STATE", { where: state.layer, expected: `a next value of ${state.input}`, got: "none" }),
        name: state.output,
      })),
      ...between.map(({ name }) => ({ value: name, name })),
    ];
    return withNamedOutputs(model, wanted);
  }
}

/**
 * The graph with these outputs under these names. A value that is an input of the graph, or an output already, is copied first (times one,
 * which changes no number): a value has one name.
 */
function withNamedOutputs(model: OnnxModel, wanted: readonly { value: string; name: string }[]) {
  const facts = new Map([...model.inputs, ...model.values, ...model.outputs].map((value) => [value.name, value]));
  const fixed = new Set(model.inputs.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const nodes = [...model.nodes];
  const initializers = [...model.initializers];
  const outputs = wanted.map(({ value, name }) => {
    const { type, shape } = facts.get(value)!;
    if (fixed.has(value) || renamed.has(value)) {
      const one = oneOf(initializers, type === "float16" ? "float16" : "float32");
      nodes.push({ name, op: "Mul", domain: "", inputs: [value, one], outputs: [name], attributes: {} });
    } else renamed.set(value, name);
    return { name, type, shape };
  });
  const now = (name: string): string => renamed.get(name) ?? name;
  return {
    model: {
      ...model,
      initializers,
      nodes: nodes.map((node) => ({ ...node, inputs: node.inputs.map(now), outputs: node.outputs.map(now) })),
      values: model.values.filter(({ name }) => !renamed.has(name)),
      outputs,
    },
    renamed,
  };
}

/** The stored number 1, made where the graph has none. */
function oneOf(initializers: OnnxTensor[], type: "float16" | "float32"): string {
  const name = "number_1";
  if (initializers.some((tensor) => tensor.name === name)) return name;
  const data = type === "float16" ? Uint16Array.of(FLOAT16_ONE) : Float32Array.of(1);
  initializers.push({ name, type, shape: [1], data });
  return name;
}

const FLOAT16_ONE = 0x3c00;
