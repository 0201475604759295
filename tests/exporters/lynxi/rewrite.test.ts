/** Every legal rewrite on a graph of its own: what it writes, which rule it serves, and that ONNX Runtime computes the same before and after. */
import { describe, expect, it } from "vitest";
import { SpikeshipError } from "../../../src/core/index.ts";
import { checkModel, encodeOnnx, lowerGraph } from "../../../src/exporters/lynxi/index.ts";
import { ELEMENT_TYPES, type OnnxModel, type OnnxTensor } from "../../../src/exporters/lynxi/onnx/onnx-model.ts";
import { rewrite } from "../../../src/exporters/lynxi/rewrite/index.ts";
import { planGraph } from "./graphs.ts";
import { floats, int, integers, ints, modelOf, node, value } from "./models.ts";
import { outputsOf } from "./run-in-onnxruntime.ts";

const EXACT = { foldNumbers: false, roundNumbers: false };
/** Numbers that float16 holds, different at every place. */
const dyadic = (count: number) => Array.from({ length: count }, (_, i) => (((i * 37) % 64) - 31) / 16);

const run = async (model: OnnxModel) => (await outputsOf(model, dyadic)).flat();

/** But for the shape of the output, which these models do not declare. */
const changesOf = (model: OnnxModel) => rewrite(model).changes.filter(({ rule }) => rule !== "LX002");

const operators = (model: OnnxModel) => model.nodes.map(({ op }) => op).sort();
const scalar = (name: string, number: number): OnnxTensor => ({
  name,
  type: "int64",
  shape: [],
  data: BigInt64Array.of(BigInt(number)),
});
const text = (name: string) => ({ kind: "string", value: name }) as const;
const toFloat = { to: int(ELEMENT_TYPES.float32) };
const image = { inputs: [value("x", [1, 2, 5, 5])] };
const kernel = floats("w", [2, 2, 3, 3], dyadic(36));

interface Case {
  model: OnnxModel;
  rule: string;
  /** Operators of the graph afterwards, sorted. */
  becomes: string[];
}

