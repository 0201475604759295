/** A device without memory left: what the message says, and that the process goes on. */
import { afterEach, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { core, devices } from "../../src/kernels/index.ts";
import { layers } from "../../src/layers.ts";
import { networkFromDescription } from "../../src/model/index.ts";
import { backward, mean, scope, sum, Tensor, zeroGrad } from "../../src/tensor/index.ts";
import { TrainingRun, trainingSchema } from "../../src/train/index.ts";
import { errorOf } from "../error-of.ts";
import { smallDataset } from "../train/small-run.ts";
import { DEVICE, describeOnDevice, isEmulated } from "./device.ts";

/** Of the emulated device. A GPU has its own size, which these tests do not try. */
const DEVICE_BYTES = 6_000_000;
process.env.SPIKESHIP_EMULATED_BYTES = `${DEVICE_BYTES}`;

const describeLimited = isEmulated ? describeOnDevice : describe.skip;

const surrogate = { kind: "ATan", alpha: 2 };
const network = (channels: number) =>
  networkFromDescription(
    {
      inputShape: [1, 8, 8],
      steps: 4,
      encoder: { kind: "ConstantEncoder" },
      root: {
        kind: "Sequential",
        layers: {
          conv: { kind: "Conv2d", inChannels: 1, outChannels: channels, kernelSize: 3, padding: 1 },
          fire: { kind: "IFNode", surrogate },
          flatten: { kind: "Flatten" },
          head: { kind: "Linear", inFeatures: channels * 64, outFeatures: 10 },
          last: { kind: "IFNode", surrogate },
        },
      },
    },
    layers,
    1,
  );

const config = (batchSize: number) =>
  trainingSchema.parse({
    epochs: 1,
    batchSize,
    loss: "crossEntropy",
    graph: false,
    optimizer: { kind: "sgd", learningRate: 0.1 },
  });

const live = () => core().deviceMemory(0).liveBytes;

afterEach(() => {
  devices().current = "cpu";
  process.env.SPIKESHIP_EMULATED_BYTES = `${DEVICE_BYTES}`;
});

describeLimited("a device without memory left", () => {
  it("says which tensor of which layer asked, how much, what is there and what would help", () => {
    const net = network(8).to(DEVICE);
    const before = live();
    const { code, message } = errorOf(() =>
      scope(() => {
        const x = Tensor.zeros([400, 1, 8, 8], { device: DEVICE });
        net.forward(x, { training: true, random: new RandomStream(1) });
      }),
    );
    expect(code).toBe("NATIVE");
    expect(message).toMatch(
      /^IFNode "fire", tensor \[4,400,8,8,8\] float32: expected 3\.28 MB of device memory beside .* in use, got .* free of 6\.00 MB\./,
    );
    expect(message).toMatch(/smaller batch or fewer time steps, or accumulate gradients/);
    for (const layer of net.layers()) layer.reset();
    expect(live()).toBe(before);
    net.dispose();
  });

  it("names the operation whose backward pass asked", () => {
    const x = Tensor.zeros([600_000], { device: DEVICE, requiresGrad: true });
    const { message } = errorOf(() => scope(() => backward(sum(x))));
    expect(message).toMatch(/^backward pass of sum, tensor \[600000\] float32: expected 2\.40 MB/);
    x.dispose();
  });

  it("names only the tensor where no layer is at work", () => {
    const { message } = errorOf(() => Tensor.zeros([3_000_000], { device: DEVICE }));
    expect(message).toMatch(/^tensor \[3000000\] float32: expected 12\.0 MB of device memory/);
  });

  it("leaves a training that can go on with a smaller batch", () => {
    const dataset = smallDataset();
    const net = network(8).to(DEVICE);
    const before = live();
    const large = new TrainingRun(net, dataset, config(100), 1);
    const [batch] = large.loader;
    const repeated = {
      count: 1000,
      images: Float32Array.from({ length: 64_000 }, (_, i) => batch!.images[i % 6400]!),
      labels: Int32Array.from({ length: 1000 }, (_, i) => batch!.labels[i % 100]!),
    };
    expect(() => large.step(repeated)).toThrow(/of device memory beside/);
    // what the run itself keeps from its first step on stays
    const kept = live();
    expect(() => large.step(repeated)).toThrow(/of device memory beside/);
    expect(live()).toBe(kept);
    large.dispose();
    expect(live()).toBe(before);
    const small = new TrainingRun(net, dataset, config(10), 1);
    for (const each of small.loader) small.step(each);
    expect(small.sums.samples).toBe(100);
    small.dispose();
    net.dispose();
  });

  it("gives up recorded steps, and nothing else, where there is not enough for both", () => {
    const dataset = smallDataset();
    const train = (limit: number, graph: "auto" | false) => {
      process.env.SPIKESHIP_EMULATED_BYTES = `${limit}`;
      const net = network(8).to(DEVICE);
      const notices: string[] = [];
      const run = new TrainingRun(net, dataset, { ...config(16), graph }, 1, (line) => notices.push(line));
      for (const batch of run.loader) run.step(batch);
      const accuracy = run.evaluate().accuracy;
      const weights = [...net.parameters().values()].map((tensor) => tensor.toArray());
      run.dispose();
      net.dispose();
      return { notices, accuracy, weights };
    };
    const { weights, accuracy } = train(DEVICE_BYTES, false);
    const limits = Array.from({ length: 12 }, (_, i) => 510_000 + 20_000 * i);
    const tight = limits.map((limit) => train(limit, "auto"));
    for (const each of tight) {
      expect(each.weights).toEqual(weights);
      expect(each.accuracy).toBe(accuracy);
      expect(each.notices.join()).toMatch(/^(steps are not recorded: .* free of .*)?$/);
    }
    expect(tight.some(({ notices }) => notices.length === 1)).toBe(true);
    expect(train(DEVICE_BYTES, "auto")).toEqual({ notices: [], accuracy, weights });
  });

  it("takes memory that is only kept before it gives up", () => {
    const before = live();
    // large blocks are rounded up to 2 MB: 1 + 1.2 + 4.2 MB are more than there are
    const sizes = [250_000, 300_000, 700_000];
    for (const count of sizes) {
      const x = Tensor.zeros([count], { device: DEVICE });
      expect(scope(() => mean(x).item())).toBe(0);
      zeroGrad([x]);
      x.dispose();
    }
    expect(live()).toBe(before);
  });
});
