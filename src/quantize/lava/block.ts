/**
 * Lava's block as a trainable layer: a synapse with 8-bit weights and a CUBA neuron with the chip's integer dynamics
 * (SpikingJelly's `lava_exchange.BlockContainer`, Lava DL's `slayer.block.cuba`). What it computes is what the exported file computes.
 */
import { z } from "zod";
import { fail } from "../../core/index.ts";
import {
  cubaLIFNodeDefinition,
  describeLayer,
  type ForwardContext,
  Layer,
  type LayerDefinition,
  layerFactory,
  makeLayer,
  sumPool2dDefinition,
} from "../../model/index.ts";
import { conv2d, linear, reshape, scope, type Tensor } from "../../tensor/index.ts";
import { quantizeWeights } from "./weights.ts";

const SYNAPSES = ["Conv2d", "Linear", "SumPool2d"];

const options = z
  .strictObject({
    synapse: z.instanceof(Layer).describe("Conv2d or Linear without bias, or SumPool2d"),
    neuron: z.instanceof(Layer).describe("CubaLIFNode; an IFNode or LIFNode is turned into one"),
  })
  .transform((o) => ({ synapse: o.synapse, neuron: asCubaNeuron(o.neuron) }));
export type BlockOptions = z.infer<typeof options>;

/**
 * The CUBA neuron that behaves as an IF or LIF neuron: no current memory (current decay 1), voltage decay 0 or 1/tau.
 * The user's surrogate and detachReset are kept. Note that Loihi fires strictly above the threshold, IF and LIF at it.
 */
export function asCubaNeuron(neuron: Layer): Layer {
  if (neuron.kind === "CubaLIFNode") return neuron;
  const o = neuron.options as Record<string, unknown>;
  if (neuron.kind !== "IFNode" && neuron.kind !== "LIFNode") {
    refuse(
      neuron,
      "an IFNode, LIFNode or CubaLIFNode",
      neuron.kind,
      "Loihi's netx format knows no other spiking neuron here.",
    );
  }
  if (o.vReset !== 0) {
    refuse(neuron, "vReset 0", `vReset ${o.vReset}`, "Loihi resets to 0: train with vReset: 0.");
  }
  if (neuron.kind === "LIFNode" && o.decayInput !== false) {
    refuse(
      neuron,
      "decayInput false",
      "decayInput true",
      "Loihi does not divide the input by tau: train with decayInput: false.",
    );
  }
  const converted = makeLayer(cubaLIFNodeDefinition, {
    currentDecay: 1,
    voltageDecay: neuron.kind === "IFNode" ? 0 : 1 / (o.tau as number),
    vThreshold: o.vThreshold,
    resetGradient: o.detachReset ? "detached" : "full",
    surrogate: o.surrogate,
  });
  converted.path = neuron.path;
  return converted as unknown as Layer;
}

function refuse(layer: Layer, expected: string, got: string, hint: string): never {
  fail("TARGET", { where: `Loihi, ${layer.label}`, expected, got, hint });
}

/** Refuses a synapse that Loihi cannot hold. */
export function expectSynapse(synapse: Layer): void {
  if (!SYNAPSES.includes(synapse.kind)) {
    refuse(synapse, SYNAPSES.join(", "), synapse.kind, "Each block is one synapse followed by one neuron.");
  }
  if ("bias" in synapse.options && synapse.options.bias) {
    refuse(synapse, "no bias", "bias true", "Train with bias: false.");
  }
}

export const blockDefinition: LayerDefinition<BlockOptions> = {
  kind: "Block",
  summary: "Lava's block: 8-bit synapse and CUBA neuron",
  options: options as unknown as z.ZodType<BlockOptions>,
  sees: "sequence",
  children(o) {
    expectSynapse(o.synapse);
    return { synapse: o.synapse, neuron: o.neuron };
  },
  shape: (input, o) => o.neuron.outputShape(o.synapse.outputShape(input)),
  forward(x, layer, context) {
    const [steps = 0, batch = 0, ...rest] = x.shape;
    const current = scope(() => {
      const input = reshape(x, [steps * batch, ...rest]);
      const output = synapseForward(input, layer, context);
      return reshape(output, [steps, batch, ...output.shape.slice(1)]);
    });
    const spikes = layer.children.get("neuron")!.forward(current, context);
    current.dispose();
    return spikes;
  },
  lower(layer, graph) {
    const { synapse, neuron } = layer.options;
    synapse.definition.lower(synapse, graph);
    const node = graph.current;
    if (node.kind === "conv" || node.kind === "linear") {
      const quantized = quantizeWeights(synapse.tensor("weight").detach(), blockScale(layer));
      node.weight = { shape: node.weight.shape, data: quantized.toArray() as Float32Array };
      quantized.dispose();
    }
    neuron.definition.lower(neuron, graph);
  },
  describe: (layer) => ({ synapse: describeLayer(layer.options.synapse), neuron: describeLayer(layer.options.neuron) }),
};

/** Weight steps per training unit of a block. */
export function blockScale(block: Layer<BlockOptions>): number {
  return (block.options.neuron.options as { scale: number }).scale;
}

function synapseForward(x: Tensor, layer: Layer<BlockOptions>, context: ForwardContext): Tensor {
  const { synapse } = layer.options;
  if (synapse.kind === sumPool2dDefinition.kind) return synapse.definition.forward(x, synapse, context);
  const weight = quantizeWeights(synapse.tensor("weight"), blockScale(layer));
  return synapse.kind === "Linear" ? linear(x, weight, null) : conv2d(x, weight, null, synapse.options);
}

const factory = layerFactory(blockDefinition);

/** `Block(Conv2d({ ..., bias: false }), IFNode({ vThreshold: 1 }))`. */
// biome-ignore lint/suspicious/noExplicitAny: synapse and neuron may have any options
export const Block = (synapse: Layer<any>, neuron: Layer<any>): Layer<BlockOptions> => factory({ synapse, neuron });
