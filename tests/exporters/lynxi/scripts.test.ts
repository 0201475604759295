/** The Python scripts, run against stand-ins for Lyngor and LynPy that record what they are asked. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { compileScript, inferScript } from "../../../src/exporters/lynxi/artefact/scripts.ts";
import { type LynxiManifest, lowerGraph, readManifest } from "../../../src/exporters/lynxi/index.ts";
import { writeArtefact } from "../../../src/exporters/lynxi/write.ts";
import { temporaryFolder } from "../../error-of.ts";
import { pythonWith } from "../../python.ts";
import { type GraphPlan, planGraph } from "./graphs.ts";
import { lyngor, runScript } from "./run-script.ts";

const folder = temporaryFolder();
const { command, missing } = pythonWith("numpy");

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

async function artefact(
  name: string,
  given: Partial<GraphPlan>,
  batch: number,
  runBatch: number,
  taps: string[] = [],
): Promise<string> {
  const directory = join(folder, name);
  await writeArtefact(lowerGraph(planGraph({ ...plan, ...given }), { batch, taps }), directory, { runBatch });
  return directory;
}

const python = (directory: string, args: string[], modules: Record<string, string> = {}) =>
  runScript(command, directory, args, modules);

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
  beforeAll(async () => {
    directory = await artefact("image", {}, 2, 2);
    manifest = readManifest(join(directory, "manifest.json"));
  });

  it("compile loads the graph with its input shape and types, and builds for the chip alone", async () => {
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

  it("compile can build for simulation on the host, into a folder of choice, without run_batch where it is 1", async () => {
    const alone = await artefact("alone", {}, 1, 1);
    const { status } = python(alone, ["compile_lynxi.py", "--host", "--out", "elsewhere"], {
      lyngor: lyngor("graph", "params"),
    });
    expect(status).toBe(0);
    const [, builder, build] = json(alone, "calls.json");
    expect(builder[1]).toEqual({ target: "apu", is_map: false, cpu_arch: "x86", cc: "g++" });
    expect(build[3]).toEqual({ out_path: "elsewhere", apu_only: true });
  });

  it("compile refuses a graph that is not the manifest's, and says when Lyngor is missing", async () => {
    const changed = await artefact("changed", {}, 1, 1);
    expect(python(changed, ["compile_lynxi.py"]).stderr).toContain("expected Lynxi's compiler");
    writeFileSync(join(changed, "graph.onnx"), "other");
    const { status, stderr } = python(changed, ["compile_lynxi.py"], { lyngor: lyngor("graph", "params") });
    expect(status).not.toBe(0);
    expect(stderr).toContain("graph.onnx: expected sha256");
  });

  it("infer sends full batches in the type of the host, fills the last with zeros and drops what it gives for them", async () => {
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

  it("infer puts the steps of each sample in rows t*N+n, one block for each copy of the batch", async () => {
    const sequence = await artefact("sequence", { form: "sequence" }, 2, 2);
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

  it("infer takes the network's own output where layers between give theirs too", async () => {
    const tapped = await artefact("tapped", {}, 2, 2, ["spikes1"]);
    const code = "import numpy; numpy.save('in.npy', numpy.arange(3 * 16).reshape(3, 1, 4, 4) / 64.0)";
    expect(python(tapped, ["-c", code]).status).toBe(0);
    // each copy of the batch has its own list of outputs: rates first, then the layer's
    const several = lynpy.replace(
      "    def __call__(self, tensor):\n        return tensor\n",
      `    def __call__(self, tensor):
        self.rows = tensor.array
    def output_list(self):
        return [[Tensor(self.rows[copy * 2:copy * 2 + 2]), None] for copy in range(2)]
`,
    );
    const run = python(tapped, ["infer_lynxi.py", "in.npy", "out.npy"], { lynpy: several });
    expect(run.stderr).toBe("");
    const check =
      "import numpy; y = numpy.load('out.npy'); x = numpy.load('in.npy').astype('float16'); " +
      "s = x.reshape(3, -1).astype('float64').sum(1).astype('float16'); print(y.shape, (y == s[:, None]).all())";
    expect(python(tapped, ["-c", check]).stdout.trim()).toBe("(3, 2) True");
  });

  it("infer names the shape it wants, and says when LynPy is missing", async () => {
    const wrong = await artefact("wrong", {}, 1, 1);
    expect(python(wrong, ["-c", "import numpy; numpy.save('in.npy', numpy.zeros((2, 3)))"]).status).toBe(0);
    expect(python(wrong, ["infer_lynxi.py", "in.npy", "out.npy"], { lynpy }).stderr).toContain(
      "expected [samples, 1, 4, 4], got [2, 3]",
    );
    const bare = await artefact("bare", {}, 1, 1);
    expect(python(bare, ["-c", "import numpy; numpy.save('in.npy', numpy.zeros((2, 1, 4, 4)))"]).status).toBe(0);
    expect(python(bare, ["infer_lynxi.py", "in.npy", "out.npy"]).stderr).toContain("expected Lynxi's runtime");
  });
});
