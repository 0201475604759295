/** Loss scaling of trainings with float16 factors. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Optimizer } from "../../src/train/optimizers.ts";
import { FIRST_LOSS_SCALE, type LossScaleState } from "../../src/train/step/loss-scale.ts";
import { temporaryFolder } from "../error-of.ts";
import { expectClose } from "../tolerance.ts";
import { parameter, setGrad } from "./optimizer-run.ts";
import { OPTIMIZERS, outcomeOf, smallTraining, train } from "./small-run.ts";

const folder = temporaryFolder();
/** float16 keeps 11 bits of every factor; a handful of steps of the small network stay this close, in shares of the largest weight. */
const FLOAT16_STEPS = 0.05;

/** One scaled step of plain descent at rate 1 on zeros, one parameter for each gradient: what was taken off, and the scale after. */
function scaledStep(before: LossScaleState, gradients: number[][]) {
  const leaves = gradients.map((gradient, i) => [`p${i}`, parameter(...gradient.map(() => 0))] as const);
  const optimizer = new Optimizer({ kind: "sgd", learningRate: 1 }, new Map(leaves));
  optimizer.lossScale = before;
  try {
    for (const [i, [, leaf]] of leaves.entries()) setGrad(leaf, gradients[i]!);
    optimizer.step({ scaled: true });
    optimizer.settle();
    const taken = leaves.map(([, leaf]) => [...leaf.toArray()].map((value) => 0 - value));
    return { taken, after: optimizer.lossScale, steps: optimizer.state().get("p0/step") };
  } finally {
    optimizer.zeroGrad();
    optimizer.dispose();
    for (const [, leaf] of leaves) leaf.dispose();
  }
}

describe("the loss's scale", () => {
  it("begins at 2^16 and is taken out of the gradients", () => {
    expect(FIRST_LOSS_SCALE.scale).toBe(65536);
    const { taken, after } = scaledStep(FIRST_LOSS_SCALE, [[65536, -32768]]);
    expect(taken).toEqual([[1, -0.5]]);
    expect(after).toEqual({ scale: 65536, goodSteps: 1 });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "is halved where a gradient is %d, and the step left out and not counted",
    (value) => {
      const { taken, after, steps } = scaledStep({ scale: 1024, goodSteps: 7 }, [[1], [2, value]]);
      expect(taken).toEqual([[0], [0, 0]]);
      expect(after).toEqual({ scale: 512, goodSteps: 0 });
      expect(steps).toBeUndefined();
    },
  );

  it("is doubled after 2000 good steps", () => {
    const { taken, after } = scaledStep({ scale: 8, goodSteps: 1999 }, [[8]]);
    expect(taken).toEqual([[1]]);
    expect(after).toEqual({ scale: 16, goodSteps: 0 });
  });

  it("is given up where no scale helps", () => {
    const smallest = { scale: 2 ** -10, goodSteps: 0 };
    expect(scaledStep({ ...smallest, scale: 2 ** -9 }, [[Number.NaN]]).after).toEqual(smallest);
    expect(() => scaledStep(smallest, [[Number.NaN]])).toThrow(/expected finite gradients, got none at any loss scale/);
  });
});

describe("a run with float16 factors", () => {
  const training = (epochs: number) => ({ ...smallTraining(OPTIMIZERS.adam!, epochs), precision: "float16" as const });

  it("trains close to one in float32", async () => {
    const [half, single] = [join(folder, "half"), join(folder, "single")];
    await train(half, OPTIMIZERS.adam!, { training: training(1) });
    await train(single, OPTIMIZERS.adam!, { training: smallTraining(OPTIMIZERS.adam!, 1) });
    const [got, stored] = [outcomeOf(half), outcomeOf(single)];
    for (const [name, numbers] of stored.tensors) {
      expectClose(got.tensors.get(name)!, numbers, FLOAT16_STEPS, name);
    }
    expect(got.tensors.get("head.weight")).not.toEqual(stored.tensors.get("head.weight"));
  });

  it("keeps the scale in its checkpoint and resumes bit for bit", async () => {
    const [straight, resumed] = [join(folder, "straight"), join(folder, "resumed")];
    await train(straight, OPTIMIZERS.adam!, { training: training(2) });
    await train(resumed, OPTIMIZERS.adam!, { training: training(1) });
    await train(resumed, OPTIMIZERS.adam!, { training: training(2), resume: true });
    expect(outcomeOf(resumed).tensors).toEqual(outcomeOf(straight).tensors);
    expect(outcomeOf(resumed).moments).toEqual(outcomeOf(straight).moments);
    // 7 batches an epoch
    expect(outcomeOf(resumed).metadata).toMatchObject({ training: { lossScale: { scale: 65536, goodSteps: 14 } } });
  });
});
