/** One entry for each layer type of a `.net` file: the block that Lava's loader builds of it, or why it cannot. */
import { fail, formatShape, sameShape, sizeOf } from "../../../core/index.ts";
import type {
  ConvLayer,
  DenseLayer,
  LayerOf,
  NetArray,
  NetLayer,
  NetLayerType,
  RecurrentLayer,
} from "../net/net-file.ts";
import { placeOf } from "../net/net-file.ts";
import { appendBlock, type Block, expectInput, refuseLayer, type Walk } from "./blocks.ts";
import { type DenseSynapse, loadDense } from "./dense-weights.ts";
import { planNeuron } from "./plan-neurons.ts";
import { windowOutput } from "./window.ts";

/** Longest synaptic delay the loader takes. */
export const DELAY_MAX = 62;

type BlockPlanner<T extends NetLayerType> = (layer: LayerOf<T>, index: number, walk: Walk) => void;

/** Why netx has no block for a layer type, and the way out. */
const refusal =
  (hint: string) =>
  (layer: NetLayer, index: number): never =>
    refuseLayer(index, "a layer that Lava's loader can build", layer.type, hint);

const PLANNERS: { [T in NetLayerType]: BlockPlanner<T> } = {
  input(layer, index, walk) {
    walk.shape = [...layer.shape];
    if (walk.blocks.length > 0) refuseLayer(index, "the input as the first layer", "an input further on", "Remove it.");
    if (walk.inputShape && !sameShape(walk.inputShape, layer.shape)) {
      fail("OPTION", {
        where: "inputShape",
        expected: `${formatShape(layer.shape)}, which the file's input layer says`,
        got: formatShape(walk.inputShape),
        hint: "Leave it out: it is for files without an input layer.",
      });
    }
    walk.inputShape = [...layer.shape];
    if (!layer.neuron) return;
    const shape = [...layer.shape];
    const facts = { index, outputShape: shape, bias: null, spikeExp: walk.spikeExp, first: true };
    appendBlock(walk, {
      layer: index,
      type: "input",
      inputShape: shape,
      outputShape: shape,
      synapse: { kind: "none" },
      neuron: planNeuron(layer.neuron, facts),
      gradedInput: true,
    });
  },
  flatten(_, index, walk) {
    const behindFeatures = walk.blocks.length > 0 && walk.shape!.length !== 3;
    if (behindFeatures)
      refuseLayer(index, "an image [C,H,W] before a flatten", formatShape(walk.shape!), "Remove the flatten.");
    if (walk.shape) walk.shape = [sizeOf(walk.shape)];
    walk.flattened = true;
  },
  dense: (layer, index, walk) => planDense(layer, index, walk),
  dense_rec(layer, index, walk) {
    if (layer.delay) {
      refuseLayer(
        index,
        "a recurrent layer without delays",
        "delays",
        "Lava's loader scales its currents wrongly then; remove the delays.",
      );
    }
    planDense(layer, index, walk);
  },
  conv: (layer, index, walk) => planConv(layer, index, walk),
  pool: refusal("Write a sum pool as a conv layer with one group per channel."),
  convT: refusal("Unroll a small transposed convolution into a dense layer."),
  unpool: refusal("There is no equivalent in the format."),
  average: refusal("Average the output outside of the network."),
  concat: refusal("There is no equivalent in the format."),
  dense_comp: refusal("Complex weights belong into a dense layer's real and imag."),
};

export function planBlock(layer: NetLayer, index: number, walk: Walk): void {
  (PLANNERS[layer.type] as BlockPlanner<NetLayerType>)(layer as never, index, walk);
}

function planDense(layer: DenseLayer | RecurrentLayer, index: number, walk: Walk): void {
  const [outputs, inputs] = layer.weight.shape as [number, number];
  // without an input layer the loader takes the matrix's own size
  walk.shape ??= [inputs];
  walk.inputShape ??= walk.shape;
  const isFirst = walk.blocks.length === 0;
  expectInput(
    walk,
    index,
    (shape) => (shape.length === 1 || isFirst) && sizeOf(shape) === inputs,
    `an input [${inputs}]`,
    walk.shape.length > 1 ? "Put a flatten layer before the dense one." : "Check the sizes of the layers.",
  );
  const imaginary = planImaginary(layer, index);
  const synapses = loadDense(layer.type === "dense_rec" ? [layer.weight, layer.weightRec] : [layer.weight]);
  if (!synapses) refuseZeros(index);
  const [forward, recurrent = null] = synapses;
  const facts = { index, outputShape: [outputs], bias: layer.bias, spikeExp: walk.spikeExp, first: false };
  appendBlock(walk, {
    layer: index,
    type: layer.type,
    inputShape: isFirst ? walk.inputShape : [inputs],
    outputShape: [outputs],
    synapse: {
      kind: "dense",
      forward: forward!,
      recurrent,
      imaginary,
      delays: layer.delay && !imaginary ? planDelays(layer.delay, outputs, inputs, index) : null,
    },
    neuron: planNeuron(layer.neuron, facts),
    gradedInput: walk.graded,
  });
}

