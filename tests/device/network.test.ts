/** Networks, optimizers and checkpoints on a device. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { devices } from "../../src/kernels/index.ts";
import { layers } from "../../src/layers.ts";
import {
  cloneNetwork,
  copyParameters,
  evaluationStream,
  loadCheckpoint,
  type Network,
  networkFromDescription,
  resetNet,
  saveCheckpoint,
} from "../../src/model/index.ts";
import { backward, mean, noGrad, scope, Tensor, withDevice } from "../../src/tensor/index.ts";
import { Optimizer } from "../../src/train/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { smallDescription, smallNetwork } from "../model/small-network.ts";
import { randomNumbers } from "../tensor/gradient.ts";
import { expectClose } from "../tolerance.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

/** Dense sums in another order; no spike of these networks flips by it. */
const OTHER_SUMS = 1e-5;

const folder = temporaryFolder();
const images = (count = 6) => randomNumbers(count * 64, 3, 0, 1);
const numbers = (network: Network) =>
  new Map([...network.stateDict()].map(([name, tensor]) => [name, [...tensor.toArray()]]));

function rates(network: Network): ArrayLike<number> {
  return scope(() => network.predict(Tensor.from(images(), [6, 1, 8, 8]), evaluationStream(1)).toArray());
}

/** A training step that ends before the optimizer. */
function gradients(network: Network): void {
  scope(() => {
    const x = Tensor.from(images(), [6, 1, 8, 8]);
    backward(mean(network.forward(x, { training: true, random: new RandomStream(2) })));
  });
  resetNet(network);
}

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("a network", () => {
  it("moves to a device and back with every number, and its tensors stay the same objects", () => {
    const network = smallNetwork(1);
    const before = numbers(network);
    const tensors = [...network.stateDict().values()];
    expect(network.to(DEVICE)).toBe(network);
    expect(network.device).toBe(DEVICE);
    expect([...network.stateDict().values()]).toEqual(tensors);
    expect(tensors.map(({ device }) => device)).toEqual(tensors.map(() => DEVICE));
    expect(numbers(network)).toEqual(before);
    expect(network.to("cpu").device).toBe("cpu");
    expect(numbers(network)).toEqual(before);
    network.dispose();
  });

  it.each(["PoissonEncoder", "ConstantEncoder", "LatencyEncoder"])("gives the CPU's rates with %s", (encoder) => {
    const network = smallNetwork(1, encoder);
    const stored = rates(network);
    // samples may come from anywhere
    expectClose(rates(network.to(DEVICE)), stored, OTHER_SUMS, "rates");
    expectClose(
      withDevice(DEVICE, () => rates(network)),
      stored,
      OTHER_SUMS,
      "rates of samples on the device",
    );
    network.dispose();
  });

  it("has the CPU's gradients and running statistics after a pass in training", () => {
    const [here, there] = [smallNetwork(1), smallNetwork(1).to(DEVICE)];
    for (const network of [here, there]) gradients(network);
    for (const [name, parameter] of here.parameters()) {
      const grad = there.parameters().get(name)!.grad!;
      expect(grad.device).toBe(DEVICE);
      expectClose(grad.toArray(), parameter.grad!.toArray(), OTHER_SUMS, `gradient of ${name}`);
    }
    for (const [name, tensor] of here.stateDict()) {
      expectClose(there.stateDict().get(name)!.toArray(), tensor.toArray(), OTHER_SUMS, name);
    }
    here.dispose();
    there.dispose();
  });

  it("takes the state of its neurons along in the middle of a sequence", () => {
    const description = smallDescription(8, "ConstantEncoder");
    const run = (move: boolean) => {
      const network = networkFromDescription(description, layers, 4);
      const context = { training: false, random: new RandomStream(1) };
      const outputs = noGrad(() =>
        scope(() =>
          [0, 1].map((part) => {
            if (part === 1 && move) network.to(DEVICE);
            const x = Tensor.from(images(), [6, 1, 8, 8]);
            return network.forwardSequence(network.encode(x, context.random), context).toArray();
          }),
        ),
      );
      resetNet(network);
      network.dispose();
      return outputs;
    };
    expect(run(true)).toEqual(run(false));
  });

  it("is copied to where it lies, and takes numbers from anywhere", () => {
    const network = smallNetwork(1).to(DEVICE);
    const copy = cloneNetwork(network);
    expect([...copy.stateDict().values()].map(({ device }) => device)).toContain(DEVICE);
    expect(copy.device).toBe(DEVICE);
    expect(numbers(copy)).toEqual(numbers(network));
    const other = smallNetwork(9);
    copyParameters(other, network);
    expect(network.parameters().get("head.weight")!.device).toBe(DEVICE);
    expect(numbers(network)).toEqual(numbers(other));
    for (const each of [network, copy, other]) each.dispose();
  });
});

describeOnDevice("a checkpoint", () => {
  it("written on a device equals the one written on the CPU byte for byte, and loads on any device", () => {
    const network = smallNetwork(1);
    const [here, there] = [join(folder, "cpu.safetensors"), join(folder, "device.safetensors")];
    saveCheckpoint(here, network, new Map(), { note: 1 });
    saveCheckpoint(there, network.to(DEVICE), new Map(), { note: 1 });
    expect(readFileSync(there).equals(readFileSync(here))).toBe(true);
    const loaded = withDevice(DEVICE, () => loadCheckpoint(here, layers)).network;
    expect(loaded.device).toBe(DEVICE);
    expect(numbers(loaded)).toEqual(numbers(network));
    for (const each of [network, loaded]) each.dispose();
  });
});

describeOnDevice("an optimizer", () => {
  it("goes on when the network has moved, with its moments where the parameters lie", () => {
    const train = (move: (network: Network, step: number) => void) => {
      const network = smallNetwork(1);
      const optimizer = new Optimizer({ kind: "adam", learningRate: 0.01 }, network.parameters());
      for (let step = 0; step < 3; step++) {
        move(network, step);
        gradients(network);
        optimizer.step();
        optimizer.zeroGrad();
        for (const [name, value] of optimizer.state()) {
          if (value instanceof Tensor) expect(value.device, name).toBe(network.device);
        }
      }
      const result = numbers(network);
      optimizer.dispose();
      network.dispose();
      return result;
    };
    const stored = train(() => {});
    const moved = train((network, step) => network.to(step === 1 ? DEVICE : "cpu"));
    for (const [name, values] of stored) expectClose(moved.get(name)!, values, 1e-4, name);
  });

  it("loads its state to where the parameters lie", () => {
    const network = smallNetwork(1);
    const first = new Optimizer({ kind: "sgd", learningRate: 0.1, momentum: 0.9 }, network.parameters());
    gradients(network);
    first.step();
    first.zeroGrad();
    network.to(DEVICE);
    const second = new Optimizer(first.config, network.parameters());
    second.load(first.state());
    const moment = (optimizer: Optimizer) => optimizer.state().get("head.weight/momentum") as Tensor;
    expect(moment(second).device).toBe(DEVICE);
    expect(moment(second).toArray()).toEqual(moment(first).toArray());
    for (const each of [first, second, network]) each.dispose();
  });
});
