/** Small random networks as JSON descriptions: every layer and neuron that the whole-sequence form can hold, with all resets and options. */
import type { RandomStream } from "../../../src/core/index.ts";
import type { LayerDescription, NetworkDescription } from "../../../src/model/index.ts";

/** Draws for descriptions: one stream, so that a seed says everything. */
export class Draw {
  constructor(readonly random: RandomStream) {}

  whole(low: number, high: number): number {
    return low + Math.floor(this.random.uniform() * (high - low + 1));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.whole(0, from.length - 1)]!;
  }

  chance(probability: number): boolean {
    return this.random.uniform() < probability;
  }
}

type Json = Record<string, unknown>;

/** Time constants whose 1/tau and 1 - 1/tau are float16 numbers: the graph stores them as such, training does not round them. */
const TAUS = [1, 4 / 3, 1.6, 2, 4, 8];
const RESETS = [0, null, -0.25, -0.125, 0.125];

const membrane = (draw: Draw): Json => ({ vThreshold: draw.pick([0.25, 0.5, 0.75, 1]), vReset: draw.pick(RESETS) });

/** Every neuron that exports, with its options. T is only needed where a neuron has a matrix over time. */
const NEURONS: Readonly<Record<string, (draw: Draw, T: number) => Json>> = {
  IFNode: membrane,
  LIFNode: (draw) => ({ ...membrane(draw), tau: draw.pick(TAUS), decayInput: draw.chance(0.5) }),
  ParametricLIFNode: (draw) => ({ ...membrane(draw), initTau: draw.pick([1.6, 2, 4]), decayInput: draw.chance(0.5) }),
  KLIFNode: (draw) => ({
    ...membrane(draw),
    tau: draw.pick(TAUS),
    decayInput: draw.chance(0.5),
    k: draw.pick([0.75, 1, 1.5]),
    scaleReset: draw.chance(0.5),
  }),
  QIFNode: (draw) => ({ ...membrane(draw), tau: draw.pick(TAUS), vRest: -0.125, vC: 0.75, a0: draw.pick([0.5, 1]) }),
  EIFNode: (draw) => ({
    ...membrane(draw),
    tau: draw.pick(TAUS),
    vRest: 0,
    thetaRh: 0.75,
    deltaT: draw.pick([0.5, 1]),
  }),
  CUBALIFNode: (draw) => ({ ...membrane(draw), cDecay: draw.pick([0, 0.5, 0.75]), vDecay: draw.pick([0.5, 0.875, 1]) }),
  PSN: (_, T) => ({ T }),
  MaskedPSN: (draw, T) => ({ T, k: draw.whole(1, T), lambdaInit: draw.pick([0, 0.5, 1]) }),
  SlidingPSN: (draw) => ({ k: draw.whole(1, 4), expInit: draw.chance(0.5) }),
};
export const RANDOM_NEURONS = Object.keys(NEURONS);

export function randomNeuron(draw: Draw, T: number): LayerDescription {
  const kind = draw.pick(RANDOM_NEURONS);
  return { kind, ...NEURONS[kind]!(draw, T) };
}

/** A stack under construction: layers so far and the shape of one step behind them. */
interface Stack {
  layers: LayerDescription[];
  shape: number[];
}

function push(stack: Stack, shape: number[], ...layers: LayerDescription[]): void {
  stack.layers.push(...layers);
  stack.shape = shape;
}

/** A convolution of one or two axes that keeps the size, with a norm now and then. */
function convolution(draw: Draw, [channels = 1, ...spatial]: number[], outChannels: number): LayerDescription[] {
  const axes = spatial.length;
  const groups = channels % 2 === 0 && outChannels % 2 === 0 && draw.chance(0.3) ? 2 : 1;
  const conv = { kind: `Conv${axes}d`, inChannels: channels, outChannels, kernelSize: 3, padding: 1, groups };
  const norm = { kind: `BatchNorm${axes}d`, numFeatures: outChannels };
  return draw.chance(0.4) ? [{ ...conv, bias: draw.chance(0.5) }, norm] : [conv];
}

function convolutionBlock(draw: Draw, T: number, stack: Stack): void {
  const outChannels = draw.whole(1, 4);
  const shape = [outChannels, ...stack.shape.slice(1)];
  push(stack, shape, ...convolution(draw, stack.shape, outChannels), randomNeuron(draw, T));
}

function transposedBlock(draw: Draw, T: number, stack: Stack): void {
  const [channels = 1, ...spatial] = stack.shape;
  const groups = channels % 2 === 0 && draw.chance(0.6) ? 2 : 1;
  const outChannels = groups * draw.whole(1, 3);
  const axes = spatial.length;
  const window = { kernelSize: 3, stride: 2, padding: 1, outputPadding: 1 };
  const sizes = { inChannels: channels, outChannels, groups, bias: draw.chance(0.5) };
  const conv = { kind: `ConvTranspose${axes}d`, ...sizes, ...window };
  const norm = draw.chance(0.5) ? [{ kind: `BatchNorm${axes}d`, numFeatures: outChannels }] : [];
  push(stack, [outChannels, ...spatial.map((size) => size * 2)], conv, ...norm, randomNeuron(draw, T));
}

