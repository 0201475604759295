/** The generated PyTorch module, run in plain PyTorch, against the whole-sequence graph; and what its text says of its states. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { layoutOfLowering } from "../../../src/exporters/lynxi/artefact/golden.ts";
import { lowerGraph, readManifest, runModel } from "../../../src/exporters/lynxi/index.ts";
import { lowerStep } from "../../../src/exporters/lynxi/step/index.ts";
import { writeArtefact } from "../../../src/exporters/lynxi/write.ts";
import type { ChipInput } from "../../../src/exporters/target.ts";
import type { Graph } from "../../../src/model/index.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { pythonWith } from "../../python.ts";
import { dyadicInput } from "./graphs.ts";
import { operators } from "./run-script.ts";
import { type StepPlan, stepGraph, stepPlans, widePlans } from "./step-graphs.ts";

const folder = temporaryFolder();
const { command, missing } = pythonWith("numpy", "torch");
const RUNS = Number(process.env.SPIKESHIP_LYNXI_RUNS ?? 40);
const SAMPLES = 2;

/** Runs the module of each folder on its frames and writes the spikes of all layers and the output as JSON. */
const RUN_MODULES = `
import importlib.util, json, sys
from pathlib import Path
import numpy, torch
for folder in map(Path, sys.argv[2:]):
    spec = importlib.util.spec_from_file_location("module_lynxi", str(folder / "module_lynxi.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    network = module.StepNetwork(precision=sys.argv[1])
    network.watched = {}
    case = json.loads((folder / "case.json").read_text())
    frames = numpy.fromfile(str(folder / "frames.bin"), numpy.float32).reshape(case["shape"])
    y = module.run(network, frames)
    spikes = {layer: torch.stack(steps).reshape(-1).tolist() for layer, steps in network.watched.items()}
    (folder / "result.json").write_text(json.dumps({"spikes": spikes, "y": y.reshape(-1).tolist()}))
`;

const TRACE_WITH_OPERATORS = `
import importlib.util, json, sys
from pathlib import Path
import torch
${operators}folder = Path(sys.argv[1])
spec = importlib.util.spec_from_file_location("module_lynxi", str(folder / "module_lynxi.py"))
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
case = json.loads((folder / "case.json").read_text())
x = torch.zeros(case["shape"][1:])
traced = torch.jit.trace(module.StepNetwork(), x, check_trace=False)
kinds = [node.kind() for node in traced.inlined_graph.nodes() if node.kind().startswith("custom::")]
print(json.dumps({"calls": calls, "kinds": kinds, "shape": list(traced(x).shape)}))
`;

interface Case {
  directory: string;
  graph: Graph;
  input: ChipInput;
}

async function writeCase(name: string, plan: StepPlan): Promise<Case> {
  const graph = stepGraph(plan);
  const directory = join(folder, name);
  await writeArtefact(lowerStep(graph, { batch: SAMPLES }, "four"), directory, { torch: true });
  const { shape } = graph.nodes[0]!;
  const size = shape.reduce((product, n) => product * n, 1) * SAMPLES;
  const sequence = plan.form === "sequence";
  const data = dyadicInput(size * (sequence ? plan.steps : 1), plan.seed);
  const input: ChipInput = { form: plan.form, shape: [...(sequence ? [plan.steps] : []), SAMPLES, ...shape], data };
  const frames = new Float32Array(size * plan.steps);
  for (let t = 0; t < plan.steps; t++) frames.set(sequence ? data.subarray(t * size, (t + 1) * size) : data, t * size);
  writeFileSync(join(directory, "frames.bin"), frames);
  writeFileSync(join(directory, "case.json"), JSON.stringify({ shape: [plan.steps, SAMPLES, ...shape] }));
  return { directory, graph, input };
}

