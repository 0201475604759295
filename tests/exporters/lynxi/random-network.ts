/** A random network with numbers that a graph holds exactly, its export, and what training and ONNX Runtime make of the same input. */
import { RandomStream } from "../../../src/core/index.ts";
import { layoutOfLowering } from "../../../src/exporters/lynxi/artefact/golden.ts";
import {
  encodeOnnx,
  type Lowering,
  type LoweringOptions,
  lowerGraph,
  type OnnxModel,
  type OnnxRun,
  runModel,
} from "../../../src/exporters/lynxi/index.ts";
import { decodeOnnx } from "../../../src/exporters/lynxi/onnx/decode.ts";
import type { ChipInput } from "../../../src/exporters/target.ts";
import { layers } from "../../../src/layers.ts";
import { initializationStream, type Network, networkFromDescription, resetNet } from "../../../src/model/index.ts";
import { prepareForLynxi } from "../../../src/quantize/index.ts";
import { noGrad, roundFloat16, scope, Tensor, uniform } from "../../../src/tensor/index.ts";
import { Draw, randomDescription } from "./random-description.ts";

const SAMPLES = 3;

export interface RandomCase {
  seed: number;
  network: Network;
  lowering: Lowering;
  model: OnnxModel;
  options: LoweringOptions;
}

/** Batch norms whose folded scale is a power of two, so that folding rounds nothing; everything else any float16 number. */
function settle(network: Network, draw: Draw): void {
  network.root.initialize(initializationStream(draw.whole(0, 2 ** 30)));
  for (const layer of network.layers()) {
    if (layer.kind.startsWith("BatchNorm")) {
      const { eps } = layer.options as { eps: number };
      const fill = (name: string, value: () => number) => {
        const { shape } = layer.tensor(name);
        layer.setTensor(name, Tensor.from(Float32Array.from({ length: shape[0]! }, value), shape));
      };
      fill("running_var", () => 1 - eps);
      fill("running_mean", () => draw.whole(-8, 8) / 64);
      fill("weight", () => draw.pick([0.5, 1, 2]));
      fill("bias", () => draw.whole(-4, 12) / 32);
      continue;
    }
    for (const [name, tensor] of [...layer.parameters]) {
      if (name === "w" || name === "k") continue; // what they stand for is a float16 number already
      const { shape } = tensor;
      const parallel = layer.kind.endsWith("PSN");
      const data = (tensor.toArray() as Float32Array).map((value) => {
        if (name === "bias") return parallel ? -0.25 : draw.whole(-8, 24) / 64;
        // livelier than the usual start, so that deep neurons fire
        return snapped(layer.kind === "SlidingPSN" ? value : 0.3 * Math.abs(value) + 2 * value);
      });
      layer.setTensor(name, Tensor.from(data, shape));
    }
  }
}

/** Multiples of 1/1024, which float16 holds up to 2 also when a norm halves or doubles them. */
const snapped = (value: number): number => Math.max(-1, Math.min(1, Math.round(value * 1024) / 1024));

/** The network of a seed, and its graph as it would be read back from a file. */
export function randomCase(seed: number): RandomCase {
  const draw = new Draw(new RandomStream(seed));
  const network = networkFromDescription(randomDescription(draw), layers);
  scope(() => settle(network, draw));
  const options: LoweringOptions = {
    batch: draw.whole(1, SAMPLES),
    opset: draw.pick([11, 12] as const),
    foldBatchNorm: draw.chance(0.7),
    neuronForm: draw.pick(["shift", "exact"] as const),
    output: draw.pick(["rate", "spikes"] as const),
  };
  const lowering = lowerGraph(network.lower(), options);
  return { seed, network, lowering, options, model: decodeOnnx(encodeOnnx(lowering.model), `network ${seed}`) };
}

export interface Comparison {
  /** Smallest distance of a potential from its threshold in the graph. */
  margin: number;
  /** Mean output of the spiking layers. */
  activity: number;
  /** First difference of ONNX Runtime from training, or null. */
  difference: string | null;
  /** First difference of the emulator, without its rounding, from training, or null. */
  emulated: string | null;
}

/** Differences of rates and potentials that are sums in another order. */
const REAL_TOLERANCE = 1e-4;

/** Runs training's forward pass and the graph on the same encoded samples and compares every spike. */
export async function compareCase({ seed, network, lowering, model }: RandomCase): Promise<Comparison> {
  const trained = trainedOutputs(network, lowering, seed);
  const layout = layoutOfLowering(lowering);
  const compared = potentials(model);
  const values = [...lowering.layers.flatMap(({ neuron }) => neuron?.spikes ?? []), ...compared.keys()];
  const inMode = (mode: "float32" | "emulator32") =>
    runModel(model, layout, trained.input, { mode, spikes: [...new Set(values)] }, `network ${seed}`);
  const run = await inMode("float32");
  const spikesOf = ({ spikes }: OnnxRun) =>
    lowering.layers.flatMap(({ neuron }) => (neuron ? [{ layer: neuron.layer, got: spikes.get(neuron.spikes)! }] : []));
  const differenceOf = (result: OnnxRun) =>
    firstDifference(spikesOf(result), trained.spikes) ??
    outputDifference(result, trained.output, lowering.steps, SAMPLES);
  const fired = spikesOf(run).map(({ got }) => got.reduce((sum, spike) => sum + spike, 0) / got.length);
  return {
    margin: marginOf(run, compared),
    activity: fired.length === 0 ? 0 : fired.reduce((sum, rate) => sum + rate, 0) / fired.length,
    difference: differenceOf(run),
    emulated: differenceOf(await inMode("emulator32")),
  };
}