function refuseZeros(index: number): never {
  refuseLayer(
    index,
    "at least one weight that is not 0",
    "all zero",
    "Lava's loader fails on it: set one weight or remove the layer.",
  );
}

/** Complex weights and resonators go together: the loader scans both parts by themselves, and drops delays and biases without a word. */
function planImaginary(layer: DenseLayer | RecurrentLayer, index: number): DenseSynapse | null {
  const imaginary = layer.type === "dense" ? layer.imaginary : null;
  const resonates = layer.neuron?.type.includes("RF_") ?? false;
  if (resonates !== (imaginary !== null)) {
    refuseLayer(
      index,
      resonates ? "complex weights for resonators" : "real weights for neurons that are no resonators",
      resonates ? "real weights" : "complex weights",
      "Lava's loader fails on it: correct the weights or the neuron.",
    );
  }
  if (!imaginary) return null;
  const lost = (["bias", "delay"] as const).find((name) => layer[name]?.data.some((value) => Math.trunc(value) !== 0));
  if (lost) {
    const hint = "Lava's loader drops it without a word: train without it.";
    refuseLayer(index, `complex weights without ${lost}`, `a ${lost}`, hint);
  }
  return loadDense([imaginary])?.[0] ?? refuseZeros(index);
}

/** Delays [O,I]: beyond 62 the loader clips, fractions are cut. A list as long as the outputs counts per output, even when there are as many inputs. */
function planDelays({ shape, data }: NetArray, outputs: number, inputs: number, index: number): Int32Array {
  const steps = Int32Array.from(data, (value) => Math.trunc(Math.min(value, DELAY_MAX)));
  const full = new Int32Array(outputs * inputs);
  const at = (output: number, input: number): number => {
    if (shape.length === 0) return steps[0]!;
    if (shape.length === 2) return steps[output * inputs + input]!;
    return steps[shape[0] === outputs ? output : input]!;
  };
  const isMatrix = shape.length === 2 && sameShape(shape, [outputs, inputs]);
  const isList = shape.length === 1 && (shape[0] === outputs || shape[0] === inputs);
  if (shape.length > 0 && !isMatrix && !isList) {
    refuseLayer(
      index,
      `delays [${outputs}], [${inputs}] or one number`,
      formatShape(shape),
      `Correct ${placeOf(index, "delay")}.`,
    );
  }
  for (let i = 0; i < full.length; i++) full[i] = at(Math.floor(i / inputs), i % inputs);
  return full;
}

function planConv(layer: ConvLayer, index: number, walk: Walk): void {
  const [, perGroup, height, width] = layer.weight.shape as [number, number, number, number];
  const channels = perGroup * layer.groups;
  const input = expectInput(
    walk,
    index,
    (shape) => shape.length === 3 && shape[0] === channels && !walk.flattened,
    `an image [${channels}, H, W]`,
    walk.shape ? "Check the order and sizes of the layers." : "Begin the file with an input layer, or give inputShape.",
  );
  if (layer.delay) {
    refuseLayer(
      index,
      "a conv layer without delays",
      "delays",
      "Lava ignores them without a word: move them to a following dense layer.",
    );
  }
  const window = {
    kernelSize: [height, width],
    stride: layer.stride,
    padding: layer.padding,
    dilation: layer.dilation,
  };
  const output = [layer.shape[0]!, ...windowOutput(input.slice(1), window)];
  if (!sameShape(output, layer.shape)) {
    refuseLayer(
      index,
      `shape ${formatShape(output)}, as the sizes give it`,
      formatShape(layer.shape),
      `Correct ${placeOf(index, "shape")}.`,
    );
  }
  const facts = { index, outputShape: output, bias: layer.bias, spikeExp: walk.spikeExp, first: false };
  const block: Block = {
    layer: index,
    type: "conv",
    inputShape: input,
    outputShape: output,
    synapse: {
      kind: "conv",
      conv: {
        weights: Int32Array.from(layer.weight.data, Math.trunc),
        kernel: [height, width],
        stride: layer.stride,
        padding: layer.padding,
        dilation: layer.dilation,
        groups: layer.groups,
      },
    },
    neuron: planNeuron(layer.neuron, facts),
    gradedInput: walk.graded,
  };
  appendBlock(walk, block);
}
