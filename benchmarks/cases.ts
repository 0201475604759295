/** The benchmarked work by name. A case is prepared in a process of its own, then run again and again. */
import { evaluationStream, type Network } from "../src/model/index.ts";
import { Tensor } from "../src/tensor/index.ts";
import { TrainingRun, trainingSchema } from "../src/train/index.ts";
import { csnn, digitImages, lavaNetwork } from "./networks.ts";
import { prepareNeurons } from "./neurons.ts";
import type { Prepared } from "./prepared.ts";
import type { Sizes } from "./sizes.ts";
import { csnnWork, lavaWork, neuronBytes } from "./work.ts";

export interface BenchmarkCase {
  name: string;
  /** Images that one run handles; null: none. */
  images: number | null;
  flops: number | null;
  bytes: number | null;
  /** Neuron-steps of one run, for the neuron cases. */
  neuronSteps?: number;
  prepare(): Prepared | Promise<Prepared>;
}

export function benchmarkCases(sizes: Sizes): BenchmarkCase[] {
  const [large, small] = sizes.csnnChannels;
  return [
    ...csnnCases("csnn-c128-t4-b16", large, sizes),
    ...csnnCases("csnn-c32-t4-b16", small, sizes),
    {
      name: "lava-c16-t32-b16/train",
      images: sizes.batch,
      ...lavaWork(sizes, true),
      prepare: () => trainingCase(lavaNetwork(sizes), sizes, "crossEntropy", { kind: "adam", learningRate: 1e-3 }),
    },
    {
      name: "lava-c16-t32-b16/infer",
      images: sizes.batch,
      ...lavaWork(sizes, false),
      prepare: () => inferenceCase(lavaNetwork(sizes), sizes),
    },
    neuronCase("if-t4", "IFNode", 4, sizes),
    neuronCase("if-t16", "IFNode", 16, sizes),
    neuronCase("lif-t4", "LIFNode", 4, sizes),
    neuronCase("lif-t16", "LIFNode", 16, sizes),
    {
      name: "loihi-sim-c16-t32",
      images: sizes.simulatedImages,
      flops: null,
      bytes: null,
      // loads the exporters, which the other cases do without
      prepare: async () => (await import("./simulator.ts")).prepareSimulator(sizes),
    },
  ];
}

function csnnCases(name: string, channels: number, sizes: Sizes): BenchmarkCase[] {
  const optimizer = { kind: "sgd", learningRate: 0.05, momentum: 0.9 };
  return [
    {
      name: `${name}/train`,
      images: sizes.batch,
      ...csnnWork(channels, sizes, true),
      prepare: () => trainingCase(csnn(channels, sizes), sizes, "mse", optimizer),
    },
    {
      name: `${name}/infer`,
      images: sizes.batch,
      ...csnnWork(channels, sizes, false),
      prepare: () => inferenceCase(csnn(channels, sizes), sizes),
    },
  ];
}

function neuronCase(name: string, kind: "IFNode" | "LIFNode", steps: number, { neurons }: Sizes): BenchmarkCase {
  const [rows, columns] = neurons;
  return {
    name,
    images: null,
    flops: null,
    bytes: neuronBytes(rows * columns, steps),
    neuronSteps: rows * columns * steps,
    prepare: () => prepareNeurons(kind, steps, neurons),
  };
}

/** Whole training steps, as `spikeship train` makes them: encoder, forward, loss, backward, optimizer. `more`: of the training's config. */
export function trainingCase(
  network: Network,
  sizes: Sizes,
  loss: string,
  optimizer: object,
  more: object = {},
): Prepared {
  const samples = digitImages(sizes.batch, sizes);
  const split = { ...samples, levels: null, count: sizes.batch };
  const { image, batch } = sizes;
  const dataset = {
    name: "benchmark",
    shape: [1, image, image] as [number, number, number],
    classes: 10,
    train: split,
    test: split,
  };
  const config = trainingSchema.parse({ epochs: 1, batchSize: batch, loss, optimizer, ...more });
  const training = new TrainingRun(network, dataset, config, 0);
  return {
    run: () => training.step({ ...samples, count: batch }),
    dispose() {
      training.dispose();
      network.dispose();
    },
  };
}

/** Rates of one batch in evaluation mode: encoder, forward, mean over time. */
function inferenceCase(network: Network, sizes: Sizes): Prepared {
  const { batch, image } = sizes;
  const samples = Tensor.from(digitImages(batch, sizes).images, [batch, 1, image, image]);
  const random = evaluationStream(0);
  return {
    run: () => network.predict(samples, random).dispose(),
    dispose() {
      samples.dispose();
      network.dispose();
    },
  };
}
