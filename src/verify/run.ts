/**
 * The proof: runs a network and the file that was written from it on the same fixed input and hands both sides to the comparison. The
 * file is read back from disk; weights in memory are never used for its side.
 */
import { type RandomStream, sha256 } from "../core/index.ts";
import { type Split, sampleBatch } from "../data/index.ts";
import type {
  ChipInput,
  ChipRun,
  ChipRuntime,
  ComparisonPlan,
  LayerTrace,
  NumberReport,
  RunMode,
} from "../exporters/index.ts";
import { evaluationStream, isSpikingLayer, type Network, resetNet } from "../model/index.ts";
import { noGrad, scope, Tensor } from "../tensor/index.ts";
import { compareLayers, type LayerComparison } from "./layers.ts";
import { mergeComparisons } from "./merge.ts";
import { compareRuns } from "./predictions.ts";
import { type JudgedComparison, judged } from "./verdict.ts";

/** The prepared network that an export directory carries, for its verification. */
export const NETWORK_FILE = "network.safetensors";

export interface VerifyOptions {
  samples?: number;
  /** Samples run at once; bounds the memory for traces. */
  batchSize?: number;
  seed?: number;
  onProgress?: (done: number, of: number) => void;
}

/** One side of a comparison for some samples. */
export interface SideRun {
  /** Rates `[N, F]`. */
  rates: Float32Array;
  layers: LayerTrace[];
}

export interface NetworkRun extends SideRun {
  /** The samples as the chip receives them. */
  input: ChipInput;
}

export interface Proof {
  comparisons: JudgedComparison[];
  /** SHA-256 of all input the chip received. */
  inputHash: string;
  samples: number;
  /** Per plan: rates `[N, F]` of both sides (of the plan's own samples), and the labels, for confusion matrices. */
  rates: { trained: Float32Array; chip: Float32Array }[];
  labels: Int32Array;
  /** What the numbers behind the spikes did on the first batch, where the chip's arithmetic is not exact. */
  numbers: NumberReport | null;
  /** Both sides of the first plan for the first sample, for pictures. */
  firstSample: { image: Float32Array; trained: SideRun; chip: SideRun } | null;
}

/** Carries out the comparisons of a target on the first samples of a split, batch by batch. */
export async function prove(
  plans: readonly ComparisonPlan[],
  runtime: ChipRuntime,
  split: Split,
  options: VerifyOptions = {},
): Promise<Proof> {
  const count = Math.min(options.samples ?? split.count, split.count);
  const batchSize = options.batchSize ?? 32;
  const collected = plans.map((plan) => new Collector(plan));
  const labels = new Int32Array(count);
  const hashes: string[] = [];
  let firstSample: Proof["firstSample"] = null;
  let numbers: NumberReport | null = null;
  for (let start = 0; start < count; start += batchSize) {
    const size = Math.min(batchSize, count - start);
    const batch = sampleBatch(split, start, size);
    labels.set(batch.labels, start);
    const runs = new BatchRuns(runtime, batch.images, size, () => evaluationStream((options.seed ?? 0) + start));
    for (const collector of collected.filter(({ plan }) => start < (plan.samples ?? count))) {
      const [trained, chip] = [runs.network(collector.plan.network), await runs.chip(collector.plan)];
      collector.add(trained, chip, start);
      firstSample ??= {
        image: batch.images.slice(0, batch.images.length / size),
        trained: first(trained),
        chip: first(chip),
      };
    }
    numbers ??= runtime.numbers?.(runs.input()) ?? null;
    hashes.push(runs.inputHash());
    options.onProgress?.(start + size, count);
  }
  return {
    comparisons: collected.map((collector) => collector.judged(labels)),
    inputHash: sha256(hashes.join("\n")),
    samples: count,
    rates: collected.map((collector) => collector.rates()),
    labels,
    numbers,
    firstSample,
  };
}

/** The runs of one batch, each made once however many comparisons need it. */
class BatchRuns {
  readonly #networks = new Map<Network, NetworkRun>();
  readonly #chip = new Map<RunMode, ChipRun>();

  constructor(
    private readonly runtime: ChipRuntime,
    private readonly images: Float32Array,
    private readonly count: number,
    private readonly random: () => RandomStream,
  ) {}

  network(network: Network): NetworkRun {
    const run = this.#networks.get(network) ?? runNetwork(network, this.images, this.count, this.random());
    this.#networks.set(network, run);
    return run;
  }

  async chip({ network, mode }: ComparisonPlan): Promise<ChipRun> {
    const run =
      this.#chip.get(mode) ?? (await this.runtime.run(this.network(network).input, { mode, layers: true, keep: true }));
    this.#chip.set(mode, run);
    return run;
  }

