/** The neuron cases: a neuron layer alone over [T, rows, columns], forward and backward, as a network uses it. */
import { RandomStream } from "../src/core/index.ts";
import { IFNode, LIFNode } from "../src/model/index.ts";
import { backwardFrom, uniform, Variable, zeroGrad } from "../src/tensor/index.ts";
import type { Prepared } from "./prepared.ts";

const FACTORIES = { IFNode, LIFNode };

/** Inputs are uniform in [0, 1), so that an IF neuron fires about every other step, and gradients are uniform too. */
export function prepareNeurons(
  kind: keyof typeof FACTORIES,
  steps: number,
  neurons: readonly [number, number],
): Prepared {
  const layer = FACTORIES[kind]({ surrogate: { kind: "ATan" } });
  layer.stepMode = "m";
  const shape = [steps, ...neurons];
  const random = new RandomStream(0);
  const x = uniform(shape, random);
  x.variable = new Variable(true);
  const gradient = uniform(shape, random);
  return {
    run() {
      const spikes = layer.forward(x, { training: true, random });
      backwardFrom([[spikes, gradient]]);
      spikes.dispose();
      layer.reset();
      zeroGrad([x]);
    },
    dispose() {
      for (const tensor of [x, gradient]) tensor.dispose();
    },
  };
}
