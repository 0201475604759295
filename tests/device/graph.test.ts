/** Training steps that a device records once and replays: the same numbers as operation by operation, or a reason why not. */
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { core, devices } from "../../src/kernels/index.ts";
import { layers } from "../../src/layers.ts";
import { networkFromDescription } from "../../src/model/index.ts";
import { trainInDirectory, trainingSchema } from "../../src/train/index.ts";
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

/** How often the device replays while `body` runs. */
async function replaysIn(body: () => Promise<unknown>): Promise<number> {
  const native = core();
  const { replay } = native;
  let count = 0;
  native.replay = (graph) => {
    count++;
    replay.call(native, graph);
  };
  try {
    await body();
  } finally {
    native.replay = replay;
  }
  return count;
}

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
    ["with activations in bfloat16", "ConstantEncoder", { precision: "bfloat16", activations: "half" }],
    ["with activations in float16", "PoissonEncoder", { precision: "float16", activations: "half" }],
    ["with momentum", "ConstantEncoder", { optimizer: { kind: "sgd", learningRate: 0.1, momentum: 0.9 } }],
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

  it("give their memory back with the run", async () => {
    const live = () => core().deviceMemory(0).liveBytes;
    const before = live();
    await trained(description("ConstantEncoder"), { graph: true });
    expect(live()).toBe(before);
  });
});
