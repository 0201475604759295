/** The written graph computes what the network's graph says: in ONNX Runtime, in the emulator, and as a twin, against a direct loop. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type ExecutionMode,
  encodeOnnx,
  layoutOf,
  lowerGraph,
  type OnnxModel,
  runModel,
} from "../../../src/exporters/lynxi/index.ts";
import { decodeOnnx } from "../../../src/exporters/lynxi/onnx/decode.ts";
import type { ChipInput } from "../../../src/exporters/target.ts";
import type { Graph } from "../../../src/model/index.ts";
import { directRun, dyadicInput, type GraphPlan, type Precision, planGraph } from "./graphs.ts";

const resets = fc.constantFrom(null, 0, -0.25, 0.25);
const membrane = { vThreshold: 1, detachReset: false };
// tau 2 and 4 have exact decays, so that also the unshifted neuron in float32 gives the same bits as the shifted one
const neuron = fc.oneof(
  resets.map((vReset) => ({ kind: "IFNode", options: { ...membrane, vReset } })),
  fc
    .record({ vReset: resets, tau: fc.constantFrom(2, 4), decayInput: fc.boolean() })
    .map((options) => ({ kind: "LIFNode", options: { ...membrane, ...options } })),
);

const plans: fc.Arbitrary<GraphPlan> = fc.record({
  steps: fc.integer({ min: 1, max: 8 }),
  form: fc.constantFrom("image" as const, "sequence" as const),
  channels: fc.integer({ min: 1, max: 3 }),
  size: fc.integer({ min: 2, max: 6 }),
  groups: fc.integer({ min: 1, max: 2 }),
  batchNorm: fc.boolean(),
  pool: fc.constantFrom("none" as const, "max" as const, "avg" as const, "sum" as const),
  bias: fc.boolean(),
  neuron,
  classes: fc.integer({ min: 1, max: 4 }),
  seed: fc.integer({ min: 1, max: 1_000_000 }),
});

/** Graph, written and read back; samples; and what each sample is at each step. */
function caseOf(plan: GraphPlan, batch: number, samples: number, options = {}) {
  const graph = planGraph(plan);
  const model = decodeOnnx(encodeOnnx(lowerGraph(graph, { batch, ...options }).model), "test");
  const shape = graph.nodes[0]!.shape;
  const size = shape.reduce((product, n) => product * n, 1);
  const sequence = plan.form === "sequence";
  const data = dyadicInput((sequence ? plan.steps : 1) * samples * size, plan.seed + 9);
  const input: ChipInput = { form: plan.form, shape: [...(sequence ? [plan.steps] : []), samples, ...shape], data };
  const stepsOf = (sample: number) =>
    Array.from({ length: plan.steps }, (_, t) => {
      const at = ((sequence ? t * samples : 0) + sample) * size;
      return Array.from(data.subarray(at, at + size));
    });
  return { graph, model, input, stepsOf };
}

/** Spikes and silences seen: graphs that never fire, or always, would prove little. */
const activity = { spikes: 0, values: 0 };

async function expectDirect(
  mode: ExecutionMode,
  precision: Precision,
  {
    graph,
    model,
    input,
    stepsOf,
  }: { graph: Graph; model: OnnxModel; input: ChipInput; stepsOf: (n: number) => number[][] },
): Promise<void> {
  const layout = layoutOf(model, "test");
  const run = await runModel(model, layout, input, { mode, spikes: layout.spikes }, "test");
  const samples = input.shape[input.form === "sequence" ? 1 : 0]!;
  for (let n = 0; n < samples; n++) {
    const direct = directRun(graph, stepsOf(n), precision);
    [...direct.spikes.values()].forEach((steps, layer) => {
      const got = run.spikes.get(layout.spikes[layer]!)!;
      const length = steps[0]!.length;
      const own = steps.map((_, t) =>
        Array.from(got.subarray((t * samples + n) * length, (t * samples + n + 1) * length)),
      );
      activity.values += steps.flat().length;
      activity.spikes += steps.flat().reduce((sum, spike) => sum + spike, 0);
      expect(own, `${mode}: spikes of layer ${layer}, sample ${n}`).toEqual(steps);
    });
    const { features } = run;
    expect(Array.from(run.rates.subarray(n * features, (n + 1) * features)), `${mode}: rates`).toEqual(direct.rates);
  }
}

describe("the written graph", () => {
  it("gives the spikes and rates of a direct loop in float32, in ONNX Runtime and in the emulator without rounding", async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.integer({ min: 1, max: 3 }), async (plan, batch) => {
        const run = caseOf(plan, batch, 3);
        await expectDirect("float32", "float32", run);
        await expectDirect("emulator32", "float32", run);
      }),
      { numRuns: 40, seed: 7 },
    );
  });

  it("gives the spikes and rates of a direct loop with every result rounded to float16, in the emulator and as a twin", async () => {
    await fc.assert(
      fc.asyncProperty(plans, fc.integer({ min: 1, max: 3 }), async (plan, batch) => {
        // the loop rounds behind the convolution and behind the norm, as the graph does where the norm is not folded
        const run = caseOf(plan, batch, 3, { foldBatchNorm: false });
        await expectDirect("emulator", "float16", run);
        await expectDirect("twin", "float16", run);
      }),
      { numRuns: 40, seed: 8 },
    );
  });

  it("gives the same with operator set 11, and typed float16", async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const eleven = caseOf(plan, 2, 3, { opset: 11, foldBatchNorm: false });
        await expectDirect("float32", "float32", eleven);
        await expectDirect("emulator", "float16", eleven);
        const half = caseOf(plan, 1, 2, { dtype: "float16", foldBatchNorm: false });
        await expectDirect("emulator", "float16", half);
        await expectDirect("twin", "float16", half);
      }),
      { numRuns: 20, seed: 9 },
    );
  });

  it("was compared on neurons that both fire and stay silent", () => {
    expect(activity.spikes / activity.values).toBeGreaterThan(0.05);
    expect(activity.spikes / activity.values).toBeLessThan(0.95);
  });
});
