/**
 * Random networks as they come from training: convolutions of any geometry, matrices, recurrence, pools of every kind, norms, biases, delays,
 * leaky, sigma-delta and input neurons, scales 16 to 256. They are prepared for Loihi; what cannot be is refused there, or by the rules.
 */
import {
  AvgPool2d,
  BatchNorm1d,
  BatchNorm2d,
  ConstantEncoder,
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Flatten,
  IFNode,
  type Layer,
  LIFNode,
  Linear,
  MaxPool2d,
  type Network,
  PoissonEncoder,
  Sequential,
  SumPool2d,
} from "../../../src/model/index.ts";
import {
  AxonalDelay,
  Block,
  InputBlock,
  MeanOnlyBatchNorm,
  RecurrentBlock,
  SigmaDelta,
  SigmaDeltaBlock,
  WgtScaleBatchNorm,
} from "../../../src/quantize/index.ts";
import { Tensor } from "../../../src/tensor/index.ts";
import { Numbers } from "./random-net.ts";

const SCALES = [16, 32, 64, 128, 256];
/** At 256 the weight 1 of a pool does not fit. */
const POOL_SCALES = SCALES.slice(0, -1);

/** Layers one after the other, with the shape behind the last one. */
interface Draft {
  numbers: Numbers;
  layers: Layer[];
  shape: number[];
  scales: readonly number[];
  /** Recurrence and delays, before which hardly anything may fire by itself. */
  memory: boolean;
}

function append(draft: Draft, ...layers: Layer[]): void {
  for (const layer of layers) draft.shape = [...layer.outputShape(draft.shape)];
  draft.layers.push(...layers);
}

/** A neuron whose scale, decays and threshold are the chip's own. */
function cuba({ numbers, scales }: Draft, options: object = {}): Layer {
  const decay = () => numbers.pick([1, numbers.between(1, 99) / 100]);
  return CubaLIFNode({
    currentDecay: decay(),
    voltageDecay: numbers.pick([0, decay()]),
    vThreshold: numbers.between(1, 120) / 300,
    scale: numbers.pick(scales),
    ...options,
  });
}

function neuron(draft: Draft): Layer {
  const { numbers } = draft;
  const vThreshold = numbers.between(1, 120) / 300;
  const kind = numbers.between(0, 3);
  if (kind === 0) return IFNode({ vThreshold, vReset: 0 });
  if (kind < 3) {
    return LIFNode({ tau: numbers.between(11, 80) / 10, vThreshold, vReset: 0, decayInput: numbers.chance(0.3) });
  }
  const scale = numbers.pick(draft.scales);
  return cuba(draft, { scale, bias: numbers.chance(0.4) ? numbers.between(-10, draft.memory ? 0 : 20) / scale : 0 });
}

/** A convolution or matrix with a bias sometimes, and what stands behind it up to its neuron. */
function synapseAndNeuron(draft: Draft, make: (bias: boolean) => Layer, norm: (features: number) => Layer): void {
  const { numbers } = draft;
  // those without biases, mostly
  const form = draft.memory && numbers.chance(0.9) ? numbers.pick([0, 4]) : numbers.between(0, 4);
  const features = make(false).outputShape(draft.shape)[0]!;
  if (form === 0) {
    const learned = { requiresGrad: true, channels: features };
    append(draft, Block(make(false), cuba(draft, numbers.chance(0.5) ? learned : {})));
  } else if (form === 1) {
    const numFeatures = features;
    const own = numbers.chance(0.5) ? MeanOnlyBatchNorm({ numFeatures }) : WgtScaleBatchNorm({ numFeatures });
    append(draft, Block(make(false), cuba(draft, { currentDecay: 1, voltageDecay: numbers.pick([0, 0, 0.25]) }), own));
  } else if (form === 2) {
    const leaky = LIFNode({ vThreshold: 0.4, vReset: 0, decayInput: false });
    append(draft, make(numbers.chance(0.5)), norm(features), leaky);
  } else if (form === 3) append(draft, make(true), IFNode({ vThreshold: 0.3, vReset: 0 }));
  else append(draft, make(false), neuron(draft));
}

function convolution(draft: Draft): (bias: boolean) => Layer {
  const { numbers, shape } = draft;
  const [channels = 1, height = 1, width = 1] = shape;
  const groups = numbers.pick([1, 1, channels]);
  const [kernel, dilation] = [numbers.between(1, Math.min(3, height, width)), numbers.pick([1, 1, 2])];
  const fits = dilation * (kernel - 1) < Math.min(height, width);
  const options = {
    inChannels: channels,
    outChannels: groups * numbers.between(1, 3),
    kernelSize: kernel,
    stride: [numbers.between(1, 2), numbers.between(1, 2)],
    padding: numbers.between(0, 1),
    dilation: fits ? dilation : 1,
    groups,
  };
  return (bias) => Conv2d({ ...options, bias });
}

function matrix({ numbers, shape }: Draft): (bias: boolean) => Layer {
  const features = { inFeatures: shape[0]!, outFeatures: numbers.between(1, 10) };
  return (bias) => Linear({ ...features, bias });
}

/** A pool with a neuron of its own, one that its neighbours take up, or a maximum over spikes. */
function pool(draft: Draft): void {
  const { numbers, shape } = draft;
  if (shape[1]! < 2 || shape[2]! < 2) return;
  const window = { kernelSize: 2, stride: numbers.pick([2, 2, 1]) };
  const kind = numbers.between(0, 3);
  if (kind === 0) append(draft, MaxPool2d(window));
  else if (kind === 1) append(draft, AvgPool2d(window));
  else append(draft, SumPool2d(window));
  if (kind === 3) append(draft, neuron(draft));
}

