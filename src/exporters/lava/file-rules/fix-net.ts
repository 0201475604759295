/**
 * Legal rewrites of a `.net` file, whoever wrote it: what Lava's loader refuses or does not read is said in words that it understands. They
 * are exact, except where the loader would spoil a matrix anyway: that becomes the nearest one that it leaves alone.
 */
import type { FileChange } from "../../target.ts";
import { WEIGHT_MAX, WEIGHT_MIN } from "../chip/dense-weights.ts";
import { THRESHOLD_MAX } from "../chip/limits.ts";
import { DECAY_ONE, dependsOnMachine, sturdyDecay } from "../chip/neurons/index.ts";
import { DELAY_MAX } from "../chip/plan-blocks.ts";
import { windowOutput } from "../chip/window.ts";
import {
  type ConvLayer,
  type CubaNeuron,
  type NetArray,
  type NetFile,
  type NetLayer,
  type NetNeuron,
  netArray,
  neuronOf,
  type PoolLayer,
  placeOf,
} from "../net/net-file.ts";
import { repairDense } from "./repair-dense.ts";

export interface FixedNet {
  net: NetFile;
  changes: FileChange[];
}

/** A rewrite of one layer: the new one and what was done, or null where it does not apply. */
type Rewrite = (layer: NetLayer, before: NetLayer | undefined) => { layer: NetLayer; change: Change } | null;
type Change = Pick<FileChange, "rule" | "what" | "count" | "largestChange" | "allowance"> & { member?: string };

/** A sum pool is a convolution of each channel by itself. Not where slayer's own pool is something else. */
const pools: Rewrite = (layer, before) => {
  if (layer.type !== "pool" || layer.delay) return null;
  const input = before && "shape" in before ? before.shape : null;
  const { kernelSize, stride, padding, dilation, shape, weight, neuron, extras } = layer;
  const plain = [0, 1].every(
    (axis) => stride[axis] === kernelSize[axis] && padding[axis] === 0 && dilation[axis] === 1,
  );
  if (!plain || !input || !agrees(layer, input)) return null;
  const channels = shape[0]!;
  const kernel = Array.from({ length: channels }, () => [...weight.data]).flat();
  const conv: ConvLayer = {
    type: "conv",
    shape,
    weight: netArray([channels, 1, ...kernelSize], kernel),
    stride,
    padding,
    dilation,
    groups: channels,
    bias: null,
    delay: null,
    neuron,
    extras,
  };
  const what = "sum pool written as a convolution with one group per channel";
  return { layer: conv, change: { rule: "loihi/unsupported-layer", what, count: 1, largestChange: 0 } };
};

const agrees = (pool: PoolLayer, input: readonly number[]): boolean =>
  input.length === 3 && windowOutput(input.slice(1), pool).every((size, axis) => size === pool.shape[axis + 1]);

/** The same layer with another neuron. */
function withNeuron(layer: NetLayer, neuron: NetNeuron): NetLayer {
  return { ...layer, neuron } as NetLayer;
}

function without(extras: NetNeuron["extras"], name: string): NetNeuron["extras"] {
  return Object.fromEntries(Object.entries(extras).filter(([other]) => other !== name));
}

/** What slayer trained with, whatever exponent it wrote. */
const NORM_EXPONENT_MAX = 3;

/** A norm that divides by a power of two is a threshold that is as much larger, where nothing is rounded in between. */
const normExponents: Rewrite = (layer) => {
  const neuron = neuronOf(layer);
  if (neuron?.type !== "CUBA" && neuron?.type !== "LOIHI") return null;
  const stored = neuron.extras.weight_exp;
  const exponent = stored && typeof stored === "object" ? (stored.data[0] ?? 0) : 0;
  const clamped = Math.max(-NORM_EXPONENT_MAX, Math.min(NORM_EXPONENT_MAX, exponent));
  const vThMant = neuron.vThMant * 2 ** clamped;
  if (exponent === 0 || !isMemoryless(neuron) || !Number.isInteger(vThMant) || vThMant > THRESHOLD_MAX) return null;
  const extras = without(neuron.extras, "weight_exp");
  const what = `norm exponent ${exponent} lowered into the threshold: vThMant ${neuron.vThMant} becomes ${vThMant}`;
  const change = {
    rule: "loihi/norm-exponent",
    member: "neuron",
    what,
    count: 1,
    largestChange: vThMant - neuron.vThMant,
  };
  return { layer: withNeuron(layer, { ...neuron, vThMant, extras }), change };
};

/** No leak rounds: what is scaled beforehand is scaled afterwards. */
const isMemoryless = ({ iDecay, vDecay }: CubaNeuron): boolean =>
  iDecay.data.every((decay) => decay === DECAY_ONE) && vDecay.data.every((decay) => decay === 0 || decay === DECAY_ONE);

