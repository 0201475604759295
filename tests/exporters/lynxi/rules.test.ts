/** Every design rule has a graph that keeps it and one that breaks it. */
import { describe, expect, it } from "vitest";
import { checkModel, designRules } from "../../../src/exporters/lynxi/index.ts";
import type { OnnxModel } from "../../../src/exporters/lynxi/onnx/onnx-model.ts";
import type { KnownFacts } from "../../../src/exporters/lynxi/rules.ts";
import { floats, int, integers, ints, modelOf, node, value } from "./models.ts";
import { compares, moduleOf, neuronOf, plain, potentials, stepModel, withWeights } from "./rule-subjects.ts";

interface RuleCase {
  keeps: OnnxModel;
  breaks: OnnxModel;
  known?: KnownFacts;
  /** What is known of the graph that breaks the rule, where it differs. */
  brokenKnown?: KnownFacts;
  severity?: string;
}

const image = { inputs: [value("x", [1, 2, 6, 6])] };
const window = { kernel_shape: ints(2, 2), strides: ints(2, 2) };

const norm = (
  initializers: OnnxModel["initializers"],
  first: ReturnType<typeof node>[],
  input: string,
  attributes = {},
) =>
  modelOf([...first, node("BatchNormalization", "y", [input, "c", "c", "c", "c"], attributes)], {
    inputs: [value("x", [1, 1, 2, 2])],
    initializers: [floats("c", [1], [1]), ...initializers],
  });

const sequenceOf = (rows: number, shape: number[]) =>
  modelOf([node("Reshape", "y", ["x", "shape"])], {
    inputs: [value("x", [rows, 6])],
    initializers: [integers("shape", ...shape)],
  });

const chain = (length: number) =>
  modelOf(
    Array.from({ length }, (_, i) => node("Relu", i === length - 1 ? "y" : `v${i}`, [i === 0 ? "x" : `v${i - 1}`])),
  );