/** Spikes in all, and how many of the emulator's differ from the float16 twin's and from the prepared network's. */
export interface HalfComparison {
  spikes: number;
  fromTwin: number;
  fromPrepared: number;
}

/** The same network in float16: trained arithmetic, its graph in the emulator, and the graph with explicit roundings in ONNX Runtime. */
export async function compareInHalf({ seed, network }: RandomCase): Promise<HalfComparison> {
  const prepared = prepareForLynxi(network);
  try {
    const lowering = lowerGraph(prepared.lower(), { batch: SAMPLES, foldBatchNorm: false });
    const model = decodeOnnx(encodeOnnx(lowering.model), `network ${seed}`);
    const layout = layoutOfLowering(lowering);
    const trained = trainedOutputs(prepared, lowering, seed);
    const inMode = (mode: "emulator" | "twin") =>
      runModel(model, layout, trained.input, { mode, spikes: layout.spikes }, `network ${seed}`);
    const [chip, twin] = [await inMode("emulator"), await inMode("twin")];
    const counts: HalfComparison = { spikes: 0, fromTwin: 0, fromPrepared: 0 };
    for (const { layer, spikes } of lowering.layers.flatMap(({ neuron }) => neuron ?? [])) {
      const [got, rounded, expected] = [chip.spikes.get(spikes)!, twin.spikes.get(spikes)!, trained.spikes.get(layer)!];
      counts.spikes += got.length;
      counts.fromTwin += got.filter((spike, i) => spike !== rounded[i]).length;
      counts.fromPrepared += got.filter((spike, i) => spike !== expected[i]).length;
    }
    return counts;
  } finally {
    prepared.dispose();
  }
}

/** What is compared with a threshold, and with which. */
function potentials(model: OnnxModel): Map<string, number> {
  const stored = new Map(model.initializers.map((tensor) => [tensor.name, tensor]));
  const found = new Map<string, number>();
  for (const node of model.nodes) {
    if (node.op !== "GreaterOrEqual" && node.op !== "Less") continue;
    found.set(node.inputs[0]!, (stored.get(node.inputs[1]!)!.data as Float32Array)[0]!);
  }
  return found;
}

function marginOf(run: OnnxRun, compared: ReadonlyMap<string, number>): number {
  let margin = Number.POSITIVE_INFINITY;
  for (const [name, threshold] of compared) {
    for (const h of run.spikes.get(name)!) margin = Math.min(margin, Math.abs(h - threshold));
  }
  return margin;
}

/** Encoded input, spikes by layer `[T, N, ...]` and output sequence of the network in evaluation mode. */
function trainedOutputs(network: Network, { form, steps }: Lowering, seed: number) {
  return scope(() => {
    resetNet(network);
    const random = new RandomStream(seed + 1);
    const samples = roundFloat16(uniform([SAMPLES, ...network.inputShape], random));
    const sequence = network.encode(samples, random);
    const spikes = new Map<string, number[]>();
    const output = noGrad(() =>
      network.forwardSequence(sequence, {
        training: false,
        random,
        observe: (layer, output) => spikes.set(layer.path, [...output.toArray()]),
      }),
    );
    resetNet(network);
    const input: ChipInput =
      form === "image"
        ? { form, shape: [...samples.shape], data: samples.toArray() as Float32Array }
        : { form, shape: [...sequence.shape], data: sequence.toArray() as Float32Array };
    return { input, spikes, output: [...output.toArray()], steps };
  });
}

function firstDifference(
  spikes: readonly { layer: string; got: Float32Array }[],
  trained: ReadonlyMap<string, number[]>,
): string | null {
  for (const { layer, got } of spikes) {
    const expected = trained.get(layer)!;
    const at = expected.findIndex((value, i) => value !== got[i]);
    if (at >= 0 || expected.length !== got.length) return `${layer}: spike ${at} of ${expected.length}`;
  }
  return null;
}

function outputDifference(run: OnnxRun, expected: readonly number[], steps: number, samples: number): string | null {
  const features = expected.length / steps / samples;
  const close = (got: number, wanted: number) =>
    Math.abs(got - wanted) <= REAL_TOLERANCE * Math.max(1, Math.abs(wanted));
  if (run.sequence) {
    const at = expected.findIndex((value, i) => !close(run.sequence![i]!, value));
    return at < 0 ? null : `output ${at}: ${run.sequence[at]} instead of ${expected[at]}`;
  }
  for (let i = 0; i < samples * features; i++) {
    const rate =
      Array.from({ length: steps }, (_, t) => expected[t * samples * features + i]!).reduce((a, b) => a + b, 0) / steps;
    if (!close(run.rates[i]!, rate)) return `rate ${i}: ${run.rates[i]} instead of ${rate}`;
  }
  return null;
}