const resonatorDecays: Rewrite = (layer) => {
  const neuron = neuronOf(layer);
  if (!neuron || !("sinDecay" in neuron)) return null;
  const { sinDecay, cosDecay } = neuron;
  const at = ({ data }: NetArray, i: number) => data[data.length === 1 ? 0 : i]!;
  const count = Math.max(sinDecay.data.length, cosDecay.data.length);
  const pairs = Array.from({ length: count }, (_, i) => ({ sine: at(sinDecay, i), cosine: at(cosDecay, i) }));
  const unsure = pairs.filter(dependsOnMachine).length;
  const whole = [sinDecay, cosDecay].every(({ data }) => data.every(Number.isInteger));
  if (unsure === 0 || !whole) return null;
  const sturdy = ({ shape, data }: NetArray): NetArray => ({
    shape,
    data: data.map((value) => (value === 0 ? 0 : sturdyDecay(value))),
  });
  const what = "decays written half a step further from 0, so that every machine loads them as they were trained";
  const change = { rule: "loihi/resonator-decay", member: "neuron", what, count: unsure, largestChange: 0.5 };
  return { layer: withNeuron(layer, { ...neuron, sinDecay: sturdy(sinDecay), cosDecay: sturdy(cosDecay) }), change };
};

const messageBits: Rewrite = (layer) => {
  const neuron = neuronOf(layer);
  if (!neuron?.extras.messageBits) return null;
  const change = {
    rule: "loihi/message-bits",
    member: "neuron/messageBits",
    what: "removed",
    count: 1,
    largestChange: 0,
  };
  return { layer: withNeuron(layer, { ...neuron, extras: without(neuron.extras, "messageBits") }), change };
};

/** A sigma output takes no biases, but some writers store zeros. */
const zeroBiases: Rewrite = (layer) => {
  const neuron = neuronOf(layer);
  const sums = neuron?.type === "SDNN" && neuron.sigmaOutput;
  if (!sums || !("bias" in layer) || !layer.bias || typeof layer.bias !== "object") return null;
  if (layer.bias.data.some((value) => Math.trunc(value) !== 0)) return null;
  const change = { rule: "loihi/sigma-bias", member: "bias", what: "biases of 0 removed", count: 1, largestChange: 0 };
  return { layer: { ...layer, bias: null } as NetLayer, change };
};

/** As the loader would, with a warning that nobody reads. */
const longDelays: Rewrite = (layer) => {
  if (layer.type !== "dense" || !layer.delay) return null;
  const long = layer.delay.data.filter((steps) => steps > DELAY_MAX);
  if (long.length === 0) return null;
  const delay = { ...layer.delay, data: layer.delay.data.map((steps) => Math.min(steps, DELAY_MAX)) };
  const largestChange = long.reduce((most, steps) => Math.max(most, steps - DELAY_MAX), 0);
  const what = `delays clipped to ${DELAY_MAX} steps, as Lava's loader does`;
  return {
    layer: { ...layer, delay },
    change: { rule: "loihi/delay", member: "delay", what, count: long.length, largestChange },
  };
};

/** A matrix that the loader cannot load, or changes. */
const matrices: Rewrite = (layer) => {
  if (layer.type !== "dense" && layer.type !== "dense_rec") return null;
  const imaginary = layer.type === "dense" ? layer.imaginary : null;
  if (layer.type === "dense_rec") {
    const mended = mend([layer.weight, layer.weightRec]);
    const [weight, weightRec] = mended?.matrices ?? [];
    return mended && { layer: { ...layer, weight: weight!, weightRec: weightRec! }, change: mended.change };
  }
  const mended = mend([layer.weight]) ?? null;
  if (mended) return { layer: { ...layer, weight: mended.matrices[0]! }, change: mended.change };
  const other = imaginary && mend([imaginary]);
  return other && { layer: { ...layer, imaginary: other.matrices[0]! }, change: other.change };
};

/** The rule that finds what the loader would do. */
function spoiledBy(stored: readonly NetArray[]): string {
  const some = (wrong: (value: number) => boolean) =>
    stored.some(({ data }) => data.some((value) => wrong(Math.trunc(value))));
  if (!some((value) => value !== 0)) return "loihi/loadable";
  return some((value) => value > WEIGHT_MAX || value < WEIGHT_MIN) ? "loihi/dense-range" : "loihi/dense-precision";
}

function mend(stored: readonly NetArray[]): { matrices: NetArray[]; change: Change } | null {
  const repaired = repairDense(stored);
  if (!repaired || repaired.changes.length === 0) return null;
  const largestChange = repaired.changes.reduce((most, { from, to }) => Math.max(most, Math.abs(to - from)), 0);
  const what = "nearest weights that Lava's loader leaves as they are";
  const allowance = `weights moved by at most ${largestChange} steps`;
  const change = {
    rule: spoiledBy(stored),
    member: "weight",
    what,
    allowance,
    count: repaired.changes.length,
    largestChange,
  };
  return { matrices: repaired.matrices, change };
}

const REWRITES: readonly Rewrite[] = [
  pools,
  normExponents,
  resonatorDecays,
  messageBits,
  zeroBiases,
  longDelays,
  matrices,
];

/** The network after all rewrites, and what was changed. */
export function fixNet(net: NetFile): FixedNet {
  const changes: FileChange[] = [];
  const layers = net.layers.map((original, index) => {
    let layer = original;
    for (const rewrite of REWRITES) {
      const done = rewrite(layer, net.layers[index - 1]);
      if (!done) continue;
      const { member, ...change } = done.change;
      changes.push({ ...change, place: placeOf(index, member), exact: change.allowance === undefined });
      layer = done.layer;
    }
    return layer;
  });
  return { net: { ...net, layers }, changes };
}
