/** Training steps that a device records once and replays: the same numbers as operation by operation, or a reason why not. */
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { core, devices, type NativeCore } from "../../src/kernels/index.ts";
import { layers } from "../../src/layers.ts";
import { networkFromDescription } from "../../src/model/index.ts";
import { TrainingRun, trainInDirectory, trainingSchema } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { outcomeOf, smallDataset } from "../train/small-run.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

const folder = temporaryFolder();
const surrogate = { kind: "ATan", alpha: 2 };
let runs = 0;

const description = (encoder: string, extra: object[] = [], neuron: object = { kind: "LIFNode", surrogate }) => ({
  inputShape: [1, 8, 8],
  steps: 4,
  encoder: { kind: encoder },
  root: {
    kind: "Sequential",
    layers: [
      { kind: "Conv2d", inChannels: 1, outChannels: 3, kernelSize: 3, padding: 1, bias: false },
      { kind: "BatchNorm2d", numFeatures: 3 },
      { kind: "IFNode", surrogate, vThreshold: 0.6 },
      { kind: "MaxPool2d", kernelSize: 2 },
      { kind: "Flatten" },
      ...extra,
      { kind: "Linear", inFeatures: 48, outFeatures: 10 },
      neuron,
    ],
  },
});

interface Outcome extends ReturnType<typeof outcomeOf> {
  notices: string[];
}

async function trained(network: object, settings: object): Promise<Outcome> {
  const directory = join(folder, `${runs++}`);
  const training = trainingSchema.parse({
    epochs: 2,
    batchSize: 16,
    loss: "crossEntropy",
    optimizer: { kind: "adam", learningRate: 0.01 },
    ...settings,
  });
  const notices: string[] = [];
  const net = networkFromDescription(network, layers, 3);
  try {
    const options = { training, seed: 1, directory, registry: layers, device: DEVICE };
    await trainInDirectory(net, smallDataset(), { ...options, onNotice: (line) => notices.push(line) });
  } finally {
    net.dispose();
  }
  return { ...outcomeOf(directory), notices };
}

/** Calls by which the host waits for the device. */
const WAITS = ["read", "synchronize", "countNonFinite", "countDifferent", "sumSquares"] as const;

/** How often `body` calls a function of the core. */
async function callsIn(names: readonly (keyof NativeCore)[], body: () => Promise<unknown>): Promise<number> {
  const native = core() as unknown as Record<string, (...given: unknown[]) => unknown>;
  const before = names.map((name) => [name, native[name]!] as const);
  let count = 0;
  for (const [name, called] of before) {
    native[name] = (...given) => {
      count++;
      return called.apply(native, given);
    };
  }
  try {
    await body();
  } finally {
    for (const [name, called] of before) native[name] = called;
  }
  return count;
}

/** How often the device replays while `body` runs. */
const replaysIn = (body: () => Promise<unknown>) => callsIn(["replay"], body);

afterEach(() => {
  devices().current = "cpu";
});

/** 100 samples in batches of 16: six of them and one of 4 in each of two epochs; the first goes before the recording. */
const REPLAYS = 11;

