/** The Python scripts, run against stand-ins for Lyngor and LynPy that record what they are asked. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type LynxiManifest, lowerGraph, readManifest } from "../../../src/exporters/lynxi/index.ts";
import { compileScript, inferScript } from "../../../src/exporters/lynxi/scripts.ts";
import { writeArtefact } from "../../../src/exporters/lynxi/write.ts";
import { temporaryFolder } from "../../error-of.ts";
import { type GraphPlan, planGraph } from "./graphs.ts";

const folder = temporaryFolder();
const found = spawnSync("python3", ["-c", "import numpy"], { encoding: "utf8" });
const missing = found.error ? "python3 is not on the PATH" : found.status !== 0 ? "python3 has no numpy" : null;

const plan: GraphPlan = {
  steps: 3,
  form: "image",
  channels: 1,
  size: 4,
  groups: 1,
  batchNorm: false,
  pool: "none",
  bias: true,
  neuron: { kind: "IFNode", options: { vThreshold: 1, vReset: 0, detachReset: false } },
  classes: 2,
  seed: 2,
};

/** What Lyngor's versions have in common, with either pair of attribute names; calls go into calls.json. */
const lyngor = (graph: string, params: string) => `
import json
calls = []
class DLModel:
    def load(self, path, **options):
        calls.append(["load", path, options])
        self.${graph} = "the graph"
        self.${params} = "the parameters"
class Builder:
    def __init__(self, **options):
        calls.append(["Builder", options])
    def build(self, graph, params, **options):
        calls.append(["build", graph, params, options])
        json.dump(calls, open("calls.json", "w"))
        return options["out_path"]
`;

/** A chip whose program gives, for each row, the sum of the row's numbers in every output feature. */
const lynpy = `
import json
import numpy
calls = []
class Tensor:
    def __init__(self, array=None):
        self.array = array
    def from_numpy(self, array):
        calls.append({"shape": list(array.shape), "type": str(array.dtype), "contiguous": bool(array.flags["C_CONTIGUOUS"]),
                      "numbers": array.astype("float64").ravel().tolist()})
        json.dump(calls, open("runs.json", "w"))
        return Tensor(array)
    def apu(self):
        return self
    def cpu(self):
        return self
    def view_as(self, shape, dtype):
        sums = self.array.reshape(len(self.array), -1).astype("float64").sum(1)
        if len(sums) != shape[0]:  # sequences in, rates out: the mean over the steps of each sample
            manifest = json.load(open("manifest.json"))
            sums = sums.reshape(manifest["run_batch"], manifest["T"], manifest["N"]).mean(1).ravel()
        assert len(sums) == shape[0], (len(sums), shape)
        return Tensor(numpy.repeat(sums[:, None], shape[1], 1).astype(dtype))
    def numpy(self):
        return self.array
class Model:
    def __init__(self, path, dev_id):
        json.dump({"path": path, "dev_id": dev_id}, open("model.json", "w"))
    def input_tensor(self):
        return Tensor()
    def __call__(self, tensor):
        return tensor
`;

function artefact(name: string, given: Partial<GraphPlan>, batch: number, runBatch: number): string {
  const directory = join(folder, name);
  writeArtefact(lowerGraph(planGraph({ ...plan, ...given }), { batch }), directory, { runBatch });
  return directory;
}

/** Runs a script in an artefact's directory, with stand-ins on the module path. */
function python(directory: string, args: string[], modules: Record<string, string> = {}) {
  const standIns = join(directory, "modules");
  mkdirSync(standIns, { recursive: true });
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(standIns, `${name}.py`), text);
  return spawnSync("python3", args, {
    cwd: directory,
    encoding: "utf8",
    env: { ...process.env, PYTHONPATH: standIns },
  });
}

const json = (directory: string, name: string) => JSON.parse(readFileSync(join(directory, name), "utf8"));