const exactCases: Record<string, Case> = {
  "folds shapes that are computed from shapes": {
    rule: "LX006",
    model: modelOf(
      [
        node("Shape", "s", ["x"]),
        node("Gather", "rows", ["s", "zero"], { axis: int(0) }),
        node("Unsqueeze", "r", ["rows"], { axes: ints(0) }),
        node("Concat", "target", ["r", "rest"], { axis: int(0) }),
        node("Reshape", "y", ["x", "target"]),
      ],
      { inputs: [value("x", [2, 3, 4])], initializers: [scalar("zero", 0), integers("rest", -1)] },
    ),
    becomes: ["Reshape"],
  },
  "folds numbers that no input reaches, also when they are moved about": {
    rule: "LX006",
    model: modelOf(
      [
        node("ConstantOfShape", "ones", ["size"], { value: { kind: "tensor", value: floats("", [1], [1]) } }),
        node("Transpose", "t", ["ones"], { perm: ints(1, 0) }),
        node("Tile", "tiled", ["row", "twice"]),
        node("Mul", "scaled", ["tiled", "t"]),
        node("Expand", "wide", ["scaled", "size3"]),
        node("Gather", "picked", ["wide", "one"], { axis: int(0) }),
        node("Add", "y", ["x", "picked"]),
      ],
      {
        initializers: [
          integers("size", 3, 2),
          integers("size3", 4, 2, 3),
          integers("twice", 2, 1),
          scalar("one", 1),
          floats("row", [1, 3], [0.5, 1.5, -2]),
        ],
      },
    ),
    becomes: ["Add"],
  },
  "takes out what changes nothing": {
    rule: "LX006",
    model: modelOf(
      [
        node("Identity", "a", ["x"]),
        node("Cast", "b", ["a"], toFloat),
        node("Reshape", "c", ["b", "same"]),
        node("Dropout", "d", ["c"]),
        node("Relu", "y", ["d"]),
      ],
      { initializers: [integers("same", 2, 3)] },
    ),
    becomes: ["Relu"],
  },
  "writes a repeat as Tile": {
    rule: "LX006",
    model: modelOf([node("Expand", "e", ["x", "size"]), node("Relu", "y", ["e"])], {
      inputs: [value("x", [1, 3])],
      initializers: [integers("size", 4, 3)],
    }),
    becomes: ["Relu", "Tile"],
  },
  "writes SAME_UPPER as pads": {
    rule: "LX029",
    model: modelOf([node("Conv", "y", ["x", "w"], { auto_pad: text("SAME_UPPER"), strides: ints(2, 2) })], {
      ...image,
      initializers: [kernel],
    }),
    becomes: ["Conv"],
  },
  "writes SAME_LOWER as pads": {
    rule: "LX029",
    model: modelOf(
      [node("MaxPool", "y", ["x"], { auto_pad: text("SAME_LOWER"), kernel_shape: ints(2, 2), strides: ints(2, 2) })],
      image,
    ),
    becomes: ["MaxPool"],
  },
  "writes VALID as pads": {
    rule: "LX029",
    model: modelOf([node("AveragePool", "y", ["x"], { auto_pad: text("VALID"), kernel_shape: ints(2, 3) })], image),
    becomes: ["AveragePool"],
  },
  "writes Not of Less as GreaterOrEqual from operator set 12": {
    rule: "LX016",
    model: modelOf([node("Less", "a", ["x", "th"]), node("Not", "b", ["a"]), node("Cast", "y", ["b"], toFloat)], {
      initializers: [floats("th", [1], [0.5])],
    }),
    becomes: ["Cast", "GreaterOrEqual"],
  },
  "joins a flatten and a separate unfolding of T into one Reshape": {
    rule: "LX006",
    model: modelOf(
      [node("Flatten", "f", ["x"], { axis: int(1) }), node("Reshape", "u", ["f", "steps"]), node("Relu", "y", ["u"])],
      { inputs: [value("x", [4, 2, 3, 3])], initializers: [integers("steps", 2, 2, -1)] },
    ),
    becomes: ["Relu", "Reshape"],
  },
  "loses a 5-D value between two reshapes": {
    rule: "LX006",
    model: modelOf(
      [node("Reshape", "a", ["x", "five"]), node("Reshape", "b", ["a", "four"]), node("Relu", "y", ["b"])],
      {
        inputs: [value("x", [4, 2, 3, 3])],
        initializers: [integers("five", 2, 2, 2, 3, 3), integers("four", 4, 2, 9, 1)],
      },
    ),
    becomes: ["Relu", "Reshape"],
  },
  "keeps steps as slices [1,N,L]": {
    rule: "LX007",
    model: modelOf(
      [
        node("Gather", "x0", ["x", "zero"], { axis: int(0) }),
        node("Gather", "x1", ["x", "last"], { axis: int(0) }),
        node("Mul", "leak", ["x0", "half"]),
        node("Add", "v1", ["leak", "x1"]),
        node("GreaterOrEqual", "s0", ["x0", "th"]),
        node("GreaterOrEqual", "s1", ["v1", "th"]),
        node("Cast", "f0", ["s0"], toFloat),
        node("Cast", "f1", ["s1"], toFloat),
        node("Unsqueeze", "u0", ["f0"], { axes: ints(0) }),
        node("Unsqueeze", "u1", ["f1"], { axes: ints(0) }),
        node("Concat", "y", ["u0", "u1"], { axis: int(0) }),
      ],
      {
        inputs: [value("x", [2, 3, 4])],
        initializers: [
          scalar("zero", 0),
          scalar("last", -1),
          floats("half", [3, 4], dyadic(12)),
          floats("th", [], [0.5]),
        ],
      },
    ),
    becomes: ["Add", "Cast", "Cast", "Concat", "GreaterOrEqual", "GreaterOrEqual", "Mul", "Slice", "Slice"],
  },
  "takes away what no output needs": {
    rule: "LX025",
    model: modelOf([node("Exp", "lost", ["x"]), node("Relu", "y", ["x"])], {
      initializers: [floats("unused", [1], [1])],
    }),
    becomes: ["Relu"],
  },
  "gives inputs and outputs plain names": {
    rule: "LX024",
    model: modelOf([node("Relu", "rate/out", ["input:0"])], {
      inputs: [value("input:0", [2, 3])],
      outputs: [value("rate/out", null)],
    }),
    becomes: ["Relu"],
  },
  "says operator set 17 in 13": {
    rule: "LX022",
    model: modelOf(
      [node("Reshape", "r", ["x", "to"], { allowzero: int(0) }), node("ReduceMean", "y", ["r"], { axes: ints(0) })],
      {
        opset: 17,
        irVersion: 8,
        initializers: [integers("to", 3, 2)],
      },
    ),
    becomes: ["ReduceMean", "Reshape"],
  },
  "says operator set 18 in 13, with axes as attributes": {
    rule: "LX022",
    model: modelOf([node("ReduceMean", "y", ["x", "axes"], { keepdims: int(0) })], {
      opset: 18,
      irVersion: 8,
      initializers: [integers("axes", 0)],
    }),
    becomes: ["ReduceMean"],
  },
};

