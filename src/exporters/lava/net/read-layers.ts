/** Reads a layer group, one entry for each layer type of the format. Sizes inside a layer must agree; how layers fit each other is judged later. */
import { formatShape, nearestName, sizeOf } from "../../../core/index.ts";
import type { GroupReader } from "./group-reader.ts";
import type { ConvLayer, LayerOf, NetArray, NetLayer, NetLayerType, NetNeuron, PoolLayer } from "./net-file.ts";
import { readNeuron } from "./read-neurons.ts";

const neuron = (group: GroupReader): NetNeuron => readNeuron(group.group("neuron"));
const optionalNeuron = (group: GroupReader): NetNeuron | null => (group.has("neuron") ? neuron(group) : null);

/** A matrix `[O, I]`; the loader also takes a list of O*I numbers in row-major order. */
function matrix(group: GroupReader, name: string, outputs: number, inputs?: number): NetArray {
  const { shape, data } = group.array(name);
  const columns = data.length / outputs;
  const fits = shape.length === 1 || (shape.length === 2 && shape[0] === outputs);
  if (!fits || data.length === 0 || !Number.isInteger(columns) || (inputs !== undefined && columns !== inputs)) {
    group.refuse(name, `weights [${outputs}, ${inputs ?? "I"}]`, formatShape(shape));
  }
  return { shape: [outputs, columns], data };
}

/** Kernel weights of four axes; a fifth of size 1 is dropped, as the loader does. */
function kernel(group: GroupReader): NetArray {
  const { shape, data } = group.array("weight");
  const four = shape.length === 5 && shape[4] === 1 ? shape.slice(0, 4) : shape;
  if (four.length !== 4 || four.some((size) => size < 1)) {
    group.refuse("weight", "weights [O, I/groups, kH, kW]", formatShape(shape));
  }
  return { shape: four, data };
}

function bias(group: GroupReader, counts: readonly number[]): NetArray | null {
  const array = group.optionalArray("bias");
  if (array && !counts.includes(array.data.length)) {
    group.refuse("bias", `${counts.join(" or ")} numbers`, `shape ${formatShape(array.shape)}`);
  }
  return array;
}

function delay(group: GroupReader): NetArray | null {
  const array = group.optionalArray("delay");
  const negative = array?.data.find((steps) => steps < 0);
  if (negative !== undefined) group.refuse("delay", "steps from 0", `${negative}`);
  return array;
}

/** What fully connected layers share. The weights come from a dataset of the layer, or from elsewhere. */
function denseParts(
  group: GroupReader,
  weights: (outputs: number) => NetArray = (outputs) => matrix(group, "weight", outputs),
) {
  const shape = layerShape(group);
  const weight = weights(sizeOf(shape));
  const [outputs, inputs] = weight.shape as [number, number];
  group.agrees("outFeatures", [outputs], "weight");
  group.agrees("inFeatures", [inputs], "weight");
  return { shape, weight, bias: bias(group, [1, outputs]), delay: delay(group), neuron: optionalNeuron(group) };
}

/** Real weights are a dataset, complex ones a group of two. */
function dense(group: GroupReader): LayerOf<"dense"> {
  if (!group.isGroup("weight")) return { type: "dense", ...denseParts(group), imaginary: null, extras: group.extras() };
  const complex = group.group("weight");
  const parts = denseParts(group, (outputs) => matrix(complex, "real", outputs));
  const imaginary = matrix(complex, "imag", ...(parts.weight.shape as [number, number]));
  return { type: "dense", ...parts, imaginary, extras: group.extras() };
}

