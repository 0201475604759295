/** The scripts of single steps, run against stand-ins for Lynxi's modules that record the order of the calls. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stepInferScript } from "../../../src/exporters/lynxi/artefact/scripts.ts";
import { readManifest } from "../../../src/exporters/lynxi/index.ts";
import { lowerStep } from "../../../src/exporters/lynxi/step/index.ts";
import { writeArtefact } from "../../../src/exporters/lynxi/write.ts";
import { temporaryFolder } from "../../error-of.ts";
import { pythonWith } from "../../python.ts";
import { SDK } from "./lynsdk.ts";
import { lyngor, operators, runScript } from "./run-script.ts";
import { type StepPlan, stepGraph } from "./step-graphs.ts";

const folder = temporaryFolder();
const numpy = pythonWith("numpy");
const torch = pythonWith("numpy", "torch");

const exact = { kind: "IFNode", options: { vThreshold: 1, vReset: 0, detachReset: false } };
const plan: StepPlan = {
  steps: 3,
  form: "sequence",
  input: "features",
  channels: 2,
  size: 2,
  neurons: [exact, exact, exact],
  residual: "none",
  voting: 1,
  transposed: false,
  delay: 0,
  pool: false,
  batchNorm: false,
  rates: true,
  classes: 2,
  seed: 2,
};
const BATCH = 2;
/** Not a multiple of the batch: the last one has to be filled. */
const SAMPLES = 5;

async function artefact(name: string, style: "onnx" | "torch", given: Partial<StepPlan> = {}): Promise<string> {
  const directory = join(folder, name);
  const lowering = lowerStep(stepGraph({ ...plan, ...given }), { batch: BATCH }, style === "torch" ? "four" : "layer");
  await writeArtefact(lowering, directory, { torch: style === "torch" });
  return directory;
}

const python = (directory: string, args: string[], modules: Record<string, string> = {}) =>
  runScript(numpy.command, directory, args, modules);
const json = (directory: string, name: string) => JSON.parse(readFileSync(join(directory, name), "utf8"));

/** Samples of multiples of 1/16, and the sums that the stand-in should give: [steps][sample], as in the frames. */
const WRITE_SAMPLES = `
import sys, numpy
shape = [int(n) for n in sys.argv[1:]]
x = numpy.random.RandomState(3).randint(0, 16, shape) / 16.0
numpy.save("in.npy", x)
`;

function infer(
  directory: string,
  shape: number[],
): { calls: [string, ...unknown[]][]; steps: Record<string, number>[] } {
  expect(python(directory, ["-c", WRITE_SAMPLES, ...shape.map(String)]).status).toBe(0);
  const run = python(directory, ["infer_lynxi.py", "in.npy", "out.npy", "--device", "2"], { pylynchipsdk: SDK });
  expect(run.stderr).toBe("");
  expect(run.status).toBe(0);
  return json(directory, "calls.json");
}

function printed(directory: string, code: string): unknown {
  return JSON.parse(python(directory, ["-c", `import json, numpy\n${code}`]).stdout);
}

const SAME_SUMS = `x, y = numpy.load("in.npy"), numpy.load("out.npy")
sums = x.reshape(x.shape[0], x.shape[1], -1).sum(2).sum(1)
print(json.dumps([list(y.shape), str(y.dtype), bool((y == sums[:, None]).all())]))`;

const OPENING = [
  ["lyn_create_context", 2],
  ["lyn_set_current_context", "the context"],
  ["lyn_register_error_handler"],
  ["lyn_create_stream"],
  ["lyn_load_model", expect.stringMatching(/compiled\/Net_0$/)],
  ["lyn_model_get_desc"],
];
const CLOSING = [["lyn_free"], ["lyn_free"], ["lyn_unload_model"], ["lyn_destroy_stream"], ["lyn_destroy_context"]];

