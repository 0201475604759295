/** The rewrites on graphs that torch.onnx.export wrote: what comes out keeps the rules and computes the same. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fromFloat16Bits, roundToFloat16 } from "../../../src/exporters/lynxi/emulation/float16.ts";
import {
  checkModel,
  encodeOnnx,
  type HostArray,
  type OnnxModel,
  openSession,
  readOnnx,
} from "../../../src/exporters/lynxi/index.ts";
import { decodeOnnx } from "../../../src/exporters/lynxi/onnx/decode.ts";
import { rewrite } from "../../../src/exporters/lynxi/rewrite/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference, type ReferenceFile } from "../../h5.ts";

const EXACT = { foldNumbers: false, roundNumbers: false };
const GRAPHS = ["csnn_torch_export.onnx", "csnn_torch_export_fp16.onnx", "csnn_fp16_twin.onnx"];

let file: ReferenceFile;
let input: HostArray;
beforeAll(async () => {
  file = await openReference(fixture("lynxi.h5"));
  const { data, shape } = file.array("/csnn/x");
  input = { shape, data: Float32Array.from(data as ArrayLike<number>) };
});
afterAll(() => file.close());

async function run(model: OnnxModel): Promise<Float32Array> {
  const session = await openSession(decodeOnnx(encodeOnnx(model), "rewritten"), "rewritten");
  const outputs = await session.run(new Map([[model.inputs[0]!.name, input]]));
  await session.release();
  return outputs.get(model.outputs[0]!.name)!.data;
}

const errors = (model: OnnxModel) => checkModel(model).filter(({ severity }) => severity === "error");

describe("graphs of torch.onnx.export", () => {
  it.each(GRAPHS)("%s keeps every result bit for bit when its structure is rewritten", async (name) => {
    const { model } = readOnnx(fixture(name));
    const { model: rewritten, changes } = rewrite(model, EXACT);
    expect(changes.length).toBeGreaterThan(0);
    expect(changes.every(({ exact }) => exact)).toBe(true);
    expect(await run(rewritten)).toEqual(await run(model));
    expect(rewritten.nodes.length).toBeLessThan(model.nodes.length);
  });

  it.each(GRAPHS)("%s has no errors and no warnings left afterwards, and nothing left to rewrite", (name) => {
    const { model } = rewrite(readOnnx(fixture(name)).model);
    expect(checkModel(model).filter(({ severity }) => severity !== "note")).toEqual([]);
    expect(rewrite(model).changes).toEqual([]);
  });

  it("give their stored rates, also rewritten", async () => {
    const expected = Float32Array.from(file.array("/csnn/train_fp32/rate").data as ArrayLike<number>);
    const { model } = readOnnx(fixture(GRAPHS[0]!));
    expect(await run(model)).toEqual(expected);
    expect(await run(rewrite(model, EXACT).model)).toEqual(expected);
  });

  it("twin gives the rates of the float16 emulation, also rewritten", async () => {
    const { data } = file.array("/csnn/emul_fp16_folded/rate");
    const expected = data instanceof Uint16Array ? fromFloat16Bits(data) : Float32Array.from(data);
    const { model } = readOnnx(fixture(GRAPHS[2]!));
    const rates = await run(model);
    expect(rates).toEqual(expected);
    expect(await run(rewrite(model).model)).toEqual(rates);
  });

  it("break LX011 before and keep it after, with the largest change in the report", () => {
    const { model } = readOnnx(fixture(GRAPHS[0]!));
    expect(errors(model).map(({ rule }) => rule)).toContain("LX011");
    const { changes } = rewrite(model);
    const rounded = changes.filter(({ rule }) => rule === "LX011");
    const largest = model.initializers
      .filter(({ type }) => type === "float32")
      .map(({ data }) => Math.max(...Array.from(data as Float32Array, (w) => Math.abs(w - roundToFloat16(w)))));
    expect(Math.max(...rounded.map(({ largestChange }) => largestChange))).toBe(Math.max(...largest));
  });
});
