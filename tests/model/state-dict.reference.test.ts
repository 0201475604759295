/** A checkpoint that PyTorch wrote drops into a network of the same layer names and gives the reference's rates. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { loadStateDict, networkFromDescription, readTorchCheckpoint } from "../../src/model/index.ts";
import { scope } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference, type ReferenceFile } from "../h5.ts";
import { tensorOf } from "./layer-fixture.ts";

let file: ReferenceFile;
beforeAll(async () => {
  file = await openReference(fixture("training.h5"));
});
afterAll(() => file.close());

describe("a PyTorch checkpoint", () => {
  it.each(["checkpoint_csnn.pt", "checkpoint_csnn_legacy.pt"])("%s loads and predicts as there", (name) => {
    const { input, T } = file.config("csnn") as { input: number[]; T: number };
    const tensors = readTorchCheckpoint(fixture(name));
    const [channels = 0] = tensors.get("conv_fc.0.weight")!.shape;
    const dense = (key: string) => {
      const [outFeatures = 0, inFeatures = 0] = tensors.get(key)!.shape;
      return [{ kind: "Linear", inFeatures, outFeatures, bias: false }, { kind: "IFNode" }];
    };
    const conv = (inChannels: number) => [
      { kind: "Conv2d", inChannels, outChannels: channels, kernelSize: 3, padding: 1, bias: false },
      { kind: "BatchNorm2d", numFeatures: channels },
      { kind: "IFNode" },
      { kind: "MaxPool2d", kernelSize: 2 },
    ];
    const members = [...conv(input[0]!), ...conv(channels), { kind: "Flatten" }];
    const convFc = {
      kind: "Sequential",
      layers: [...members, ...dense("conv_fc.9.weight"), ...dense("conv_fc.11.weight")],
    };
    const root = { kind: "Sequential", layers: { conv_fc: convFc } };
    const network = networkFromDescription({ inputShape: input, steps: T, root }, layers);
    loadStateDict(network, tensors, name);
    scope(() => {
      const rates = network.predict(tensorOf(file, "csnn/eval_x"), new RandomStream(0));
      expect([...rates.toArray()]).toEqual([...file.floats("csnn/eval_output")]);
    });
    network.dispose();
  });
});
