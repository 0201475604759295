/** Neurons that other programs wrote, with five axes or gathered rows, in the form [T,N,L] with slices [1,N,L]: random graphs run the same in ONNX Runtime. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkModel, rewrite } from "../../../src/exporters/lynxi/index.ts";
import {
  ELEMENT_TYPES,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../../../src/exporters/lynxi/onnx/onnx-model.ts";
import { floats, int, integers, ints, modelOf, node, value } from "./models.ts";
import { outputsOf } from "./run-in-onnxruntime.ts";

/** Random graphs in one run; raise SPIKESHIP_REWRITE_RUNS for a longer search. */
const RUNS = Number(process.env.SPIKESHIP_REWRITE_RUNS ?? 80);
const EXACT = { foldNumbers: false, roundNumbers: false };

const size = (shape: readonly number[]) => shape.reduce((product, n) => product * n, 1);
/** Multiples of 1/16 around zero, so that sums are exact and thresholds are met. */
const numbers = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => (((i + seed) * 7919) % 61) / 16 - 1.25);

const run = (model: OnnxModel) => outputsOf(model, (count) => numbers(count, 3));

interface Plan {
  steps: number;
  batch: number;
  /** Axes of one sample. */
  rest: number[];
  /** How a stored number meets a step: one for all, for each channel, for each neuron, for each sample and neuron. */
  threshold: "scalar" | "channel" | "neuron" | "sample";
  selection: "gather" | "split";
  soft: boolean;
  /** What else is an output: nothing, or the last potential in the shape [N,...]. */
  potential: boolean;
  /** What comes behind the spikes: a mean over time, or the view [T*N,...]. */
  behind: "mean" | "rows";
  residual: boolean;
  input: "sequence" | "image";
}

const plans: fc.Arbitrary<Plan> = fc.record({
  steps: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 3 }),
  rest: fc.oneof(
    fc.tuple(fc.integer({ min: 1, max: 5 })),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  ),
  threshold: fc.constantFrom("scalar", "channel", "neuron", "sample"),
  selection: fc.constantFrom("gather", "split"),
  soft: fc.boolean(),
  potential: fc.boolean(),
  behind: fc.constantFrom("mean", "rows"),
  residual: fc.boolean(),
  input: fc.constantFrom("sequence", "image"),
});

function thresholdOf({ threshold, batch, rest }: Plan): OnnxTensor {
  const shapes = {
    scalar: [],
    channel: [rest[0]!, ...rest.slice(1).map(() => 1)],
    neuron: rest,
    sample: [batch, ...rest],
  };
  const shape = shapes[threshold];
  return floats(
    "th",
    shape,
    Array.from(numbers(size(shape), 11), (n) => Math.abs(n) / 2 + 0.25),
  );
}

const toFloat = { to: int(ELEMENT_TYPES.float32) };

