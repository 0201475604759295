/** Checkpoints that PyTorch wrote, in both of its formats, equal the parameters of the reference training bit for bit. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readTorchCheckpoint, readTorchFile } from "../../../src/model/checkpoint/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference, type ReferenceFile } from "../../h5.ts";

const GROUP = "csnn/params_step5";
let reference: ReferenceFile;
beforeAll(async () => {
  reference = await openReference(fixture("training.h5"));
});
afterAll(() => reference.close());

describe.each([
  ["zip", "checkpoint_csnn.pt"],
  ["legacy", "checkpoint_csnn_legacy.pt"],
])("the %s checkpoint", (format, name) => {
  it("holds exactly the reference's tensors", () => {
    const tensors = readTorchCheckpoint(fixture(name));
    expect([...tensors.keys()].sort()).toEqual([...reference.keys(GROUP)].sort());
    for (const [key, { shape, data }] of tensors) {
      const expected = reference.array(`${GROUP}/${key}`);
      expect(shape, key).toEqual(expected.shape);
      expect(Array.from(data, Number), key).toEqual(Array.from(expected.data, Number));
    }
  });

  it("tells its format and the values beside the network", () => {
    const file = readTorchFile(fixture(name));
    expect(file.format).toBe(format);
    expect([...file.values.keys()]).toEqual(["max_test_acc"]);
    expect([...file.tensors.keys()].every((key) => key.startsWith("net."))).toBe(true);
  });
});