const cases: Record<string, RuleCase> = {
  LX001: { keeps: plain, breaks: modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", [1, 1, 1, 2, 3])] }) },
  LX002: {
    keeps: { ...plain, outputs: [value("y", [2, 3])] },
    breaks: modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", ["batch", 3])] }),
  },
  LX003: {
    keeps: plain,
    breaks: modelOf([node("If", "y", ["x"], { then_branch: { kind: "unread", value: "graph" } })]),
  },
  LX004: { keeps: plain, breaks: modelOf([node("Einsum", "y", ["x", "x"])]) },
  LX005: { keeps: plain, breaks: modelOf([node("load", "y", ["x"], {}, "custom")]) },
  LX006: { keeps: plain, breaks: modelOf([node("Identity", "y", ["x"])]), severity: "warning" },
  LX007: {
    keeps: compares("GreaterOrEqual", ["Cast"]),
    breaks: compares("GreaterOrEqual", ["Cast"], [2, 3]),
    severity: "warning",
  },
  LX008: { keeps: sequenceOf(4, [2, 2, 6]), breaks: sequenceOf(3, [2, 3, 3]), known: { steps: 2 } },
  LX009: {
    keeps: plain,
    breaks: modelOf([node("ScatterND", "y", ["x", "i", "x"])], { initializers: [integers("i", 0)] }),
  },
  LX010: {
    keeps: modelOf([node("Slice", "y", ["x", "a", "b", "c"])], {
      initializers: [integers("a", 0), integers("b", 1), integers("c", 0)],
    }),
    breaks: modelOf([node("Slice", "y", ["x", "a", "b"])], {
      inputs: [value("x", [2, 3]), value("a", [2], "int64"), value("b", [2], "int64")],
    }),
  },
  LX011: { keeps: withWeights([0.5, 0.0999755859375]), breaks: withWeights([0.5, 0.1]) },
  LX012: { keeps: withWeights([65504, -1]), breaks: withWeights([70000, 1]) },
  LX013: { keeps: plain, breaks: modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", [2], "float64")] }) },
  LX014: {
    keeps: modelOf([node("Relu", "y", ["x"])], {
      inputs: [value("x", [2], "float16")],
      outputs: [value("y", [2], "float16")],
    }),
    breaks: modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", [2], "int32")] }),
  },
  LX015: {
    keeps: plain,
    breaks: modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", [1, 3, 2, 5000])] }),
    severity: "warning",
  },
  LX016: { keeps: compares("Less", ["Not", "Cast"]), breaks: compares("Greater", ["Cast"]) },
  LX017: {
    keeps: plain,
    breaks: plain,
    known: { neurons: neuronOf(-0.3, "shift") },
    brokenKnown: { neurons: neuronOf(-0.3, "exchange") },
  },
  LX018: {
    keeps: norm([], [], "x"),
    breaks: norm([floats("w", [1, 1, 1, 1], [1])], [node("Conv", "v", ["x", "w"])], "v"),
    severity: "warning",
  },
  LX019: { keeps: norm([], [], "x"), breaks: norm([], [], "x", { training_mode: int(1) }) },
  LX020: {
    keeps: plain,
    breaks: modelOf([node("Resize", "y", ["x", "r", "r"], { mode: { kind: "string", value: "cubic" } })], {
      ...image,
      initializers: [floats("r", [4], [1, 1, 2, 2])],
    }),
    severity: "warning",
  },
  LX021: { keeps: plain, breaks: modelOf([node("TopK", "y", ["x", "k"])], { initializers: [integers("k", 1)] }) },
  LX022: { keeps: plain, breaks: modelOf(plain.nodes, { opset: 17, irVersion: 8 }), severity: "warning" },
  LX023: {
    keeps: plain,
    breaks: modelOf([node("Mul", "y", ["x", "w"])], {
      initializers: [{ ...floats("w", [0], []), external: true }],
    }),
  },
  LX024: { keeps: plain, breaks: modelOf([node("Relu", "y", ["input:0"])], { inputs: [value("input:0", [2])] }) },
  LX025: { keeps: plain, breaks: modelOf([node("Relu", "z", ["x"]), ...plain.nodes]), severity: "warning" },
  LX026: {
    keeps: stepModel("v1_out", [1, 3]),
    breaks: stepModel("v2_out", [1, 3]),
    known: { style: "single-step" },
    brokenKnown: {},
  },
  LX027: {
    keeps: plain,
    breaks: plain,
    known: { module: moduleOf({}) },
    brokenKnown: { module: moduleOf({ shape: [1, 3] }) },
  },
  LX028: { keeps: chain(10), breaks: chain(20_001), severity: "warning" },
  LX029: {
    keeps: modelOf([node("MaxPool", "y", ["x"], { ...window, pads: ints(0, 0, 0, 0) })], image),
    breaks: modelOf(
      [node("MaxPool", "y", ["x"], { ...window, auto_pad: { kind: "string", value: "SAME_UPPER" } })],
      image,
    ),
    severity: "note",
  },
  LX030: {
    keeps: plain,
    breaks: plain,
    known: { module: moduleOf({ fused: true }), ranges: [potentials(-99)] },
    brokenKnown: { ranges: [potentials(-100)] },
    severity: "warning",
  },
};

describe("design rules", () => {
  it("have a case each", () => {
    expect(Object.keys(cases).sort()).toEqual(designRules.map(({ id }) => id));
  });

  it("name their source and the way out", () => {
    for (const rule of designRules) {
      expect(rule.source.length, rule.id).toBeGreaterThan(3);
      expect(rule.rewrite, rule.id).toMatch(/\.$/);
    }
  });

  it.each(Object.entries(cases))("%s is kept by a graph that keeps it", (id, { keeps, known }) => {
    expect(checkModel(keeps, known).filter(({ rule, severity }) => rule === id && severity !== "note")).toEqual([]);
  });

  it.each(Object.entries(cases))("%s finds a graph that breaks it, with its severity and place", (id, given) => {
    const known = { ...given.known, ...given.brokenKnown };
    const found = checkModel(given.breaks, known).filter(({ rule }) => rule === id);
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]!.severity).toBe(given.severity ?? "error");
    expect(found[0]!.place).not.toBe("");
    expect(found[0]!.message).not.toBe("");
  });

  it("LX012 warns of numbers that lose bits or vanish", () => {
    const [found] = checkModel(withWeights([2 ** -16, 1])).filter(({ rule }) => rule === "LX012");
    expect(found).toMatchObject({ severity: "warning", place: "w" });
  });

  it("LX016 wants the comparison to be cast to a number", () => {
    const found = checkModel(compares("Less", ["Cast"])).filter(({ rule }) => rule === "LX016");
    expect(found[0]!.message).toContain("Less without a Not");
  });

  it("LX002 says what does not fit where shapes contradict each other", () => {
    const model = modelOf([node("MatMul", "y", ["x", "w"])], { initializers: [floats("w", [4, 1], [1, 1, 1, 1])] });
    const [found] = checkModel(model).filter(({ rule }) => rule === "LX002");
    expect(found).toMatchObject({ place: "node_y", message: "inner sizes 3 and 4 differ" });
  });

  it("report only the first places of a rule that many break", () => {
    const model = modelOf(
      Array.from({ length: 20 }, (_, i) => node("Identity", i === 19 ? "y" : `v${i}`, [i === 0 ? "x" : `v${i - 1}`])),
    );
    const found = checkModel(model).filter(({ rule }) => rule === "LX006");
    expect(found.length).toBe(8);
    expect(found.at(-1)!.message).toContain("and 12 more");
  });
});
