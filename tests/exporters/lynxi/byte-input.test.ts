/** Bytes as input, normalised on the chip: manifest, golden pair and both scripts. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { fromFloat16Bits, roundToFloat16 } from "../../../src/exporters/lynxi/emulation/float16.ts";
import { createLynxiTarget, openLynxi, readManifest } from "../../../src/exporters/lynxi/index.ts";
import {
  ConstantEncoder,
  Conv2d,
  createNetwork,
  Flatten,
  IFNode,
  Linear,
  Sequential,
} from "../../../src/model/index.ts";
import { isPreparedForLynxi, prepareForLynxi } from "../../../src/quantize/index.ts";
import { temporaryFolder } from "../../error-of.ts";
import { pythonWith } from "../../python.ts";
import { lyngor, runScript } from "./run-script.ts";

const target = createLynxiTarget({ prepare: prepareForLynxi, isPrepared: isPreparedForLynxi });
const folder = temporaryFolder();
const { command, missing } = pythonWith("numpy");

const MEAN = [100, 128, 0];
const VARIANCE = [64, 255, 128];
const BATCH = 2;

async function exported(name: string, options: Record<string, unknown>): Promise<string> {
  const directory = join(folder, name);
  const network = createNetwork(
    {
      inputShape: [3, 4, 4],
      steps: 3,
      encoder: ConstantEncoder(),
      root: Sequential({
        conv: Conv2d({ inChannels: 3, outChannels: 4, kernelSize: 3, padding: 1 }),
        spikes1: IFNode({ vThreshold: 0.25 }),
        flatten: Flatten(),
        head: Linear({ inFeatures: 64, outFeatures: 5 }),
        spikes2: IFNode({ vThreshold: 0.0625 }),
      }),
    },
    4,
  );
  await target.export(network, directory, { inputType: "uint8", batch: BATCH, ...options }).finally(() => {
    network.dispose();
  });
  return directory;
}

const manifestOf = (directory: string) => readManifest(join(directory, "manifest.json"));

describe("bytes as input", () => {
  it("stand in the manifest with their mean and variance, 0 and 255 where nothing is said", async () => {
    const plain = manifestOf(await exported("plain", {}));
    expect(plain).toMatchObject({ input_type: "uint8", io_type: "float16" });
    expect(plain.normalization).toEqual({ mean: [0], variance: [255] });
    const given = manifestOf(await exported("given", { mean: MEAN, variance: 128 }));
    expect(given.normalization).toEqual({ mean: MEAN, variance: [128] });
  });

  it("are the golden input: normalised by channel, they give the golden output", async () => {
    for (const style of ["whole-sequence", "single-step-torch"]) {
      const directory = await exported(`golden-${style}`, { style, mean: MEAN, variance: VARIANCE });
      const bytes = readFileSync(join(directory, "input.bin"));
      const frames = style === "whole-sequence" ? 1 : 3;
      expect(bytes.length).toBe(frames * BATCH * 48);
      expect(new Set(bytes).size).toBeGreaterThan(40);
      const image = Float32Array.from(bytes.subarray(0, BATCH * 48), (byte, index) => {
        const channel = Math.floor(index / 16) % 3;
        return (byte - MEAN[channel]!) / VARIANCE[channel]!;
      });
      const { rates } = await openLynxi(directory).run({ form: "image", shape: [BATCH, 3, 4, 4], data: image });
      const raw = readFileSync(join(directory, "output.bin"));
      const output = fromFloat16Bits(new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)));
      expect(Array.from(output.slice(-BATCH * 5)), style).toEqual(Array.from(rates));
      expect(rates.some((rate) => rate > 0)).toBe(true);
    }
  });

  it("are refused beside states that the host hands over, with another number of channels, and unasked for", async () => {
    await expect(exported("states", { style: "single-step" })).rejects.toMatchObject({ code: "OPTION" });
    await expect(exported("channels", { mean: [1, 2] })).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining("1 number or 3"),
    });
    await expect(exported("zero", { variance: 0 })).rejects.toMatchObject({ code: "OPTION" });
    await expect(exported("unasked", { inputType: undefined, mean: 1 })).rejects.toMatchObject({ code: "OPTION" });
  });
});

/** A chip that gives the sum of each sample's bytes. */
const LYNPY = `
import numpy
class Tensor:
    def __init__(self, array=None):
        self.array = array
    def from_numpy(self, array):
        assert array.dtype == numpy.uint8, array.dtype
        return Tensor(array)
    def apu(self):
        return self
    def cpu(self):
        return self
    def view_as(self, shape, dtype):
        sums = self.array.reshape(len(self.array), -1).sum(1)
        return Tensor(numpy.repeat(sums[:, None], shape[1], 1).astype(dtype))
    def numpy(self):
        return self.array
class Model:
    def __init__(self, path, dev_id):
        pass
    def input_tensor(self):
        return Tensor()
    def __call__(self, tensor):
        return tensor
`;

describe.skipIf(missing)(`the scripts with bytes${missing ? ` (skipped: ${missing})` : ""}`, () => {
  it("compile with the type of the input and its normalisation", async () => {
    const directory = await exported("compile", { mean: MEAN, variance: VARIANCE });
    const run = runScript(command, directory, ["compile_lynxi.py"], { lyngor: lyngor("graph", "params") });
    expect(run.stderr).toBe("");
    const [load] = JSON.parse(readFileSync(join(directory, "calls.json"), "utf8"));
    expect(load[2]).toMatchObject({ in_type: "uint8", out_type: "float16", mean: MEAN, variance: VARIANCE });
  });

  it("send the bytes as they are, and refuse what is no byte", async () => {
    const directory = await exported("infer", {});
    writeFileSync(
      join(directory, "write.py"),
      "import sys, numpy\nnumpy.save('in.npy', numpy.arange(144).reshape(3, 3, 4, 4) / float(sys.argv[1]))\n",
    );
    const args = ["infer_lynxi.py", "in.npy", "out.npy"];
    expect(runScript(command, directory, ["write.py", "1"]).status).toBe(0);
    const run = runScript(command, directory, args, { lynpy: LYNPY });
    expect(run.stderr).toBe("");
    const sums = [0, 1, 2].map((n) => Array.from({ length: 48 }, (_, i) => n * 48 + i).reduce((a, b) => a + b, 0));
    const read = "import numpy, json; print(json.dumps(numpy.load('out.npy')[:, 0].tolist()))";
    // the host receives float16
    expect(JSON.parse(runScript(command, directory, ["-c", read]).stdout)).toEqual(sums.map(roundToFloat16));
    expect(runScript(command, directory, ["write.py", "2"]).status).toBe(0);
    expect(runScript(command, directory, args, { lynpy: LYNPY }).stderr).toContain("whole numbers from 0 to 255");
  });
});
