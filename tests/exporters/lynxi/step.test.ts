/** A network as one time-step, driven over T with its states handed back, gives what the whole-sequence graph gives. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layoutOfLowering } from "../../../src/exporters/lynxi/artefact/golden.ts";
import {
  checkModel,
  type ExecutionMode,
  encodeOnnx,
  type Lowering,
  lowerGraph,
  type OnnxRun,
  runModel,
} from "../../../src/exporters/lynxi/index.ts";
import { decodeOnnx } from "../../../src/exporters/lynxi/onnx/decode.ts";
import { lowerStep } from "../../../src/exporters/lynxi/step/index.ts";
import type { ChipInput } from "../../../src/exporters/target.ts";
import { GraphBuilder, graphArray } from "../../../src/model/index.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { pythonWith } from "../../python.ts";
import { dyadicInput } from "./graphs.ts";
import { type StepPlan, type StepSettings, stepGraph, stepPlans, stepSettings, widePlans } from "./step-graphs.ts";

async function runOf(lowering: Lowering, input: ChipInput, mode: ExecutionMode): Promise<OnnxRun> {
  const spikes = lowering.layers.flatMap(({ neuron }) => neuron?.spikes ?? []);
  const model = decodeOnnx(encodeOnnx(lowering.model), "test");
  return runModel(model, layoutOfLowering(lowering), input, { mode, spikes }, "test");
}

/** Spikes of each neuron layer `[T, samples, L]`, by layer. */
function spikesOf(lowering: Lowering, run: OnnxRun): [string, number[]][] {
  return lowering.layers.flatMap(({ layer, neuron }) =>
    neuron ? [[layer, Array.from(run.spikes.get(neuron.spikes)!)] as [string, number[]]] : [],
  );
}

const folder = temporaryFolder();
const { command, missing } = pythonWith("onnx");
/** Raise it to look at more random networks. */
const RUNS = Number(process.env.SPIKESHIP_LYNXI_RUNS ?? 40);

const SAMPLES = 3;

const NEURON = { kind: "IFNode", options: { vThreshold: 1, vReset: 0, detachReset: false } };
const PLAN: StepPlan = {
  steps: 3,
  form: "image",
  input: "maps",
  channels: 2,
  size: 4,
  neurons: [NEURON, NEURON, NEURON],
  residual: "add",
  voting: 1,
  transposed: false,
  delay: 1,
  pool: true,
  batchNorm: false,
  rates: true,
  classes: 2,
  seed: 5,
};

const activity = { spikes: 0, values: 0 };

/** The whole sequence's spikes and outputs in every mode, and no finding but notes. */
async function expectWholeSequence(
  plan: StepPlan,
  { axes, ...settings }: StepSettings,
  modes: readonly ExecutionMode[],
): Promise<void> {
  const graph = stepGraph(plan);
  const whole = lowerGraph(graph, settings);
  const step = lowerStep(graph, settings, axes);
  const { shape } = graph.nodes[0]!;
  const lead = plan.form === "sequence" ? [plan.steps, SAMPLES] : [SAMPLES];
  const count = [...lead, ...shape].reduce((product, n) => product * n, 1);
  const input: ChipInput = { form: plan.form, shape: [...lead, ...shape], data: dyadicInput(count, plan.seed) };
  for (const mode of modes) {
    const [one, other] = [await runOf(whole, input, mode), await runOf(step, input, mode)];
    expect(spikesOf(step, other), mode).toEqual(spikesOf(whole, one));
    expect(other.rates, mode).toEqual(one.rates);
    expect(other.sequence, mode).toEqual(one.sequence);
    for (const [, spikes] of spikesOf(step, other)) {
      activity.values += spikes.length;
      activity.spikes += spikes.reduce((sum, spike) => sum + spike, 0);
    }
  }
  const findings = checkModel(step.model, {
    steps: step.steps,
    style: "single-step",
    states: step.step!.states,
    neurons: step.layers.flatMap(({ neuron }) => neuron ?? []),
  });
  expect(findings.filter(({ severity }) => severity !== "note")).toEqual([]);
}