describe("the scripts", () => {
  it("hold no absolute path, no time and no value of a network", () => {
    for (const script of [compileScript, inferScript]) {
      expect(script).not.toMatch(/["']\/[a-z]/);
      expect(script).toContain("manifest.json");
    }
  });
});

describe.skipIf(missing)(`the scripts, run${missing ? ` (skipped: ${missing})` : ""}`, () => {
  let directory: string;
  let manifest: LynxiManifest;
  beforeAll(() => {
    directory = artefact("image", {}, 2, 2);
    manifest = readManifest(join(directory, "manifest.json"));
  });

  it("compile loads the graph with its input shape and types, and builds for the chip alone", () => {
    for (const names of [
      ["graph", "params"],
      ["mod", "param"],
    ] as const) {
      const { status, stderr, stdout } = python(directory, ["compile_lynxi.py"], {
        lyngor: lyngor(names[0], names[1]),
      });
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const [load, builder, build] = json(directory, "calls.json");
      expect(load[2]).toEqual({
        model_type: "ONNX",
        inputs_dict: { x: [2, 1, 4, 4] },
        in_type: "float16",
        out_type: "float16",
      });
      expect(load[1]).toMatch(/graph\.onnx$/);
      expect(builder).toEqual(["Builder", { target: "apu", is_map: true }]);
      expect(build.slice(0, 3)).toEqual(["build", "the graph", "the parameters"]);
      expect(build[3]).toMatchObject({ apu_only: true, version: 1, run_batch: manifest.run_batch });
      expect(stdout.trim()).toMatch(/compiled$/);
    }
  });

  it("compile can build for simulation on the host, into a folder of choice, without run_batch where it is 1", () => {
    const alone = artefact("alone", {}, 1, 1);
    const { status } = python(alone, ["compile_lynxi.py", "--host", "--out", "elsewhere"], {
      lyngor: lyngor("graph", "params"),
    });
    expect(status).toBe(0);
    const [, builder, build] = json(alone, "calls.json");
    expect(builder[1]).toEqual({ target: "apu", is_map: false, cpu_arch: "x86", cc: "g++" });
    expect(build[3]).toEqual({ out_path: "elsewhere", apu_only: true });
  });

  it("compile refuses a graph that is not the manifest's, and says when Lyngor is missing", () => {
    const changed = artefact("changed", {}, 1, 1);
    expect(python(changed, ["compile_lynxi.py"]).stderr).toContain("expected Lynxi's compiler");
    writeFileSync(join(changed, "graph.onnx"), "other");
    const { status, stderr } = python(changed, ["compile_lynxi.py"], { lyngor: lyngor("graph", "params") });
    expect(status).not.toBe(0);
    expect(stderr).toContain("graph.onnx: expected sha256");
  });

  it("infer sends full batches in the type of the host, fills the last with zeros and drops what it gives for them", () => {
    const code = "import numpy; x = numpy.arange(6 * 16).reshape(6, 1, 4, 4) / 64.0; numpy.save('in.npy', x)";
    expect(python(directory, ["-c", code]).status).toBe(0);
    const run = python(directory, ["infer_lynxi.py", "in.npy", "out.npy", "--device", "3"], { lynpy });
    expect(run.stderr).toBe("");
    const calls = json(directory, "runs.json");
    expect(calls.map(({ shape, type, contiguous }: Record<string, unknown>) => [shape, type, contiguous])).toEqual([
      [[4, 1, 4, 4], "float16", true],
      [[4, 1, 4, 4], "float16", true],
    ]);
    expect(calls[1].numbers.slice(32)).toEqual(new Array(32).fill(0));
    expect(json(directory, "model.json")).toMatchObject({ dev_id: 3, path: expect.stringMatching(/compiled\/Net_0$/) });
    const check =
      "import numpy; y = numpy.load('out.npy'); x = numpy.load('in.npy').astype('float16'); " +
      "s = x.reshape(6, -1).astype('float64').sum(1).astype('float16'); print(y.shape, y.dtype, (y == s[:, None]).all())";
    expect(python(directory, ["-c", check]).stdout.trim()).toBe("(6, 2) float16 True");
  });

  it("infer puts the steps of each sample in rows t*N+n, one block for each copy of the batch", () => {
    const sequence = artefact("sequence", { form: "sequence" }, 2, 2);
    // sample s at step t is filled with 10 s + t
    const code =
      "import numpy; s, t = numpy.mgrid[0:5, 0:3]; x = numpy.broadcast_to((10.0 * s + t)[:, :, None, None, None], (5, 3, 1, 4, 4)); numpy.save('in.npy', x)";
    expect(python(sequence, ["-c", code]).status).toBe(0);
    const run = python(sequence, ["infer_lynxi.py", "in.npy", "out.npy"], { lynpy });
    expect(run.stderr).toBe("");
    const rows = json(sequence, "runs.json").map(({ numbers }: { numbers: number[] }) =>
      numbers.filter((_, i) => i % 16 === 0),
    );
    expect(rows).toEqual([
      [0, 10, 1, 11, 2, 12, 20, 30, 21, 31, 22, 32],
      [40, 0, 41, 0, 42, 0, 0, 0, 0, 0, 0, 0],
    ]);
    const check = "import numpy; print(numpy.load('out.npy')[:, 0].tolist())";
    // the mean over three steps of 16 * (10 s + t)
    expect(JSON.parse(python(sequence, ["-c", check]).stdout)).toEqual([0, 1, 2, 3, 4].map((s) => 16 * (10 * s + 1)));
  });

  it("infer names the shape it wants, and says when LynPy is missing", () => {
    const wrong = artefact("wrong", {}, 1, 1);
    expect(python(wrong, ["-c", "import numpy; numpy.save('in.npy', numpy.zeros((2, 3)))"]).status).toBe(0);
    expect(python(wrong, ["infer_lynxi.py", "in.npy", "out.npy"], { lynpy }).stderr).toContain(
      "expected [samples, 1, 4, 4], got [2, 3]",
    );
    const bare = artefact("bare", {}, 1, 1);
    expect(python(bare, ["-c", "import numpy; numpy.save('in.npy', numpy.zeros((2, 1, 4, 4)))"]).status).toBe(0);
    expect(python(bare, ["infer_lynxi.py", "in.npy", "out.npy"]).stderr).toContain("expected Lynxi's runtime");
  });
});