describeOnDevice("recorded steps", () => {
  it.each([
    ["of a constant input", "ConstantEncoder", {}],
    ["of random spikes", "PoissonEncoder", {}],
    ["with clipped gradients", "ConstantEncoder", { clipNorm: 0.5 }],
    ["with accumulated gradients", "ConstantEncoder", { accumulate: 2 }],
    ["with the squared loss", "ConstantEncoder", { loss: "mse" }],
    ["with a margin", "ConstantEncoder", { margin: { layers: "all" } }],
    ["with bfloat16 factors", "ConstantEncoder", { precision: "bfloat16" }],
    ["with float16 factors and a scaled loss", "ConstantEncoder", { precision: "float16" }],
    ["with float16 factors and clipped gradients", "ConstantEncoder", { precision: "float16", clipNorm: 0.1 }],
    ["with activations in bfloat16", "ConstantEncoder", { precision: "bfloat16", activations: "half" }],
    ["with activations in float16", "PoissonEncoder", { precision: "float16", activations: "half" }],
    ["with momentum", "ConstantEncoder", { optimizer: { kind: "sgd", learningRate: 0.1, momentum: 0.9 } }],
    ["with plain descent", "ConstantEncoder", { optimizer: { kind: "sgd", learningRate: 0.1 } }],
    [
      "with groups and a rate that changes",
      "ConstantEncoder",
      {
        optimizer: { kind: "adamw", learningRate: 0.01, groups: [{ prefix: "0", rateFactor: 0.1, weightDecay: 0 }] },
        schedule: { kind: "step", stepSize: 1, gamma: 0.5 },
      },
    ],
  ])("%s are replayed and give the bits of steps that are not recorded", async (_, encoder, settings) => {
    const plain = await trained(description(encoder), { ...settings, graph: false });
    let recorded: Outcome | null = null;
    const replays = await replaysIn(async () => {
      recorded = await trained(description(encoder), { ...settings, graph: true });
    });
    // gradients that are added up begin a step before it can be recorded
    expect(replays).toBe("accumulate" in settings ? REPLAYS - 1 : REPLAYS);
    expect(recorded!.tensors).toEqual(plain.tensors);
    expect(recorded!.moments).toEqual(plain.moments);
    expect(recorded!.metrics).toBe(plain.metrics);
    expect(recorded!.notices).toEqual([]);
  });

  it.each([
    ["dropout", description("ConstantEncoder", [{ kind: "Dropout", p: 0.3 }]), /random/],
    ["learned decays", description("ConstantEncoder", [], { kind: "ParametricLIFNode", surrogate }), /download/],
  ])(
    "are given up where the network has %s, with one line of reason and the same numbers",
    async (_, network, reason) => {
      const plain = await trained(network, { graph: false });
      const auto = await trained(network, { graph: "auto" });
      expect(auto.tensors).toEqual(plain.tensors);
      expect(auto.metrics).toBe(plain.metrics);
      expect(auto.notices).toHaveLength(1);
      expect(auto.notices[0]).toMatch(/steps are not recorded/);
      expect(auto.notices[0]).toMatch(reason);
      await expect(trained(network, { graph: true })).rejects.toThrow(/a recorded step can repeat/);
    },
  );

  it("hold the optimizer's step, unless gradients are added up", async () => {
    const steps = (settings: object) =>
      callsIn(["optimizerStep"], () => trained(description("ConstantEncoder"), settings));
    // the first batch, the recording, and the smaller batch of each epoch
    expect(await steps({ graph: true })).toBe(4);
    expect(await steps({ graph: false })).toBe(14);
    expect(await steps({ graph: true, accumulate: 2 })).toBe(8);
  });

  it("are not waited for one by one", async () => {
    const run = (settings: object) => {
      const training = trainingSchema.parse({
        ...{ epochs: 1, batchSize: 4, loss: "crossEntropy", clipNorm: 0.5, precision: "float16" },
        ...{ optimizer: { kind: "adam", learningRate: 0.01 } },
        ...settings,
      });
      const net = networkFromDescription(description("ConstantEncoder"), layers, 3).to(DEVICE);
      return { net, run: new TrainingRun(net, smallDataset(), training, 1) };
    };
    for (const settings of [{ graph: true }, { graph: false }, { graph: true, accumulate: 3 }]) {
      const { net, run: training } = run(settings);
      const waits = await callsIn(WAITS, async () => {
        for (const batch of training.loader) training.step(batch);
      });
      expect(waits).toBe(0);
      expect(training.samples).toBe(100);
      expect(await callsIn(WAITS, async () => training.endEpoch())).toBe(2);
      training.dispose();
      net.dispose();
    }
  });

  it("leave out a step whose scaled gradients overflow, and the next ones are taken", () => {
    const after = (graph: boolean) => {
      const training = trainingSchema.parse({
        ...{ epochs: 1, batchSize: 10, loss: "crossEntropy", precision: "float16", graph },
        optimizer: { kind: "adam", learningRate: 0.01 },
      });
      const net = networkFromDescription(description("ConstantEncoder"), layers, 3).to(DEVICE);
      const run = new TrainingRun(net, smallDataset(), training, 1);
      // the gradients of the loss times this are beyond float16, and some steps later they are not
      run.optimizer.lossScale = { scale: 2 ** 25, goodSteps: 0 };
      for (const batch of run.loader) run.step(batch);
      const { lossScale, optimizerSteps } = run.save().state;
      const weights = [...net.parameters().values()].map((tensor) => tensor.toArray());
      run.dispose();
      net.dispose();
      return { lossScale, steps: new Set(Object.values(optimizerSteps)), weights };
    };
    const [recorded, plain] = [after(true), after(false)];
    expect(recorded).toEqual(plain);
    const [taken] = recorded.steps;
    expect(recorded.lossScale).toEqual({ scale: 2 ** (15 + taken!), goodSteps: taken });
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThan(10);
  });

  it("are recorded again where parameters or moments got other memory", () => {
    const training = trainingSchema.parse({
      ...{ epochs: 1, batchSize: 10, optimizer: { kind: "adam", learningRate: 0.01 } },
    });
    const after = (graph: boolean) => {
      const net = networkFromDescription(description("ConstantEncoder"), layers, 3).to(DEVICE);
      const run = new TrainingRun(net, smallDataset(), { ...training, graph }, 1);
      let batches = 0;
      for (const batch of run.loader) {
        run.step(batch);
        batches++;
        if (batches === 4) net.to("cpu").to(DEVICE);
        if (batches !== 7) continue;
        const { state, tensors } = run.save();
        const moments = [...tensors].map(([name, tensor]) => [name, tensor.toArray() as Float32Array] as const);
        run.optimizer.load(
          new Map<string, Float32Array | number>([...moments, ...Object.entries(state.optimizerSteps)]),
        );
      }
      const { sums, optimizerSteps } = run.save().state;
      const weights = [...net.parameters().values()].map((tensor) => tensor.toArray());
      run.dispose();
      net.dispose();
      return { sums, optimizerSteps, weights };
    };
    expect(after(true)).toEqual(after(false));
  });

  it("that fail are told when somebody asks, and nothing was changed from there on", () => {
    const training = trainingSchema.parse({
      ...{ epochs: 1, batchSize: 10, clipNorm: 1, graph: true, optimizer: { kind: "sgd", learningRate: 0.1 } },
    });
    const net = networkFromDescription(description("ConstantEncoder"), layers, 3).to(DEVICE);
    const run = new TrainingRun(net, smallDataset(), training, 1);
    const weights = () => [...net.parameters().values()].map((tensor) => tensor.toArray());
    let before: unknown = null;
    for (const batch of run.loader) {
      const { batch: number } = run.loader.state;
      if (number === 5) before = weights();
      run.step(number === 5 ? { ...batch, images: batch.images.map(() => Number.NaN) } : batch);
    }
    expect(() => run.save()).toThrow(/gradients: expected a finite norm, got NaN/);
    expect(weights()).toEqual(before);
    run.dispose();
    net.dispose();
  });

  it("give their memory back with the run", async () => {
    const live = () => core().deviceMemory(0).liveBytes;
    const before = live();
    await trained(description("ConstantEncoder"), { graph: true });
    expect(live()).toBe(before);
  });
});
