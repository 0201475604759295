/** Optimizer steps on the device: the CPU's parameters and states bit for bit. */
import { it } from "vitest";
import { core, type SgdOptions } from "../../src/kernels/index.ts";
import { from, noise, read } from "../kernels/buffers.ts";
import { onBoth } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { anyFloats, expectSameBits, replayed } from "./same-bits.ts";

const SIZES = [0, 1, 3, 4, 4099];

function sameSteps(what: string, call: () => Float32Array[]): void {
  const [cpu, device] = onBoth(call);
  for (const [which, values] of device.entries()) expectSameBits(values, cpu[which]!, `${what}, array ${which}`);
}

const sgd = (options: Partial<SgdOptions>): SgdOptions => ({
  ...{ learningRate: 0.1, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, firstStep: false },
  ...options,
});

const SGD: SgdOptions[] = [
  sgd({}),
  sgd({ weightDecay: 0.01 }),
  sgd({ momentum: 0.9, firstStep: true }),
  sgd({ momentum: 0.9, dampening: 0.1, weightDecay: 0.01 }),
  sgd({ momentum: 0.9, nesterov: true }),
];

describeOnDevice("an optimizer step on a device", () => {
  it("of SGD is the CPU's, with and without momentum", () => {
    for (const count of SIZES) {
      for (const numbers of [noise, anyFloats]) {
        for (const options of SGD) {
          sameSteps(`SGD ${JSON.stringify(options)} of ${count}`, () => {
            const [param, momentum] = [from(numbers(count, 1)), options.momentum > 0 ? from(numbers(count, 2)) : 0];
            core().sgdStep(param, from(numbers(count, 3)), momentum, count, options);
            return [read(param), ...(momentum === 0 ? [] : [read(momentum)])];
          });
        }
      }
    }
  });

  it("of Adam and AdamW is the CPU's", () => {
    for (const count of SIZES) {
      for (const numbers of [noise, anyFloats]) {
        for (const decoupled of [false, true]) {
          sameSteps(`Adam of ${count}, decoupled ${decoupled}`, () => {
            const state = [1, 2].map((seed) => from(numbers(count, seed)));
            const variance = from(numbers(count, 3).map(Math.abs));
            const options = {
              learningRate: 0.01,
              beta1: 0.9,
              beta2: 0.999,
              epsilon: 1e-8,
              weightDecay: 0.02,
              decoupled,
            };
            for (const step of [1, 2, 3]) {
              core().adamStep(state[0]!, from(numbers(count, 4)), state[1]!, variance, count, { ...options, step });
            }
            return [...state, variance].map(read);
          });
        }
      }
    }
  });

  it("runs again when a recorded step is replayed", () => {
    const options = sgd({ momentum: 0.9, weightDecay: 0.01 });
    const make = () => [1, 2, 3].map((seed) => from(noise(777, seed))) as [number, number, number];
    const recorded = replayed(make, ([param, grad, momentum]) => core().sgdStep(param, grad, momentum, 777, options));
    const [param, grad, momentum] = make();
    core().sgdStep(param, grad, momentum, 777, options);
    expectSameBits(read(recorded[0]), read(param), "parameters");
    expectSameBits(read(recorded[2]), read(momentum), "momentum");
  });
});