describe("a graph of one time-step", () => {
  it("gives the whole sequence's spikes and output, in ONNX Runtime and the emulator, in float32 and float16", async () => {
    await fc.assert(
      fc.asyncProperty(stepPlans, stepSettings, async (plan, settings) => {
        // ONNX Runtime does not round between the operators of a graph typed float16, so it cannot judge one
        const exact = settings.dtype === "float32" ? (["float32", "emulator32"] as const) : [];
        await expectWholeSequence(plan, settings, ["twin", "emulator", ...exact]);
      }),
      { numRuns: RUNS, seed: 11 },
    );
  });

  it("gives them with neurons of more operators and more states too", async () => {
    await fc.assert(
      fc.asyncProperty(widePlans, stepSettings, async (plan, settings) => {
        // the whole sequence holds what an exponential gives at the start as a float16 number; in float32 a step computes it in full
        const folded = plan.neurons.some(({ kind }) => kind === "EIFNode");
        const exact = settings.dtype === "float32" && !folded ? (["float32", "emulator32"] as const) : [];
        await expectWholeSequence(plan, settings, ["twin", "emulator", ...exact]);
      }),
      { numRuns: RUNS, seed: 14 },
    );
  });

  it("gives the potentials of a last layer that never fires, which are state and output at once", async () => {
    for (const kind of ["NonSpikingIFNode", "NonSpikingLIFNode"]) {
      const options = kind === "NonSpikingIFNode" ? {} : { tau: 2 };
      const plan = { ...PLAN, rates: false, neurons: [...PLAN.neurons.slice(0, 2), { kind, options }] };
      const [whole, step] = [lowerGraph(stepGraph(plan)), lowerStep(stepGraph(plan))];
      const input: ChipInput = { form: "image", shape: [SAMPLES, 1, 4, 4], data: dyadicInput(SAMPLES * 16, 1) };
      for (const mode of ["float32", "emulator", "twin"] as const) {
        const [one, other] = [await runOf(whole, input, mode), await runOf(step, input, mode)];
        expect(other.sequence, `${kind} ${mode}`).toEqual(one.sequence);
        expect(one.sequence!.some((potential) => potential !== 0)).toBe(true);
      }
      expect(step.step!.states.map(({ layer }) => layer)).toEqual(["spikes1", "spikes2", "delay", "spikes3"]);
    }
  });

  it("gives the outputs of layers between, and spikes instead of rates, when asked for", async () => {
    const graph = stepGraph(PLAN);
    const options = { output: "spikes", taps: ["first", "spikes1", "sum", "spikes3"] } as const;
    const [whole, step] = [lowerGraph(graph, options), lowerStep(graph, options)];
    expect(step.step!.readout).toBe("every-step");
    const input: ChipInput = { form: "image", shape: [SAMPLES, 1, 4, 4], data: dyadicInput(SAMPLES * 16, 1) };
    const [one, other] = [await runOf(whole, input, "emulator"), await runOf(step, input, "emulator")];
    expect(other.sequence).toEqual(one.sequence);
    const states = new Set(step.step!.states.map((state) => state.output));
    const between = step.model.outputs.filter(({ name }) => !states.has(name)).map(({ name }) => name);
    // the sum waits in the delay's state, and the last spikes are the output: both are outputs already
    expect(between).toEqual(["y", "first.conv", "spikes1.neuron.spike"]);
  });

  it("was compared on neurons that both fire and stay silent", () => {
    expect(activity.spikes / activity.values).toBeGreaterThan(0.05);
    expect(activity.spikes / activity.values).toBeLessThan(0.95);
  });
});

describe("what has no single step", () => {
  const one = { source: "input", shape: [2], form: "sequence", values: "real" } as const;
  const refusal = (build: (graph: GraphBuilder) => void) => {
    const graph = new GraphBuilder(2);
    graph.add("input", { ...one, shape: [2] });
    build(graph);
    return errorOf(() => lowerStep(graph.build()));
  };

  it("is refused by name: a neuron over all steps at once", () => {
    const weight = graphArray(new Float32Array(4), [2, 2]);
    const bias = graphArray(new Float32Array(2), [2]);
    const error = refusal((graph) =>
      graph.add("parallelNeuron", { source: "head.psn", shape: [2], neuron: "PSN", weight, bias }),
    );
    expect(error).toMatchObject({ code: "TARGET", message: expect.stringMatching(/head\.psn.*PSN.*whole sequence/) });
  });

  it("is refused by name: delays that differ by channel", () => {
    const error = refusal((graph) => graph.add("delay", { source: "axon", shape: [2], steps: 3, channels: [1, 3] }));
    expect(error).toMatchObject({ code: "TARGET", message: expect.stringContaining("axon") });
  });
});

const CHECK = "import sys, onnx; [onnx.checker.check_model(onnx.load(path), full_check=True) for path in sys.argv[1:]]";

describe.skipIf(missing)(`the file of a step${missing ? ` (skipped: ${missing})` : ""}`, () => {
  it("passes ONNX's own checker, shapes and types inferred anew", () => {
    const plans = fc.sample(fc.tuple(stepPlans, stepSettings), { numRuns: RUNS, seed: 13 });
    const paths = plans.map(([plan, { axes, ...settings }], index) => {
      const path = join(folder, `step${index}.onnx`);
      writeFileSync(path, encodeOnnx(lowerStep(stepGraph(plan), settings, axes).model));
      return path;
    });
    expect(spawnSync(command, ["-c", CHECK, ...paths], { encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
  });
});