function dense(draft: Draft): void {
  const { numbers } = draft;
  const form = draft.memory ? numbers.between(0, 2) : 2;
  const [inFeatures = 1] = draft.shape;
  if (form === 0) {
    const outFeatures = numbers.between(1, 8);
    const linear = (inputs: number) => Linear({ inFeatures: inputs, outFeatures, bias: false });
    append(draft, RecurrentBlock({ synapse: linear(inFeatures), recurrent: linear(outFeatures), neuron: cuba(draft) }));
  } else {
    if (form === 1 && draft.layers.length > 0) append(draft, AxonalDelay({ channels: inFeatures, maxDelay: 5 }));
    synapseAndNeuron(draft, matrix(draft), (numFeatures) => BatchNorm1d({ numFeatures }));
  }
}

/** Synapses and sigma-delta neurons; small weights, so that float32 holds every sum. */
function sigmaDelta(draft: Draft, last: boolean): void {
  const { numbers } = draft;
  const synapse = (draft.shape.length === 3 ? convolution(draft) : matrix(draft))(false);
  const channels = synapse.outputShape(draft.shape)[0]!;
  const part = last && numbers.chance(0.5) ? "sigma" : "sigmaDelta";
  const biased = part === "sigmaDelta" && numbers.chance(0.4) ? { channels } : {};
  const own = SigmaDelta({ part, threshold: numbers.between(0, 20) / 100, ...biased });
  append(draft, SigmaDeltaBlock({ synapse, neuron: own }));
}

/** Numbers that training would have found. */
function train(network: Network, numbers: Numbers): void {
  const set = (layer: Layer, name: string, value: (before: number) => number) => {
    if (!layer.specs[name]) return;
    const tensor = layer.tensor(name);
    layer.setTensor(name, Tensor.from(Float32Array.from(tensor.toArray(), value), tensor.shape));
  };
  const gain = numbers.pick([1, 1.5, 2.5]);
  for (const layer of network.layers()) {
    if (layer.kind === "InputBlock") continue;
    set(layer, "weight", (weight) => (layer.kind.startsWith("BatchNorm") ? weight : gain * weight));
    set(layer, "running_mean", () => numbers.between(-30, 30) / 100);
    set(layer, "running_var", () => numbers.between(5, 200) / 100);
    set(layer, "delay", () => numbers.between(0, 50) / 10);
    set(layer, "current_decay", () => numbers.pick([4096, numbers.between(100, 4096)]));
    set(layer, "voltage_decay", () => numbers.pick([0, numbers.between(0, 3000)]));
    if (layer.kind === "SigmaDelta") set(layer, "bias", () => -numbers.between(0, 50) / 100);
  }
}

export interface RandomTrained {
  network: Network;
  /** For `prepare`. */
  options: Record<string, unknown>;
}

/** A trained network of up to six layers on images `[C,H,W]` or features. The caller disposes of it. */
export function randomTrained(seed: number): RandomTrained {
  const numbers = new Numbers(seed);
  const family = numbers.pick(["spikes", "spikes", "spikes", "spikes", "input", "sigmaDelta"] as const);
  const spatial = numbers.chance(0.6);
  const inputShape = spatial
    ? [numbers.between(1, 3), numbers.between(4, 8), numbers.between(4, 8)]
    : [numbers.between(2, 20)];
  const hasPool = spatial && numbers.chance(0.5);
  const draft: Draft = {
    numbers,
    layers: [],
    shape: inputShape,
    scales: hasPool ? POOL_SCALES : SCALES,
    memory: numbers.chance(0.5),
  };
  if (family === "input") {
    const scale = numbers.pick(draft.scales);
    // 8 bits hold numbers below 256 steps
    const weight = numbers.pick([0.5, 1, 1.5, 2].filter((choice) => choice * scale < 254));
    append(draft, InputBlock({ neuron: cuba(draft, { scale }), weight, bias: numbers.between(-2, 4) / 32 }));
  }
  if (family === "sigmaDelta")
    append(draft, SigmaDeltaBlock({ neuron: SigmaDelta({ part: "delta", threshold: numbers.between(0, 10) / 100 }) }));
  const blockOf = (last: boolean) => {
    if (family === "sigmaDelta") sigmaDelta(draft, last);
    else if (draft.shape.length === 1) dense(draft);
    else synapseAndNeuron(draft, convolution(draft), (numFeatures) => BatchNorm2d({ numFeatures }));
  };
  for (let n = spatial ? numbers.between(1, 2) : 0; n > 0; n--) {
    blockOf(false);
    if (hasPool && family !== "sigmaDelta") pool(draft);
  }
  if (spatial) append(draft, Flatten({}));
  for (let n = numbers.between(1, 3); n > 0; n--) blockOf(n === 1);
  if (draft.memory && family !== "sigmaDelta" && numbers.chance(0.2))
    append(draft, AxonalDelay({ channels: draft.shape[0]! }));
  const encoder = family === "spikes" ? PoissonEncoder() : numbers.pick([PoissonEncoder(), ConstantEncoder()]);
  const network = createNetwork(
    { inputShape, steps: numbers.between(4, 20), encoder, root: Sequential(draft.layers) },
    seed,
  );
  train(network, numbers);
  return { network, options: { scale: numbers.pick(draft.scales) } };
}