const conv =
  (type: "conv" | "convT") =>
  (group: GroupReader): ConvLayer => {
    const shape = image(group);
    const weight = kernel(group);
    const groups = group.wholeNumber("groups", 1);
    const [rows, columns, ...window] = weight.shape as [number, number, number, number];
    const [outputs, inputs] = type === "conv" ? [rows, columns * groups] : [columns * groups, rows];
    if (outputs !== shape[0] || rows % groups !== 0) {
      group.refuse("weight", `weights for ${shape[0]} output channels in ${groups} groups`, formatShape(weight.shape));
    }
    group.agrees("outChannels", [outputs], "weight");
    group.agrees("inChannels", [inputs], "weight");
    group.agrees("kernelSize", window, "weight");
    return {
      type,
      shape,
      weight,
      groups,
      ...steps(group),
      bias: bias(group, [1, shape[0]!, sizeOf(shape)]),
      delay: delay(group),
      neuron: neuron(group),
      extras: group.extras(),
    };
  };

const pool =
  (type: "pool" | "unpool") =>
  (group: GroupReader): PoolLayer => {
    const weight = kernel(group);
    group.agrees("kernelSize", weight.shape.slice(2), "weight");
    return {
      type,
      shape: image(group),
      kernelSize: [weight.shape[2]!, weight.shape[3]!],
      ...steps(group),
      weight,
      delay: delay(group),
      neuron: neuron(group),
      extras: group.extras(),
    };
  };

/** A hundred times what one chip holds: a damaged or absurd size ends here, before arrays are made of it. */
const MOST_NEURONS = 2 ** 26;

function layerShape(group: GroupReader): number[] {
  const shape = group.sizes("shape");
  return sizeOf(shape) <= MOST_NEURONS
    ? shape
    : group.refuse("shape", `at most ${MOST_NEURONS} neurons`, formatShape(shape));
}

function image(group: GroupReader): number[] {
  const shape = layerShape(group);
  return shape.length === 3 ? shape : group.refuse("shape", "[C, H, W]", formatShape(shape));
}

function steps(group: GroupReader): Pick<ConvLayer, "stride" | "padding" | "dilation"> {
  return { stride: group.pair("stride", 1), padding: group.pair("padding", 0), dilation: group.pair("dilation", 1) };
}

const LAYERS: { [T in NetLayerType]: (group: GroupReader) => LayerOf<T> } = {
  input: (group) => ({
    type: "input",
    shape: layerShape(group),
    weight: group.optionalNumber("weight"),
    bias: group.optionalNumber("bias"),
    neuron: optionalNeuron(group),
    extras: group.extras(),
  }),
  flatten: (group) => ({
    type: "flatten",
    shape: group.has("shape") ? layerShape(group) : null,
    extras: group.extras(),
  }),
  dense,
  dense_rec(group) {
    const parts = denseParts(group);
    const outputs = parts.weight.shape[0]!;
    return {
      type: "dense_rec",
      ...parts,
      weightRec: matrix(group, "weight_rec", outputs, outputs),
      extras: group.extras(),
    };
  },
  conv: conv("conv") as (group: GroupReader) => LayerOf<"conv">,
  convT: conv("convT") as (group: GroupReader) => LayerOf<"convT">,
  pool: pool("pool") as (group: GroupReader) => LayerOf<"pool">,
  unpool: pool("unpool") as (group: GroupReader) => LayerOf<"unpool">,
  average: (group) => ({ type: "average", shape: layerShape(group), extras: group.extras() }),
  concat: (group) => ({
    type: "concat",
    shape: group.has("shape") ? layerShape(group) : null,
    layers: group.has("layers") ? group.sizes("layers", 0) : null,
    extras: group.extras(),
  }),
  dense_comp: (group) => ({ type: "dense_comp", extras: group.extras() }),
};

/**
 * A layer with its numbers.
 * @throws FILE for unknown types, missing members, sizes that disagree, numbers that are none. (Lava's loader drops unknown types without a word.)
 */
export function readLayer(group: GroupReader): NetLayer {
  const type = group.text("type");
  if (Object.hasOwn(LAYERS, type)) return LAYERS[type as NetLayerType](group);
  const known = Object.keys(LAYERS);
  const near = nearestName(type, known);
  return group.refuse("type", `one of ${known.join(", ")}`, `"${type}"`, near ? `Did you mean "${near}"?` : undefined);
}
