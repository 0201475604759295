/** Lava DL's recurrent block: `s[t] = f(W x[t] + R s[t-1])`, both matrices with 8-bit weights, on the chip one `dense_rec` layer. */
import { z } from "zod";
import { fail } from "../../../core/index.ts";
import {
  type ForwardContext,
  type GraphBuilder,
  Layer,
  type LayerDefinition,
  layerFactory,
} from "../../../model/index.ts";
import { add, concat, slice, Tensor } from "../../../tensor/index.ts";
import { blockExtras, delayMembers, forwardDelays, lowerDelays, quantizing } from "../block-extras.ts";
import { lowerSynapse } from "../lower-block.ts";
import { asCubaNeuron, rulesOf, withoutStateGradient } from "../neuron.ts";
import { expectNoBias, expectSynapse } from "../synapse.ts";

const options = z
  .strictObject({
    synapse: z.instanceof(Layer).describe("Linear without bias, from the input"),
    recurrent: z.instanceof(Layer).describe("Linear without bias, from the block's own spikes of the step before"),
    neuron: z.instanceof(Layer).describe("CubaLIFNode; an IFNode or LIFNode is turned into one"),
    ...blockExtras,
  })
  .overwrite((given) => {
    const neuron = asCubaNeuron(given.neuron, undefined, given.reference);
    return { ...given, neuron: rulesOf(neuron).detachesRecurrentState ? withoutStateGradient(neuron) : neuron };
  });
type RecurrentBlockOptions = z.infer<typeof options>;

/**
 * x `[T, N, I]` to spikes `[T, N, O]`; weights `[O, I]` and `[O, O]`. The first step sees no spikes, or those that the call before ended
 * with. True gradients by default; slayer's rule (reference slayer) lets no gradient through the neuron's states from step to step, only
 * through its spikes: `grad_s[t] = g[t] + R^T grad_z[t+1]`. Source: Lava DL, block/base (AbstractRecurrent), utils/utils (recurrent).
 */
export const recurrentBlockDefinition: LayerDefinition<RecurrentBlockOptions, z.input<typeof options>> = {
  kind: "RecurrentBlock",
  summary: "Lava's recurrent block: neurons that see their own spikes of the step before",
  options,
  sees: "any",
  rounds: false,
  children(o): Record<string, Layer> {
    for (const synapse of [o.synapse, o.recurrent]) expectLinear(synapse);
    return { synapse: o.synapse, recurrent: o.recurrent, neuron: o.neuron, ...delayMembers(o) };
  },
  shape(input, { synapse, recurrent }) {
    const output = synapse.outputShape(input);
    const back = recurrent.outputShape(output);
    if (back[0] === output[0]) return output;
    return fail("SHAPE", {
      where: `${recurrent.label}, recurrent synapse`,
      expected: `${output[0]} outputs, as many as the block has neurons`,
      got: `${back[0]}`,
    });
  },
  forward: forwardRecurrent,
  lower: lowerRecurrent,
};

function expectLinear(synapse: Layer): void {
  expectSynapse(synapse);
  expectNoBias(synapse);
  if (synapse.kind === "Linear") return;
  fail("OPTION", {
    where: `RecurrentBlock, ${synapse.label}`,
    expected: "Linear",
    got: synapse.kind,
    hint: "The chip's file format has recurrent dense layers only.",
  });
}

function forwardRecurrent(x: Tensor, layer: Layer<RecurrentBlockOptions>, context: ForwardContext): Tensor {
  const inner = quantizing(context, layer.options.neuron);
  const member = (name: string) => layer.children.get(name)!;
  const drive = member("synapse").forward(x, inner);
  const sequence = member("neuron").stepMode === "m";
  const steps = sequence ? drive.shape[0]! : 1;
  let last = layer.state.get("spike") ?? Tensor.zeros(sequence ? [1, ...drive.shape.slice(1)] : drive.shape);
  const spikes: Tensor[] = [];
  for (let t = 0; t < steps; t++) {
    const now = sequence ? slice(drive, 0, t, t + 1) : drive;
    last = member("neuron").forward(add(now, member("recurrent").forward(last, inner)), inner);
    spikes.push(last);
  }
  // slayer begins every call without spikes
  if (!rulesOf(layer.options.neuron).detachesRecurrentState) layer.remember("spike", last.share());
  return forwardDelays(sequence ? concat(spikes, 0) : last, layer, inner);
}

/** Input, sum and neuron; the recurrent matrix reads the neuron, a later node. */
function lowerRecurrent(layer: Layer<RecurrentBlockOptions>, graph: GraphBuilder): void {
  const { synapse, recurrent, neuron } = layer.options;
  const drive = lowerSynapse(synapse, neuron, graph);
  const back = lowerSynapse(recurrent, neuron, graph);
  graph.add("add", { source: layer.path, shape: graph.current.shape, inputs: [drive.id, back.id] });
  neuron.definition.lower(neuron, graph);
  back.inputs = [graph.current.id];
  lowerDelays(layer, graph);
}

export const RecurrentBlock = layerFactory(recurrentBlockDefinition);
