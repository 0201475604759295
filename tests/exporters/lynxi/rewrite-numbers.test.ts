/** Rewrites that change numbers: folding and rounding, with how far results may move. */
import { describe, expect, it } from "vitest";
import { roundToFloat16 } from "../../../src/exporters/lynxi/emulation/float16.ts";
import { checkModel, rewrite } from "../../../src/exporters/lynxi/index.ts";
import type { OnnxModel, OnnxTensor } from "../../../src/exporters/lynxi/onnx/onnx-model.ts";
import { FOLDING_ALLOWANCE } from "../../../src/exporters/lynxi/rewrite/index.ts";
import { floats, int, ints, modelOf, node, value } from "./models.ts";
import { outputsOf } from "./run-in-onnxruntime.ts";

/** Numbers that float16 holds, different at every place. */
const dyadic = (count: number) => Array.from({ length: count }, (_, i) => (((i * 37) % 64) - 31) / 16);
/** Numbers that float16 does not hold. */
const real = (count: number) => dyadic(count).map((number) => number / 3 + 0.01);
const run = async (model: OnnxModel) => (await outputsOf(model, dyadic)).flat();
/** But for the shape of the output, which these models do not declare. */
const changesOf = (model: OnnxModel) => rewrite(model).changes.filter(({ rule }) => rule !== "LX002");

const norm = ["scale", "shift", "mean", "variance"];
const channels = (count: number): OnnxTensor[] => [
  floats(
    "scale",
    [count],
    dyadic(count).map((s) => s + 2.5),
  ),
  floats("shift", [count], real(count)),
  floats("mean", [count], real(count).toReversed()),
  floats(
    "variance",
    [count],
    real(count).map((v) => v * v + 0.1),
  ),
];
const normed = (first: ReturnType<typeof node>, count: number, x: number[], stored: OnnxTensor[]) =>
  modelOf([first, node("BatchNormalization", "y", [first.outputs[0]!, ...norm])], {
    inputs: [value("x", x)],
    initializers: [...channels(count), ...stored],
  });

const normCases: Record<string, OnnxModel> = {
  "Conv in groups, with bias": normed(
    node("Conv", "c", ["x", "w", "b"], { group: int(2) }),
    4,
    [1, 4, 5, 5],
    [floats("w", [4, 2, 3, 3], real(72)), floats("b", [4], real(4))],
  ),
  "ConvTranspose in groups": normed(
    node("ConvTranspose", "c", ["x", "w"], { group: int(2), strides: ints(2, 2) }),
    6,
    [1, 4, 3, 3],
    [floats("w", [4, 3, 2, 2], real(48))],
  ),
  "Gemm, turned, with beta": normed(
    node("Gemm", "c", ["x", "w", "b"], { transB: int(1), beta: { kind: "float", value: 0.5 } }),
    3,
    [2, 5],
    [floats("w", [3, 5], real(15)), floats("b", [3], real(3))],
  ),
  MatMul: normed(node("MatMul", "c", ["x", "w"]), 3, [2, 5], [floats("w", [5, 3], real(15))]),
};

/** Rounding a weight to float16 moves it by at most 2^-11 of itself; a result of some tens of products moves by that share of their sizes. */
const ROUNDING_ALLOWANCE = 2 ** -10;

describe("rewrites of numbers", () => {
  it.each(Object.entries(normCases))("fold a batch norm into %s", async (_name, model) => {
    const { model: rewritten, changes } = rewrite(model);
    expect(rewritten.nodes).toHaveLength(1);
    expect(changes.filter(({ rule }) => rule === "LX018")).toMatchObject([{ exact: false, place: "node_y" }]);
    const before = await run(model);
    const largest = Math.max(...before.map(Math.abs));
    const apart = (after: number[]) => Math.max(...after.map((number, i) => Math.abs(number - before[i]!)));
    expect(apart(await run(rewritten))).toBeLessThan(ROUNDING_ALLOWANCE * largest * 8);
    const unrounded = rewrite(model, { roundNumbers: false }).model;
    expect(apart(await run(unrounded))).toBeLessThan(FOLDING_ALLOWANCE * largest);
  });

  it("keep a batch norm whose input something else reads", () => {
    const model = normCases.MatMul!;
    const shared = {
      ...model,
      nodes: [...model.nodes, node("Relu", "z", ["c"])],
      outputs: [value("y", null), value("z", null)],
    };
    expect(rewrite(shared).changes.some(({ rule }) => rule === "LX018")).toBe(false);
  });

  it("round every stored number once and say how far it moved", () => {
    const model = modelOf([node("Mul", "y", ["x", "w"])], { initializers: [floats("w", [3], [0.5, 0.1, -0.2])] });
    const { changes, model: rounded } = rewrite(model);
    expect(changes.at(-1)).toMatchObject({ rule: "LX011", place: "w", count: 2, exact: false });
    expect(changes.at(-1)!.largestChange).toBe(Math.abs(Math.fround(0.2) - roundToFloat16(0.2)));
    expect(checkModel(rounded).filter(({ rule }) => rule === "LX011")).toEqual([]);
  });

  it("leave numbers that float16 cannot hold to the rule that names them", () => {
    const model = modelOf([node("Mul", "y", ["x", "w"])], { initializers: [floats("w", [1], [1e6])] });
    expect(changesOf(model)).toEqual([]);
    expect(checkModel(model).filter(({ rule, severity }) => rule === "LX012" && severity === "error")).toHaveLength(1);
  });
});