describe.skipIf(numpy.missing)(
  `the script that drives single steps${numpy.missing ? ` (skipped: ${numpy.missing})` : ""}`,
  () => {
    it("sends all frames of a batch, resets the model, executes T times, and takes the last output, with states on the chip", async () => {
      const directory = await artefact("chip", "torch");
      const { calls } = infer(directory, [SAMPLES, 3, 4]);
      const [frame, output] = [BATCH * 4 * 2, BATCH * 2 * 2];
      const batch = [
        ["lyn_memcpy_async", 3 * frame, "to the chip"],
        ["lyn_model_reset_async"],
        ["lyn_execute_model_async", 1],
        ["lyn_addr_seek", frame],
        ["lyn_addr_seek", output],
        ["lyn_execute_model_async", 1],
        ["lyn_addr_seek", frame],
        ["lyn_addr_seek", output],
        ["lyn_execute_model_async", 1],
        ["lyn_memcpy_async", 3 * output, "to the host"],
        ["lyn_synchronize_stream"],
        ["lyn_ptr_to_numpy", [1, 3 * BATCH * 2]],
      ];
      const buffers = [
        ["lyn_malloc", 3 * frame],
        ["lyn_malloc", 3 * output],
      ];
      expect(calls).toEqual([...OPENING, ...buffers, ...batch, ...batch, ...batch, ...CLOSING]);
      expect(printed(directory, SAME_SUMS)).toEqual([[SAMPLES, 2], "float16", true]);
    });

    it("hands the states back in the order of the graph, from their start values for every batch, with states on the host", async () => {
      const directory = await artefact("host", "onnx");
      const { calls, steps } = infer(directory, [SAMPLES, 3, 4]);
      const manifest = readManifest(join(directory, "manifest.json"));
      const bytes = (entries: { shape: number[] }[]) =>
        2 * entries.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
      const [given, taken] = [bytes(manifest.inputs), bytes(manifest.outputs)];
      const step = (first: boolean) => [
        ["lyn_memcpy_async", given, "to the chip"],
        ...(first ? [["lyn_model_reset_async"]] : []),
        ["lyn_execute_model_async", 1],
        ["lyn_memcpy_async", taken, "to the host"],
        ["lyn_synchronize_stream"],
        ["lyn_ptr_to_numpy", [1, taken / 2]],
      ];
      const batch = [...step(true), ...step(false), ...step(false)];
      const buffers = [
        ["lyn_malloc", given],
        ["lyn_malloc", taken],
      ];
      expect(calls).toEqual([...OPENING, ...buffers, ...batch, ...batch, ...batch, ...CLOSING]);
      // a state that goes up by one counts the steps since its start
      expect(steps.map(({ v1_out }) => v1_out)).toEqual([1, 2, 3, 1, 2, 3, 1, 2, 3]);
      expect(printed(directory, SAME_SUMS)).toEqual([[SAMPLES, 2], "float16", true]);
    });

    it("repeats an image at every step, and gives every step's output where the network ends in a sequence", async () => {
      const directory = await artefact("sequence", "torch", { form: "image", rates: false });
      infer(directory, [SAMPLES, 4]);
      const check = `x, y = numpy.load("in.npy"), numpy.load("out.npy")
sums = x.sum(1)[:, None, None] * numpy.arange(1, 4)[None, :, None]
print(json.dumps([list(y.shape), bool((y == sums).all())]))`;
      expect(printed(directory, check)).toEqual([[SAMPLES, 3, 2], true]);
    });

    it("names the call that failed, the shape it wants, and a program of another size", async () => {
      const directory = await artefact("failures", "torch");
      expect(python(directory, ["-c", WRITE_SAMPLES, "2", "3", "4"]).status).toBe(0);
      const args = ["infer_lynxi.py", "in.npy", "out.npy"];
      const broken = SDK.replace('return "the model", 0', "return None, 7");
      expect(python(directory, args, { pylynchipsdk: broken }).stderr).toContain(
        "lyn_load_model: expected error code 0, got 7",
      );
      const other = SDK.replace("outputDataLen = ", "outputDataLen = 10 + ");
      expect(python(directory, args, { pylynchipsdk: other }).stderr).toContain(
        "output: expected 8 bytes a step (manifest.json), got 18 (the compiled program)",
      );
      expect(python(directory, ["-c", WRITE_SAMPLES, "2", "4"]).status).toBe(0);
      expect(python(directory, args, { pylynchipsdk: SDK }).stderr).toContain("expected [samples, 3, 4], got [2, 4]");
    });

    it("is compiled as a graph with all states among its inputs", async () => {
      const directory = await artefact("compile", "onnx");
      const run = python(directory, ["compile_lynxi.py"], { lyngor: lyngor("graph", "params") });
      expect(run.stderr).toBe("");
      const [load, , build] = json(directory, "calls.json");
      expect(load[2]).toMatchObject({
        model_type: "ONNX",
        inputs_dict: { x: [2, 4], v1: [2, 4], v2: [2, 2], acc: [2, 2] },
      });
      expect(Object.keys(build[3]).sort()).toEqual(["apu_only", "out_path"]);
    });

    it("holds no absolute path", () => {
      expect(stepInferScript).not.toMatch(/["']\/[a-z]/);
    });
  },
);

describe.skipIf(torch.missing)(
  `the script that compiles the PyTorch module${torch.missing ? ` (skipped: ${torch.missing})` : ""}`,
  () => {
    it("loads the operators and their registrations first, then hands over the module with its sample input alone", async () => {
      const directory = await artefact("module", "torch");
      // any library that can be loaded stands in for Lynxi's
      const library = runScript(torch.command, directory, [
        "-c",
        "import torch; print(torch._C.__file__)",
      ]).stdout.trim();
      const args = ["compile_lynxi.py", "--operators", library, "--registrations", "registrations"];
      const modules = {
        lyngor: lyngor("mod", "param"),
        registrations: `import lyngor, torch
lyngor.calls.append(["registrations"])
${operators}`,
      };
      const run = runScript(torch.command, directory, args, modules);
      expect(run.stderr).toBe("");
      expect(run.status).toBe(0);
      const [registered, load, builder, build] = json(directory, "calls.json");
      expect(registered).toEqual(["registrations"]);
      expect(load).toEqual([
        "load",
        "StepNetwork",
        { model_type: "Pytorch", inputs_dict: { x: [2, 4] }, in_type: "float16", out_type: "float16" },
      ]);
      expect(builder).toEqual(["Builder", { target: "apu", is_map: true }]);
      expect(build[3]).toMatchObject({ apu_only: true, version: 0 });
      const bare = { ...modules, registrations: "" };
      expect(runScript(torch.command, directory, args, bare).stderr).toContain(
        "expected 3 custom::save in the traced module, got 0",
      );
    });

    it("says which operators it needs, and refuses weights that are not the manifest's", async () => {
      const directory = await artefact("refused", "torch");
      const modules = { lyngor: lyngor("graph", "params") };
      expect(runScript(torch.command, directory, ["compile_lynxi.py"], modules).stderr).toContain(
        "expected --operators",
      );
      mkdirSync(join(directory, "modules"), { recursive: true });
      const spoil = "open('weights.npz', 'ab').write(b'x')";
      expect(runScript(torch.command, directory, ["-c", spoil]).status).toBe(0);
      const args = ["compile_lynxi.py", "--operators", "library.so", "--registrations", "registrations"];
      expect(runScript(torch.command, directory, args, modules).stderr).toContain("weights.npz: expected sha256");
    });
  },
);