function poolBlock(draw: Draw, _: number, stack: Stack): void {
  const [channels = 1, ...spatial] = stack.shape;
  const axes = spatial.length;
  if (spatial.some((size) => size % 2 !== 0 || size < 4)) return;
  const half = spatial.map((size) => size / 2);
  const pool = draw.pick<LayerDescription>([
    { kind: `MaxPool${axes}d`, kernelSize: 2 },
    { kind: `AvgPool${axes}d`, kernelSize: 2 },
    { kind: `AdaptiveAvgPool${axes}d`, outputSize: half },
    ...(axes === 2 ? [{ kind: "SumPool2d", kernelSize: 2 }] : []),
  ]);
  push(stack, [channels, ...half], pool);
}

function enlargement(draw: Draw, _: number, stack: Stack): void {
  const [channels = 1, height = 1, width] = stack.shape;
  if (width === undefined || height * width > 20) return;
  push(stack, [channels, height * 2, width * 2], { kind: "Upsample", scaleFactor: 2 });
  if (draw.chance(0.3)) stack.layers.push({ kind: "Dropout", p: 0.5 });
}

function residualBlock(draw: Draw, T: number, stack: Stack): void {
  const [channels = 1] = stack.shape;
  const path = { kind: "Sequential", layers: convolution(draw, stack.shape, channels) };
  const shortcut = draw.chance(0.5)
    ? { shortcut: { kind: "Sequential", layers: [...convolution(draw, stack.shape, channels)] } }
    : {};
  if (draw.chance(0.5)) {
    push(stack, stack.shape, { kind: "SpikingResBlock", path, ...shortcut, neuron: randomNeuron(draw, T) });
    return;
  }
  path.layers.push(randomNeuron(draw, T));
  shortcut.shortcut?.layers.push(randomNeuron(draw, T));
  const connect = draw.pick(["ADD", "AND", "IAND"]);
  push(stack, stack.shape, { kind: "SEWBlock", path, ...shortcut, connect });
}

function nestedBlock(draw: Draw, T: number, stack: Stack): void {
  const inner: Stack = { layers: [], shape: stack.shape };
  convolutionBlock(draw, T, inner);
  push(stack, inner.shape, { kind: "Sequential", layers: { inner: { kind: "Sequential", layers: inner.layers } } });
}

const BLOCKS = [
  convolutionBlock,
  convolutionBlock,
  transposedBlock,
  poolBlock,
  enlargement,
  residualBlock,
  nestedBlock,
];

/** The last layers: a linear one with norm, neuron and votes by chance, or an integrator. */
function head(draw: Draw, T: number, stack: Stack): void {
  const features = stack.shape.reduce((product, size) => product * size, 1);
  if (stack.shape.length > 1) push(stack, [features], { kind: "Flatten" });
  const [classes, votes] = [draw.whole(1, 4), draw.pick([1, 2, 3])];
  const linear = { kind: "Linear", inFeatures: features, outFeatures: classes * votes, bias: draw.chance(0.5) };
  push(stack, [classes * votes], linear);
  if (draw.chance(0.3)) stack.layers.push({ kind: "BatchNorm1d", numFeatures: classes * votes });
  if (draw.chance(0.8)) stack.layers.push(randomNeuron(draw, T));
  else
    stack.layers.push(draw.pick([{ kind: "NonSpikingIFNode" }, { kind: "NonSpikingLIFNode", tau: draw.pick(TAUS) }]));
  if (votes > 1) push(stack, [classes], { kind: "VotingLayer", votingSize: votes });
}

export function randomDescription(draw: Draw): NetworkDescription {
  const steps = draw.whole(1, 16);
  const inputShape = draw.pick([
    [draw.whole(1, 3), draw.whole(3, 6), draw.whole(3, 6)],
    [draw.whole(1, 3), draw.whole(4, 9)],
    [draw.whole(2, 9)],
  ]);
  const stack: Stack = { layers: [], shape: inputShape };
  // a first neuron of its own: whatever stands behind it may need spikes
  if (inputShape.length > 1) convolutionBlock(draw, steps, stack);
  const blocks = inputShape.length > 1 ? draw.whole(0, 3) : 0;
  for (let i = 0; i < blocks; i++) draw.pick(BLOCKS)(draw, steps, stack);
  head(draw, steps, stack);
  const encoder = { kind: draw.chance(0.6) ? "ConstantEncoder" : "PoissonEncoder" };
  return { inputShape, steps, encoder, root: { kind: "Sequential", layers: stack.layers } };
}