  /** The samples as the chip receives them. */
  input(): ChipInput {
    const [run] = this.#networks.values();
    return run!.input;
  }

  inputHash(): string {
    const { data } = this.input();
    return sha256(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

/** Gathers one comparison over all batches. */
class Collector {
  #samples = 0;
  readonly #parts: LayerComparison[][] = [];
  readonly #trained: Float32Array[] = [];
  readonly #chip: Float32Array[] = [];
  readonly #events = new Map<string, ChipRun["events"][number]>();

  constructor(readonly plan: ComparisonPlan) {}

  add(trained: NetworkRun, chip: ChipRun, firstSample: number): void {
    this.#parts.push(compareLayers(trained.layers, chip.layers, { firstSample }));
    this.#samples += chip.samples;
    this.#trained.push(trained.rates);
    this.#chip.push(chip.rates);
    for (const event of chip.events) this.#events.set(`${event.rule} ${event.place}`, event);
  }

  rates(): { trained: Float32Array; chip: Float32Array } {
    return { trained: concatenate(this.#trained), chip: concatenate(this.#chip) };
  }

  judged(labels: Int32Array): JudgedComparison {
    const { trained, chip } = this.rates();
    const compared = labels.slice(0, this.#samples);
    return judged(this.plan.title, this.plan.contract, {
      layers: mergeComparisons(this.#parts),
      predictions: compareRuns(trained, chip, compared),
      events: [...this.#events.values()],
    });
  }
}

function concatenate(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((offset, part) => {
    whole.set(part, offset);
    return offset + part.length;
  }, 0);
  return whole;
}

/** The first sample of a batch: traces `[T, 1, ...]`. */
function first({ rates, layers }: SideRun): SideRun {
  const batch = layers[0]?.shape[1] ?? 1;
  return {
    rates: rates.slice(0, rates.length / batch),
    layers: layers.map(({ layer, shape, data }) => {
      const [steps = 0, , ...rest] = shape;
      const size = rest.reduce((product, n) => product * n, 1);
      const picked = new Float32Array(steps * size);
      for (let t = 0; t < steps; t++) picked.set(data.subarray(t * batch * size, t * batch * size + size), t * size);
      return { layer, shape: [steps, 1, ...rest], data: picked };
    }),
  };
}

/** The network's side: its input as the chip receives it, rates, and the spikes of every spiking layer `[T, N, ...]`. */
export function runNetwork(network: Network, images: Float32Array, count: number, random: RandomStream): NetworkRun {
  const layers: LayerTrace[] = [];
  resetNet(network);
  try {
    return scope(() => noGrad(() => observe(network, images, count, random, layers)));
  } finally {
    resetNet(network);
  }
}

function observe(
  network: Network,
  images: Float32Array,
  count: number,
  random: RandomStream,
  layers: LayerTrace[],
): NetworkRun {
  const shape = [count, ...network.inputShape];
  const sequence = network.encode(Tensor.from(images, shape), random);
  const output = network.forwardSequence(sequence, {
    training: false,
    random,
    observe: (layer, tensor) => {
      if (!isSpikingLayer(layer) && !layer.definition.sendsNumbers) return;
      const trace = { layer: layer.path, shape: [...tensor.shape], data: tensor.toArray() as Float32Array };
      const before = layers.at(-1);
      // a recurrent block runs its neuron step by step
      if (before?.layer === trace.layer) layers[layers.length - 1] = inSequence(before, trace);
      else layers.push(trace);
    },
  });
  const input: ChipInput =
    network.encoder.form === "image"
      ? { form: "image", shape, data: images }
      : { form: "sequence", shape: [...sequence.shape], data: sequence.toArray() as Float32Array };
  return { input, rates: meanOverTime(output), layers };
}

/** Two pieces `[T, N, ...]` of one layer's trace, one after the other. */
function inSequence(first: LayerTrace, second: LayerTrace): LayerTrace {
  const [steps = 0, ...rest] = first.shape;
  const data = Float32Array.from([...first.data, ...second.data]);
  return { layer: first.layer, shape: [steps + second.shape[0]!, ...rest], data };
}

/** Spike counts over time divided by T. */
function meanOverTime(output: Tensor): Float32Array {
  const [steps = 1] = output.shape;
  const data = output.toArray() as Float32Array;
  const size = data.length / steps;
  const sums = new Float32Array(size);
  for (let i = 0; i < data.length; i++) sums[i % size]! += data[i]!;
  return sums.map((sum) => sum / steps);
}
