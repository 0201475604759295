/** Reading and writing ONNX files, good ones and bad ones. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpikeshipError } from "../../../src/core/index.ts";
import {
  checkModel,
  emulate,
  encodeOnnx,
  lowerGraph,
  openSession,
  readOnnx,
  summarizeOnnx,
} from "../../../src/exporters/lynxi/index.ts";
import { decodeOnnx } from "../../../src/exporters/lynxi/onnx/decode.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { fixture } from "../../fixture.ts";
import { planGraph } from "./graphs.ts";
import { floats, int, ints, modelOf, node, value } from "./models.ts";

const folder = temporaryFolder();
const sample = lowerGraph(
  planGraph({
    steps: 2,
    form: "image",
    channels: 2,
    size: 3,
    groups: 1,
    batchNorm: false,
    pool: "none",
    bias: true,
    neuron: { kind: "LIFNode", options: { tau: 2, decayInput: true, vThreshold: 1, vReset: 0, detachReset: false } },
    classes: 2,
    seed: 3,
  }),
).model;

/** Writes bytes to a file and reads it as ONNX. */
function readBytes(bytes: Uint8Array): () => unknown {
  const path = join(folder, "file.onnx");
  writeFileSync(path, bytes);
  return () => readOnnx(path);
}

describe("ONNX files", () => {
  it("come back as they were written", () => {
    expect(decodeOnnx(encodeOnnx(sample), "sample")).toEqual(sample);
  });

  it("of torch.onnx.export are read, and run the same after being written again", async () => {
    const { model } = readOnnx(fixture("csnn_torch_export.onnx"));
    const again = decodeOnnx(encodeOnnx(model), "again");
    expect(again).toEqual(model);
    const session = await openSession(again, "again");
    const shape = model.inputs[0]!.shape!.map(Number);
    const data = new Float32Array(shape.reduce((product, n) => product * n, 1)).fill(0.5);
    const outputs = await session.run(new Map([["x", { shape, data }]]));
    await session.release();
    expect([...outputs.keys()]).toEqual(model.outputs.map(({ name }) => name));
  });

  it("cut off at any byte are refused, never read in part", () => {
    const bytes = encodeOnnx(sample);
    for (let length = 0; length < bytes.length; length += length < 200 ? 1 : 97) {
      expect(errorOf(readBytes(bytes.slice(0, length))).code, `${length} bytes`).toBe("FILE");
    }
  });

  it("of random bytes, or with random bytes changed, are refused or read, but never fail otherwise", () => {
    const bytes = encodeOnnx(sample);
    const attempt = (given: Uint8Array) => {
      try {
        const file = readOnnx(write(given));
        checkModel(file.model);
        summarizeOnnx(file);
        emulate(file.model, new Map([["x", { shape: [1, 1, 3, 3], data: new Float32Array(9) }]]), 1);
      } catch (error) {
        expect(error).toBeInstanceOf(SpikeshipError);
      }
    };
    const write = (given: Uint8Array) => {
      const path = join(folder, "random.onnx");
      writeFileSync(path, given);
      return path;
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), attempt), { numRuns: 200, seed: 1 });
    const change = fc.tuple(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = Uint8Array.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        attempt(damaged);
      }),
      { numRuns: 1500, seed: 2 },
    );
  });

  it("that are missing or folders are refused with the reason", () => {
    expect(errorOf(() => readOnnx(join(folder, "none.onnx"))).message).toContain("no such file");
    expect(errorOf(() => readOnnx(folder)).message).toContain("a folder");
  });

  it("with cycles or values from nowhere are refused by node", () => {
    const cyclic = modelOf([node("Add", "a", ["x", "y"]), node("Relu", "y", ["a"])]);
    const error = errorOf(readBytes(encodeOnnx(cyclic)));
    expect(error.message).toMatch(/node "node_a" \(Add\).*got "y".*cyclic/);
  });

  it("whose numbers do not fill their shape are refused by tensor", () => {
    const short = modelOf([node("Mul", "y", ["x", "w"])], { initializers: [floats("w", [3], [1, 2])] });
    expect(errorOf(readBytes(encodeOnnx(short))).message).toMatch(/initializer "w": expected 3 numbers/);
  });

  it("with a loop inside are read, but judged undeliverable", () => {
    const { model } = readOnnx(fixture("csnn_torch_export.onnx"));
    const looped = { ...model, nodes: [...model.nodes, node("Loop", "z", ["x"])] };
    expect(checkModel(looped).filter(({ rule }) => rule === "LX003")).toMatchObject([
      { severity: "error", place: "node_z" },
    ]);
  });

  it("of another operator set or with unknown operators are refused by the emulator, which names them", () => {
    const inputs = new Map([["x", { shape: [2, 3], data: new Float32Array(6) }]]);
    const run = (model: ReturnType<typeof modelOf>) => errorOf(() => emulate(model, inputs, 1));
    expect(run(modelOf([node("Add", "y", ["x", "x"])], { opset: 9 })).message).toContain(
      "operator set 11 to 13, got 9",
    );
    expect(run(modelOf([node("Erf", "y", ["x"])])).message).toContain("got Erf");
    expect(run(modelOf([node("Concat", "y", ["x", "x"], { axis: int(1) })])).message).toContain("another axis");
    expect(run(modelOf([node("ReduceMean", "y", ["x"], { axes: ints(1) })])).message).toContain("another axis");
    const mismatched = modelOf([node("Add", "y", ["x", "w"])], { initializers: [floats("w", [2], [1, 2])] });
    expect(run(mismatched).message).toContain("shapes [2,3] and [2]");
  });

  it("that ONNX Runtime refuses are an error that names the file", async () => {
    const wrong = modelOf([node("NoSuchOperator", "y", ["x"])], { outputs: [value("y", [2, 3])] });
    await expect(openSession(wrong, "wrong.onnx")).rejects.toMatchObject({
      code: "FILE",
      message: expect.stringContaining("wrong.onnx"),
    });
  });

  it("hold their raw numbers little-endian, as the standard says", () => {
    const bytes = encodeOnnx(modelOf([node("Mul", "y", ["x", "w"])], { initializers: [floats("w", [1], [1.5])] }));
    // 1.5 as float32 is 3f c0 00 00
    expect(Buffer.from(bytes).includes(Buffer.from([0x00, 0x00, 0xc0, 0x3f]))).toBe(true);
  });
});
