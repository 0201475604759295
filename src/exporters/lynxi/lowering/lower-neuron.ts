/**
 * Neurons as ONNX operators: [T*N, ...] is reshaped to [T, N, L] at once (a flatten with a separate split of T failed to compile, says
 * lynxi_exchange.py), each step is a slice [1, N, L], and the spikes are joined again. The equations are those of the neuron's definition.
 */
import { fail, sizeOf } from "../../../core/index.ts";
import {
  initialState,
  type NeuronKind,
  type NeuronNode,
  neuronDefinition,
  neuronKinds,
  type OnnxValue as Operand,
  onnxStep,
  shiftedOptions,
  variantOf,
} from "../../../model/index.ts";
import { roundArray } from "../emulation/float16.ts";
import type { BuiltValue, RoundingRecord } from "../onnx/onnx-builder.ts";
import type { Flow, LoweringContext, NeuronFacts, NeuronForm, NodeLowering, Refusal } from "./context.ts";
import { StepSink } from "./neuron-sink.ts";

const INTEGERS = "It counts on an integer grid with 12-bit decays, which float16 would only approximate.";

/** An answer for every neuron: null, or why it is refused. A missing one does not compile. */
const REFUSED: { [K in NeuronKind]: string | null } = {
  IFNode: null,
  LIFNode: null,
  KLIFNode: null,
  QIFNode: null,
  EIFNode: null,
  CUBALIFNode: null,
  NonSpikingIFNode: null,
  NonSpikingLIFNode: null,
  ParametricLIFNode: "Its learned time constant is not in the graph; lower the network, which writes it as a LIFNode.",
  CubaLIFNode: INTEGERS,
  CubaCurrent: INTEGERS,
  CubaVoltage: INTEGERS,
};

function neuronRefusal(node: NeuronNode): Refusal | null {
  const reason = REFUSED[node.neuron as NeuronKind];
  if (reason === null) return null;
  const accepted = neuronKinds.filter((kind) => REFUSED[kind] === null);
  return {
    rule: "LX004",
    expected: `one of ${accepted.join(", ")}`,
    got: node.neuron,
    hint: reason ?? "There is no way to write this neuron with the chip's operators.",
  };
}

export const neuronLowering: NodeLowering<NeuronNode> = {
  refuse: neuronRefusal,
  lower(node, inputs, context) {
    const { builder, steps, batch } = context;
    const flow = context.timed(inputs[0]!, `${node.id}.repeat`);
    const length = sizeOf(flow.shape);
    const sequence = builder.reshape(`${node.id}.sequence`, flow.value, [steps, batch, length]);
    const spikes = builder.concatRows(`${node.id}.spikes`, unroll(node, sequence, context));
    if (fires(node)) context.neurons.set(node.id, factsOf(node, spikes, context.neuronForm));
    const value = builder.reshape(node.id, spikes, [steps * batch, ...flow.shape]);
    return { ...flow, value } satisfies Flow;
  },
};

/** False: an integrator, whose output is its potential. */
export const fires = ({ neuron }: NeuronNode): boolean => neuronDefinition(neuron).threshold !== undefined;

/** The options that a neuron is written with. */
export const writtenOptions = ({ neuron, options }: NeuronNode, form: NeuronForm): object =>
  (form === "shift" ? shiftedOptions(neuron, options) : null) ?? options;

/** What the neuron gives at each step, `[1, N, L]`: spikes, or the potential of one that never fires. */
function unroll(node: NeuronNode, sequence: BuiltValue, { builder, steps, neuronForm }: LoweringContext): BuiltValue[] {
  const options = writtenOptions(node, neuronForm);
  const rounding = neuronRounding(node, neuronForm);
  if (rounding.change.count > 0) builder.roundings.push(rounding);
  let state: Readonly<Record<string, Operand>> = initialState(node.neuron, options);
  const spikes: BuiltValue[] = [];
  for (let t = 0; t < steps; t++) {
    const step = `${node.id}.t${t}`;
    const x = steps === 1 ? sequence : builder.rows(`${step}.x`, sequence, t, t + 1);
    const sink = new StepSink(builder, step, node.source, x);
    const result = onnxStep(node.neuron, options, sink, { x: x.name, state, reading: "half" });
    spikes.push(sink.value(fires(node) ? result.spike : result.state.v!));
    state = result.state;
  }
  return spikes;
}

/** The neuron's numbers are rounded by its own float16 reading; what that changes goes into the report. */
export function neuronRounding(node: NeuronNode, form: NeuronForm = "shift"): RoundingRecord {
  const options = writtenOptions(node, form);
  const { params, paramNames } = variantOf(node.neuron, options, "float32");
  return {
    place: `${node.source} ${paramNames.join(", ")}`,
    numbers: params.length,
    change: roundArray(params).change,
  };
}

/** What the graph and the manifest say of a neuron layer whose spikes are this value. */
export function factsOf(node: NeuronNode, spikes: BuiltValue, form: NeuronForm = "shift"): NeuronFacts {
  const { vThreshold, vReset } = node.options as { vThreshold?: number; vReset?: number | null };
  if (vThreshold === undefined || vReset === undefined) {
    fail("STATE", {
      where: `neuron "${node.source}"`,
      expected: "vThreshold and vReset",
      got: JSON.stringify(node.options),
    });
  }
  const shifted =
    form === "shift" && vReset !== null && vReset !== 0 && neuronDefinition(node.neuron).shifted !== undefined;
  return {
    layer: node.source,
    kind: node.neuron,
    vThreshold,
    vReset,
    form: shifted ? "shift" : "plain",
    spikes: spikes.name,
  };
}
