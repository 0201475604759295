/** Folding a batch norm into the convolution before it: `layers.h5`, PyTorch's own fusion and the unfused pair in evaluation. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { BatchNorm2d, Conv2d, type Layer, Linear, layerFromDescription, Sequential } from "../../src/model/index.ts";
import { foldBatchNorm } from "../../src/quantize/index.ts";
import { noGrad, scope, type Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { optionsOf, tensorOf } from "../model/layer-fixture.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";

const file = await openReference(fixture("layers.h5"));
afterAll(() => file.close());

const evaluation = { training: false, random: new RandomStream(0) };

/** The stored convolution and batch norm, with their parameters. */
function pairOf(path: string): Layer {
  const config = file.config(path) as Record<"conv" | "bn", Record<string, unknown>>;
  const pair = Sequential([
    layerFromDescription({ kind: "Conv2d", ...optionsOf(config.conv) }, layers),
    layerFromDescription({ kind: "BatchNorm2d", ...optionsOf(config.bn) }, layers),
  ]);
  for (const key of file.keys(`${path}/params`)) {
    const [index = "", name = ""] = key.split(".");
    pair.children.get(index)!.setTensor(name, tensorOf(file, `${path}/params/${key}`));
  }
  for (const layer of pair.walk()) layer.stepMode = "m";
  return pair;
}

describe("foldBatchNorm", () => {
  it.each(file.keys("fused_conv_bn"))("gives PyTorch's fused weights and the pair's output in %s", (name) => {
    const path = `fused_conv_bn/${name}`;
    const pair = pairOf(path);
    const [conv, norm] = [...pair.children.values()] as [Layer, Layer];
    const folded = foldBatchNorm(conv, norm);
    folded.stepMode = "m";
    const close = (got: Tensor, member: string) =>
      expectClose(got.toArray(), file.floats(`${path}/${member}`), ONE_PASS, `${path} ${member}`);
    scope(() => {
      close(folded.tensor("weight"), "fused_weight");
      close(folded.tensor("bias"), "fused_bias");
      const x = tensorOf(file, `${path}/x`);
      close(
        noGrad(() => pair.forward(x, evaluation)),
        "output",
      );
      close(
        noGrad(() => folded.forward(x, evaluation)),
        "output",
      );
    });
    for (const layer of [pair, folded]) layer.dispose();
  });

  it.each([
    [true, true],
    [true, false],
    [false, false],
  ])("keeps the function of a convolution with bias %s and a norm with affine %s", (bias, affine) => {
    const pair = Sequential([
      Conv2d({ inChannels: 2, outChannels: 3, kernelSize: 3, groups: 1, bias, padding: 1 }),
      BatchNorm2d({ numFeatures: 3, affine, eps: 1e-3 }),
    ]);
    const random = new RandomStream(3);
    pair.initialize(random);
    const [conv, norm] = [...pair.children.values()] as [Layer, Layer];
    norm.setTensor("running_mean", uniform([3], random, { low: -1, high: 1 }));
    norm.setTensor("running_var", uniform([3], random, { low: 0.1, high: 2 }));
    const folded = foldBatchNorm(conv, norm);
    scope(() => {
      const x = uniform([2, 2, 5, 5], random, { low: -1, high: 1 });
      const [ours, theirs] = [folded, pair].map((layer) => noGrad(() => layer.forward(x, evaluation).toArray()));
      expectClose(ours!, theirs!, ONE_PASS, "folded output");
    });
    for (const layer of [pair, folded]) layer.dispose();
  });

  it("refuses any other pair", () => {
    const other = Linear({ inFeatures: 2, outFeatures: 2 });
    const { code, message } = errorOf(() => foldBatchNorm(other, BatchNorm2d({ numFeatures: 2 })));
    expect(code).toBe("OPTION");
    expect(message).toContain("expected a layer with weights before the batch norm of its shape");
    expect(message).toContain("got Linear and BatchNorm2d");
  });
});