/** As torch.onnx.export writes SpikingJelly's multi-step neurons: every value keeps the axes of the sample. */
function exported(plan: Plan): OnnxModel {
  const { steps, batch, rest } = plan;
  const sequence = [steps, batch, ...rest];
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [thresholdOf(plan), floats("one", [], [1]), floats("half", [1], [0.5])];
  const store = (name: string, ...list: number[]) => {
    initializers.push(integers(name, ...list));
    return name;
  };
  if (plan.input === "image") {
    nodes.push(node("Unsqueeze", "image", ["x"], { axes: ints(0) }));
    nodes.push(node("Expand", "seq", ["image", store("sizes", ...sequence)]));
  }
  const from = plan.input === "image" ? "seq" : "x";
  if (plan.selection === "split") {
    const outputs = Array.from({ length: steps }, (_, t) => `part${t}`);
    nodes.push({ ...node("Split", "part0", [from], { axis: int(0) }), outputs });
  }
  let potential = "";
  for (let t = 0; t < steps; t++) {
    if (plan.selection === "split") nodes.push(node("Squeeze", `x${t}`, [`part${t}`], { axes: ints(0) }));
    else {
      initializers.push({ name: `i${t}`, type: "int64", shape: [], data: BigInt64Array.of(BigInt(t - steps)) });
      nodes.push(node("Gather", `x${t}`, [from, `i${t}`], { axis: int(0) }));
    }
    if (t > 0) {
      nodes.push(node("Mul", `leak${t}`, [potential, "half"]));
      nodes.push(node("Add", `h${t}`, [`leak${t}`, `x${t}`]));
    } else nodes.push(node("Add", "h0", ["x0", "one"]));
    nodes.push(node("GreaterOrEqual", `fired${t}`, [`h${t}`, "th"]), node("Cast", `s${t}`, [`fired${t}`], toFloat));
    if (plan.soft) nodes.push(node("Mul", `r${t}`, [`s${t}`, "th"]), node("Sub", `v${t}`, [`h${t}`, `r${t}`]));
    else nodes.push(node("Sub", `r${t}`, ["one", `s${t}`]), node("Mul", `v${t}`, [`h${t}`, `r${t}`]));
    potential = `v${t}`;
    nodes.push(node("Unsqueeze", `u${t}`, [`s${t}`], { axes: ints(0) }));
  }
  nodes.push(
    node(
      "Concat",
      "spikes",
      Array.from({ length: steps }, (_, t) => `u${t}`),
      { axis: int(0) },
    ),
  );
  if (plan.residual) nodes.push(node("Add", "sum", ["spikes", from]));
  const last = plan.residual ? "sum" : "spikes";
  if (plan.behind === "mean") nodes.push(node("ReduceMean", "y", [last], { axes: ints(0), keepdims: int(0) }));
  else nodes.push(node("Reshape", "y", [last, store("rows", steps * batch, ...rest)]));
  if (plan.potential) nodes.push(node("Identity", "v", [potential]));
  return modelOf(nodes, {
    inputs: [value("x", plan.input === "image" ? [batch, ...rest] : sequence)],
    outputs: [value("y", null), ...(plan.potential ? [value("v", null)] : [])],
    initializers,
  });
}

describe("neurons of other programs", () => {
  it("compute the same bits in the chip's form, and keep the rules about shapes", async () => {
    const seen = { fired: 0, silent: 0, deep: 0 };
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const model = exported(plan);
        const { model: rewritten } = rewrite(model, EXACT);
        const [before, after] = [await run(model), await run(rewritten)];
        expect(after).toEqual(before);
        const broken = checkModel(rewritten).filter(({ severity }) => severity === "error" || severity === "warning");
        expect(broken.filter(({ rule }) => rule === "LX001" || rule === "LX007" || rule === "LX006")).toEqual([]);
        for (const number of before[0]!) number > 0 ? seen.fired++ : seen.silent++;
        if (plan.rest.length === 3) seen.deep++;
      }),
      { numRuns: RUNS, seed: 9 },
    );
    // graphs that never fire, or of rows only, would prove little
    expect(Math.min(seen.fired, seen.silent)).toBeGreaterThan(RUNS);
    expect(seen.deep).toBeGreaterThan(RUNS / 5);
  });

  it("have their graph input of five axes taken with four, the same bytes", () => {
    const model = exported({
      steps: 2,
      batch: 3,
      rest: [2, 4, 5],
      threshold: "scalar",
      selection: "gather",
      soft: false,
      potential: false,
      behind: "rows",
      residual: false,
      input: "sequence",
    });
    const { model: rewritten, changes } = rewrite(model, EXACT);
    expect(rewritten.inputs).toMatchObject([{ name: "x", shape: [6, 2, 4, 5] }]);
    expect(changes.find(({ place }) => place === "x")).toMatchObject({ rule: "LX001", exact: true });
    expect(rewritten.nodes.filter(({ op }) => op === "Reshape")).toHaveLength(2);
  });
});
