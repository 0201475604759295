/** Lava DL's input block: a real input, scaled and biased in 8 bits, drives neurons directly. On the chip the host does both and feeds them. */
import { z } from "zod";
import { Layer, type LayerDefinition, layerFactory, type NeuronNode } from "../../../model/index.ts";
import { add, mul, type Tensor } from "../../../tensor/index.ts";
import { blockExtras, delayMembers, forwardDelays, lowerDelays, quantizing } from "../block-extras.ts";
import { expectBinarySpikes, weightsOnGrid } from "../lower-block.ts";
import { asCubaNeuron, scaleOf } from "../neuron.ts";

const options = z
  .strictObject({
    neuron: z.instanceof(Layer).describe("CubaLIFNode; an IFNode or LIFNode is turned into one"),
    weight: z.number().default(1).describe("factor of the input before training"),
    bias: z.number().default(0).describe("added to the input, before training"),
    reference: blockExtras.reference,
    delayShift: blockExtras.delayShift,
  })
  .overwrite((given) => ({ ...given, neuron: asCubaNeuron(given.neuron, undefined, given.reference) }));
type InputBlockOptions = z.infer<typeof options>;

/**
 * f(q(x) q(weight) + q(bias)) with q the 8-bit grid; parameters `weight` `[1]` and `bias` `[1]`. The neuron sees the product at the grid
 * of its states, the chip only at that of its weights: a file holds it where the weight is a multiple of 0.5. Source: Lava DL, block/base (AbstractInput).
 */
export const inputBlockDefinition: LayerDefinition<InputBlockOptions, z.input<typeof options>> = {
  kind: "InputBlock",
  summary: "Lava's input block: neurons driven by the input itself, scaled and biased",
  options,
  sees: "any",
  rounds: false,
  children: (o) => ({ neuron: o.neuron, ...delayMembers({ ...o, synapse: o.neuron, delay: false }) }),
  shape: (input) => input,
  parameters: ({ weight, bias }) => ({
    weight: { shape: [1], init: { value: weight } },
    bias: { shape: [1], init: { value: bias } },
  }),
  forward(x, layer, context) {
    const inner = quantizing(context, layer.options.neuron);
    const parameter = (name: string) => layer.parameter(name, inner) as Tensor;
    const drive = add(mul(inner.quantize(x, "input"), parameter("weight")), parameter("bias"));
    return forwardDelays(layer.children.get("neuron")!.forward(drive, inner), layer, inner);
  },
  lower(layer, graph) {
    const { neuron } = layer.options;
    expectBinarySpikes(neuron);
    const scale = scaleOf(neuron);
    neuron.definition.lower(neuron, graph);
    const parameter = (name: string) => weightsOnGrid(layer, name, scale)[0]!;
    (graph.current as NeuronNode).hostInput = { scale, weight: parameter("weight"), bias: parameter("bias") };
    lowerDelays(layer, graph);
  },
};

export const InputBlock = layerFactory(inputBlockDefinition);
