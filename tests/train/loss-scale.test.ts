/** Loss scaling of trainings with float16 factors. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keep, Tensor } from "../../src/tensor/index.ts";
import { LossScale } from "../../src/train/step/loss-scale.ts";
import { temporaryFolder } from "../error-of.ts";
import { expectClose } from "../tolerance.ts";
import { OPTIMIZERS, outcomeOf, smallTraining, train } from "./small-run.ts";

const folder = temporaryFolder();
/** float16 keeps 11 bits of every factor; a handful of steps of the small network stay this close, in shares of the largest weight. */
const FLOAT16_STEPS = 0.05;

/** A leaf with a gradient. */
function leafWith(gradient: number[]): Tensor {
  const leaf = Tensor.zeros([gradient.length], { requiresGrad: true });
  leaf.variable!.grad = keep(Tensor.from(gradient, [gradient.length]));
  return leaf;
}

describe("the loss's scale", () => {
  it("begins at 2^16 and is taken out of the gradients", () => {
    const scale = new LossScale();
    expect(scale.scale).toBe(65536);
    const leaf = leafWith([65536, -32768]);
    expect(scale.unscale([leaf])).toBe(true);
    expect([...leaf.grad!.toArray()]).toEqual([1, -0.5]);
    expect(scale.state).toEqual({ scale: 65536, goodSteps: 1 });
    leaf.dispose();
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])(
    "is halved where a gradient is %d, and the step left out",
    (value) => {
      const scale = new LossScale();
      scale.load({ scale: 1024, goodSteps: 7 });
      const leaves = [leafWith([1]), leafWith([2, value])];
      expect(scale.unscale(leaves)).toBe(false);
      expect([...leaves[0]!.grad!.toArray()]).toEqual([1]);
      expect(scale.state).toEqual({ scale: 512, goodSteps: 0 });
      for (const leaf of leaves) leaf.dispose();
    },
  );

  it("is doubled after 2000 good steps", () => {
    const scale = new LossScale();
    scale.load({ scale: 8, goodSteps: 1999 });
    const leaf = leafWith([8]);
    expect(scale.unscale([leaf])).toBe(true);
    expect([...leaf.grad!.toArray()]).toEqual([1]);
    expect(scale.state).toEqual({ scale: 16, goodSteps: 0 });
    leaf.dispose();
  });

  it("is given up where no scale helps", () => {
    const scale = new LossScale();
    const leaf = leafWith([Number.NaN]);
    const steps = () => {
      for (let i = 0; i < 100; i++) scale.unscale([leaf]);
    };
    expect(steps).toThrow(/expected finite gradients, got none at any loss scale/);
    leaf.dispose();
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
