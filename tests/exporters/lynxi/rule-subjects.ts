/** Graphs, states and modules that the tests of the design rules share. */
import type { NeuronFacts } from "../../../src/exporters/lynxi/lowering/context.ts";
import { ELEMENT_TYPES, type OnnxModel, type OnnxValue } from "../../../src/exporters/lynxi/onnx/onnx-model.ts";
import type { ModuleState, StepState } from "../../../src/exporters/lynxi/rules/step-module.ts";
import type { KnownFacts } from "../../../src/exporters/lynxi/rules.ts";
import { floats, int, modelOf, node, value } from "./models.ts";

export const plain = modelOf([node("Add", "y", ["x", "x"])]);
const toFloat = { to: int(ELEMENT_TYPES.float32) };
/** x [1,2,3] against a threshold, as neurons compare. */
export function compares(op: string, behind: string[], shape = [1, 2, 3]): OnnxModel {
  const names = ["fired", ...behind.map((_, i) => (i === behind.length - 1 ? "y" : `step${i}`))];
  const nodes = [
    node(op, "fired", ["x", "th"]),
    ...behind.map((next, i) => node(next, names[i + 1]!, [names[i]!], next === "Cast" ? toFloat : {})),
  ];
  return modelOf(nodes, { inputs: [value("x", shape)], initializers: [floats("th", [1], [1])] });
}

const weights = (numbers: number[]) => ({
  initializers: [floats("w", [numbers.length], numbers)],
  inputs: [value("x", [2, numbers.length])],
});
export const withWeights = (numbers: number[]) => modelOf([node("Mul", "y", ["x", "w"])], weights(numbers));

export const neuronOf = (vReset: number, form: NeuronFacts["form"]): NeuronFacts[] => [
  { layer: "1", kind: "IFNode", vThreshold: 1, vReset, form, spikes: "s" },
];

/** One step: the state goes in as v1 and comes out under a name. */
export function stepModel(output: string, shape: number[], type: OnnxValue["type"] = "float32"): OnnxModel {
  return modelOf([node("Add", output, ["x", "v1"]), node("Relu", "y", [output])], {
    inputs: [value("x", [1, 3]), value("v1", shape, type)],
    outputs: [value("y", [1, 3]), value(output, [1, 3])],
  });
}

export const state: StepState = { layer: "1", input: "v1", output: "v1_out", shape: [1, 3], type: "float32", start: 0 };

export const moduleText = [
  "def forward(self, x):",
  '    v1 = ops.load(self.zeros, "flag-1",',
  "        True)",
  "    v1 = v1 + x",
  "    fired = cmpandfire(v1, 1.0)  # v1 = v2",
  '    ops.save(v1, "flag-1")',
  "    return fired",
];

export function moduleOf(facts: Partial<ModuleState>, lines = moduleText): NonNullable<KnownFacts["module"]> {
  const known = { layer: "1", variable: "v1", flag: "flag-1", shape: [1, 3, 1, 1], start: 0, fused: false };
  const states = [{ ...known, sharedParameters: true, ...facts }];
  return { facts: { file: "module.py", weights: "module.npz", states }, text: lines.join("\n") };
}

export const potentials = (lowest: number) => ({ place: "1", lowest, highest: 1, potential: true });
