/** Every layer with weights and the norm behind it fold into one layer with the same function. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { type Layer, layerFromDescription } from "../../src/model/index.ts";
import { foldBatchNorm } from "../../src/quantize/lynxi/fold.ts";
import { noGrad, scope, type Tensor, uniform } from "../../src/tensor/index.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";

const conv = { inChannels: 4, outChannels: 6, kernelSize: 3, groups: 2 };
const PAIRS: [Record<string, unknown> & { kind: string }, string, number[]][] = [
  [{ kind: "Linear", inFeatures: 5, outFeatures: 6, bias: false }, "BatchNorm1d", [5]],
  [{ kind: "Conv1d", ...conv }, "BatchNorm1d", [4, 7]],
  [{ kind: "Conv2d", ...conv, bias: false }, "BatchNorm2d", [4, 5, 4]],
  [{ kind: "ConvTranspose1d", ...conv, stride: 2 }, "BatchNorm1d", [4, 5]],
  [{ kind: "ConvTranspose2d", ...conv, bias: false }, "BatchNorm2d", [4, 3, 4]],
];

const context = { training: false, random: new RandomStream(0) };

function random(shape: readonly number[], low: number, high: number, seed: number): Tensor {
  return uniform(shape, new RandomStream(seed), { low, high });
}

describe.each(PAIRS)("%o with a %s behind it", (description, kind, input) => {
  it("is one layer with the same outputs", () => {
    const weighted = layerFromDescription(description, layers);
    const norm = layerFromDescription({ kind, numFeatures: 6 }, layers);
    const made: Layer[] = [weighted, norm];
    scope(() => {
      for (const layer of made) layer.initialize(new RandomStream(4));
      norm.setTensor("running_mean", random([6], -1, 1, 1));
      norm.setTensor("running_var", random([6], 0.2, 2, 2));
      norm.setTensor("weight", random([6], -2, 2, 3));
      norm.setTensor("bias", random([6], -1, 1, 4));
      const folded = foldBatchNorm(weighted, norm);
      made.push(folded);
      expect(folded.kind).toBe(weighted.kind);
      const x = random([3, ...input], -1, 1, 5);
      const [one, two] = noGrad(() => [
        folded.forward(x, { ...context }),
        norm.forward(weighted.forward(x, context), context),
      ]);
      expectClose(one.toArray(), two.toArray(), ONE_PASS, "outputs");
    });
    for (const layer of made) layer.dispose();
  });
});