function runModules(cases: readonly Case[], precision: "float16" | "float32"): void {
  const script = join(folder, "run_modules.py");
  writeFileSync(script, RUN_MODULES);
  const { status, stderr } = spawnSync(command, [script, precision, ...cases.map(({ directory }) => directory)], {
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
}

/** Fires in both arithmetics? A graph that never fires, or always, would prove little. */
const activity = { spikes: 0, values: 0 };

async function expectWholeSequence({ directory, graph, input }: Case, mode: "float32" | "emulator"): Promise<void> {
  const whole = lowerGraph(graph, { batch: SAMPLES });
  const layers = whole.layers.flatMap(({ layer, neuron }) => (neuron ? [{ layer, value: neuron.spikes }] : []));
  const spikes = layers.map(({ value }) => value);
  const run = await runModel(whole.model, layoutOfLowering(whole), input, { mode, spikes }, "test");
  const result = JSON.parse(readFileSync(join(directory, "result.json"), "utf8"));
  for (const { layer, value } of layers) {
    const expected = Array.from(run.spikes.get(value)!);
    expect(result.spikes[layer], `${directory} ${layer}`).toEqual(expected);
    activity.values += expected.length;
    activity.spikes += expected.reduce((sum, spike) => sum + spike, 0);
  }
  expect(result.y, directory).toEqual(Array.from(run.sequence ?? run.rates));
}

/** Neurons that have no fused form, without those of an exponential, which libraries compute to different last bits. */
const TRANSLATED_ONLY = new Set(["KLIFNode", "QIFNode", "CUBALIFNode"]);
const startsAtZero = ({ kind, options }: StepPlan["neurons"][number]): boolean =>
  kind === "IFNode" ||
  kind === "LIFNode" ||
  kind === "QIFNode" ||
  (kind !== "EIFNode" && (options.vReset === null || options.vReset === 0));

const plain: StepPlan = {
  steps: 4,
  form: "sequence",
  input: "maps",
  channels: 2,
  size: 4,
  neurons: [
    {
      kind: "LIFNode",
      options: { vThreshold: 1, vReset: -0.25, tau: 2, decayInput: true, detachReset: false },
    },
    { kind: "IFNode", options: { vThreshold: 1, vReset: null, detachReset: false } },
    { kind: "IFNode", options: { vThreshold: 1, vReset: 0, detachReset: false } },
  ],
  residual: "add",
  voting: 1,
  transposed: false,
  delay: 1,
  pool: true,
  batchNorm: true,
  rates: true,
  classes: 3,
  seed: 3,
};

describe.skipIf(missing)(`the PyTorch module of a step${missing ? ` (skipped: ${missing})` : ""}`, () => {
  it("gives the whole sequence's spikes and output in float32, for random networks", async () => {
    const plans = fc.sample(stepPlans, { numRuns: RUNS, seed: 12 });
    const cases: Case[] = [];
    for (const [index, plan] of plans.entries()) cases.push(await writeCase(`random${index}`, plan));
    runModules(cases, "float32");
    for (const item of cases) await expectWholeSequence(item, "float32");
    expect(activity.spikes / activity.values).toBeGreaterThan(0.05);
    expect(activity.spikes / activity.values).toBeLessThan(0.95);
  });

  it("gives them with neurons of several states and products of states too", async () => {
    const plans = fc
      .sample(widePlans, { numRuns: RUNS, seed: 15 })
      .filter(({ neurons }) => neurons.some(({ kind }) => TRANSLATED_ONLY.has(kind)))
      .filter(({ neurons }) => neurons.every(startsAtZero));
    const cases: Case[] = [];
    for (const [index, plan] of plans.entries()) cases.push(await writeCase(`wide${index}`, plan));
    expect(cases.length).toBeGreaterThan(0);
    runModules(cases, "float32");
    for (const item of cases) await expectWholeSequence(item, "float32");
  });

  it("gives the potentials of a last layer that never fires", async () => {
    const neurons = [...plain.neurons.slice(0, 2), { kind: "NonSpikingLIFNode", options: { tau: 2 } }];
    const item = await writeCase("potential", { ...plain, rates: false, neurons });
    runModules([item], "float32");
    await expectWholeSequence(item, "float32");
  });

  it("fires on the threshold itself also with the float16 number below it, where potentials are float16 numbers", async () => {
    // integrate and fire on multiples of 1/64: every potential is a float16 number, and many meet the threshold exactly
    const exact = { kind: "IFNode", options: { vThreshold: 1, vReset: 0, detachReset: false } };
    const item = await writeCase("threshold", {
      ...plain,
      input: "features",
      neurons: [exact, exact, exact],
      batchNorm: false,
    });
    runModules([item], "float16");
    await expectWholeSequence(item, "float32");
  });
});

describe.skipIf(missing)(`the PyTorch module with Lynxi's operators${missing ? ` (skipped: ${missing})` : ""}`, () => {
  it("is traced with each load before its save, states channels-last, and fused operators on four axes", async () => {
    const { directory } = await writeCase("traced", plain);
    const script = join(folder, "trace.py");
    writeFileSync(script, TRACE_WITH_OPERATORS);
    const { stdout, stderr } = spawnSync(command, [script, directory], { encoding: "utf8" });
    expect(stderr).toBe("");
    const { calls, kinds, shape } = JSON.parse(stdout) as {
      calls: [string, string | number, number[]][];
      kinds: string[];
      shape: number[];
    };
    expect(shape).toEqual([SAMPLES, 3]);
    const { states } = readManifest(join(directory, "manifest.json")).module!;
    for (const { flag, shape: axes, fused } of states) {
      const [rows = 0, channels = 0, height = 0, width = 0] = axes;
      const own = calls.filter(([, name]) => name === flag).slice(0, 2);
      expect(own).toEqual([
        ["load", flag, [rows, height, width, channels]],
        ["save", flag, [rows, height, width, channels]],
      ]);
      expect(typeof fused).toBe("boolean");
    }
    const fused = states.filter((state) => state.fused).length;
    const times = (kind: string) => kinds.filter((name) => name === `custom::${kind}`).length;
    expect(["load", "save", "cmpandfire", "resetwithdecay"].map(times)).toEqual([
      states.length,
      states.length,
      fused,
      fused,
    ]);
    for (const [name, , axes] of calls) if (name === "cmpandfire") expect(axes).toHaveLength(4);
    expect(calls.flatMap(([name, theta]) => (name === "cmpandfire" ? [theta] : []))).toContain(0.99951171875);
  });
});

describe("the PyTorch module's text", () => {
  it("loads each state once under its flag before use, and saves it once behind the last write", async () => {
    const { directory } = await writeCase("text", plain);
    const manifest = readManifest(join(directory, "manifest.json"));
    const text = readFileSync(join(directory, manifest.module!.file), "utf8");
    expect(manifest.module!.states).toHaveLength(manifest.states!.length);
    expect(new Set(manifest.module!.states.map(({ flag }) => flag)).size).toBe(manifest.states!.length);
    for (const { flag, variable, shape } of manifest.module!.states) {
      expect(shape).toHaveLength(4);
      expect(text.split(flag)).toHaveLength(3);
      expect(text.indexOf(`${variable} = load(`)).toBeLessThan(text.indexOf(`save(${variable}, "${flag}")`));
    }
    expect(manifest.findings.filter(({ severity }) => severity !== "note")).toEqual([]);
  });

  it("uses the fused operators for hard resets and plain ones for soft resets", async () => {
    const { directory } = await writeCase("fused", plain);
    const { module } = readManifest(join(directory, "manifest.json"));
    const fused = Object.fromEntries(module!.states.map(({ layer, fused: used }) => [layer, used]));
    expect(fused).toMatchObject({ spikes1: true, spikes2: false, spikes3: true });
    // thresholds 1.25 (seen from the reset potential) and 1, each with the float16 number below
    const text = readFileSync(join(directory, module!.file), "utf8");
    expect(text).toContain("self.below(1.25, 1.2490234375)");
    expect(text).toContain("self.below(1.0, 0.99951171875)");
  });

  it("holds no absolute path, and stays the same for the same network", async () => {
    const [one, other] = [await writeCase("same1", plain), await writeCase("same2", plain)];
    for (const name of ["module_lynxi.py", "weights.npz", "manifest.json"]) {
      const bytes = readFileSync(join(one.directory, name));
      expect(bytes.equals(readFileSync(join(other.directory, name))), name).toBe(true);
    }
    expect(readFileSync(join(one.directory, "module_lynxi.py"), "utf8")).not.toMatch(/["']\/[a-z]/);
  });

  it("is written with a warning when the golden run takes a fused neuron's potential to -100 and below", async () => {
    const graph = stepGraph({ ...plain, input: "features" });
    const first = graph.nodes.find(({ kind }) => kind === "linear");
    if (first?.kind === "linear") first.weight.data.fill(-200);
    const directory = join(folder, "low");
    const { findings } = await writeArtefact(lowerStep(graph, {}, "four"), directory, { torch: true });
    expect(findings.filter(({ rule }) => rule === "LX030")).toMatchObject([
      { severity: "warning", place: expect.stringContaining("spikes1") },
    ]);
    const { directory: usual } = await writeCase("usual", plain);
    expect(readManifest(join(usual, "manifest.json")).findings.map(({ rule }) => rule)).not.toContain("LX030");
  });

  it("is refused for a state that starts neither at zeros nor at ones, which is all that load can give", async () => {
    const options = { vThreshold: 1, vReset: -0.25, cDecay: 0.5, vDecay: 0.75, detachReset: false };
    const graph = stepGraph({ ...plain, neurons: [{ kind: "CUBALIFNode", options }, ...plain.neurons.slice(1)] });
    await expect(
      writeArtefact(lowerStep(graph, {}, "four"), join(folder, "start"), { torch: true }),
    ).rejects.toMatchObject({ code: "TARGET", message: expect.stringMatching(/spikes1.*LX027/) });
    await writeArtefact(lowerStep(graph), join(folder, "start-onnx"));
    const { states } = readManifest(join(folder, "start-onnx", "manifest.json"));
    expect(states!.filter(({ layer }) => layer === "spikes1").map(({ start }) => start)).toEqual([0, -0.25]);
  });

  it("is only written for a single step that gives its output alone", async () => {
    const tapped = lowerStep(stepGraph(plain), { taps: ["first"] }, "four");
    await expect(writeArtefact(tapped, join(folder, "tapped"), { torch: true })).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining("taps"),
    });
    const lowering = lowerGraph(stepGraph(plain));
    await expect(writeArtefact(lowering, join(folder, "whole"), { torch: true })).rejects.toMatchObject({
      code: "OPTION",
    });
    expect(errorOf(() => readManifest(join(folder, "whole", "manifest.json"))).code).toBe("FILE");
  });
});