describe("rewrites of structure", () => {
  it.each(Object.entries(exactCases))("%s", async (_name, { model, rule, becomes }) => {
    const { model: rewritten, changes } = rewrite(model, EXACT);
    expect(changes.map((change) => change.rule)).toContain(rule);
    expect(operators(rewritten)).toEqual(becomes);
    expect(await run(rewritten)).toEqual(await run(model));
    const broken = checkModel(rewritten).filter((found) => found.rule === rule && found.severity !== "note");
    expect(broken).toEqual([]);
  });

  it("write GreaterOrEqual as Not of Less in operator set 11, which has no other", async () => {
    const model = modelOf([node("GreaterOrEqual", "a", ["x", "th"]), node("Cast", "y", ["a"], toFloat)], {
      initializers: [floats("th", [1], [0.5])],
    });
    const { model: older } = rewrite({ ...model, opset: 11 });
    expect(operators(older)).toEqual(["Cast", "Less", "Not"]);
    expect(await run(older)).toEqual(await run(model));
  });

  it("leave steps alone that something else than elementwise operators reads", () => {
    const model = modelOf(
      [
        node("Gather", "x0", ["x", "zero"], { axis: int(0) }),
        node("MatMul", "m", ["x0", "w"]),
        node("Relu", "y", ["m"]),
      ],
      { inputs: [value("x", [2, 3, 4])], initializers: [scalar("zero", 0), floats("w", [4, 1], [1, 2, 3, 4])] },
    );
    expect(changesOf(model)).toEqual([]);
  });

  it("leave a newer operator set alone where it says what 13 cannot", () => {
    const model = modelOf([node("Cast", "y", ["x"], { to: int(ELEMENT_TYPES.float16), saturate: int(0) })], {
      opset: 19,
    });
    expect(rewrite(model).model.opset).toBe(19);
  });

  it("refuse graphs inside nodes when they are written, with the node", () => {
    const model = modelOf([
      node("Identity", "a", ["x"]),
      node("If", "y", ["a"], { then_branch: { kind: "unread", value: "graph" } }),
    ]);
    expect(() => encodeOnnx(rewrite(model).model)).toThrow(SpikeshipError);
  });
});

describe("graphs of our own", () => {
  const neuron = {
    kind: "LIFNode",
    options: { tau: 2, decayInput: true, vThreshold: 1, vReset: -0.25, detachReset: false },
  };
  const plan = {
    channels: 2,
    size: 4,
    groups: 1,
    batchNorm: true,
    pool: "max",
    bias: false,
    neuron,
    classes: 3,
  } as const;

  it.each([
    { steps: 1, form: "image" },
    { steps: 4, form: "image" },
    { steps: 4, form: "sequence" },
  ] as const)("have nothing to rewrite: $form, T = $steps", ({ steps, form }) => {
    for (const opset of [11, 12] as const) {
      const { model } = lowerGraph(planGraph({ ...plan, steps, form, seed: 5 }), { opset, batch: 2 });
      expect(rewrite(model).changes).toEqual([]);
    }
  });
});
