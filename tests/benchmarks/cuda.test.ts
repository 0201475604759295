/** `npm run bench:cuda` where there is no GPU, and the table that it prints of what it measured elsewhere. No timings. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "../error-of.ts";
import { pythonWith } from "../python.ts";

const benchmarks = join(import.meta.dirname, "../../benchmarks");
const script = join(benchmarks, "cuda/run.sh");
const result = join(benchmarks, "results/cuda.json");
const folder = temporaryFolder();

/** What the script itself looks for. */
const gpuThere = existsSync("/dev/nvidia0") || existsSync("/dev/dxg") || spawnSync("nvidia-smi", ["-L"]).status === 0;

describe("the GPU's benchmark", () => {
  it.skipIf(gpuThere)("says that there is no device, ends with a status of its own and writes nothing", () => {
    const before = existsSync(result) ? readFileSync(result, "utf8") : null;
    const { status, stdout, stderr } = spawnSync("sh", [script], { encoding: "utf8" });
    expect({ status, stdout, stderr }).toEqual({
      status: 3,
      stdout: "",
      stderr: "bench:cuda: no CUDA device: nothing measured\n",
    });
    expect(existsSync(result) ? readFileSync(result, "utf8") : null).toBe(before);
  });

  it("refuses arguments that it does not know", () => {
    const { status, stderr } = spawnSync("sh", [script, "--fast"], { encoding: "utf8" });
    expect([status, stderr]).toEqual([2, "bench:cuda: expected nothing, --sanitize or --trial FILE, got --fast\n"]);
    expect(spawnSync("sh", [script, "--trial"], { encoding: "utf8" }).status).toBe(2);
  });
});

/** As `run.sh` writes it. */
const measured = {
  kind: "cuda",
  date: "2026-01-02",
  seconds: 300,
  buildSeconds: 60,
  checks: { passed: 200, failed: 0 },
  kernels: {
    device: "A GPU",
    architecture: "sm_90",
    driver: "CUDA 13.0",
    copyBytesPerSecond: 4e12,
    bfloat16FlopsPerSecond: 7e14,
    libraries: {},
    neurons: [
      { case: "IFNode forward", type: "float32", steps: 2, seconds: 0.001, shareOfCopy: 0.9 },
      { case: "IFNode backward", type: "float32", steps: 2, seconds: 0.002, shareOfCopy: 0.8 },
      { case: "IFNode backward, stored", type: "float32", steps: 2, seconds: 0.5, shareOfCopy: 0.1 },
      { case: "LIFNode forward", type: "float32", steps: 4, seconds: 0.001, shareOfCopy: 0.95 },
      { case: "LIFNode backward", type: "float32", steps: 4, seconds: 0.001, shareOfCopy: 0.9 },
    ],
  },
  networks: {
    node: "v20",
    cases: [
      { name: "lif-t4-float32", milliseconds: 2.5, imagesPerSecond: null, deviceMB: 1 },
      { name: "csnn-c128-t4-b16-float32/train", milliseconds: 1, imagesPerSecond: 16000, deviceMB: 1 },
      { name: "loihi-sim-c16-t32", reason: "out of memory" },
    ],
  },
  peer: {
    program: "SpikingJelly",
    cases: {
      "if-t2-float32@torch": [9, 9.5, 8],
      "if-t2-float32@cupy": [4, 4.5, 7],
      "csnn-c128-t4-b16-float32/train@torch": [5],
    },
    skipped: {},
  },
};

const python = pythonWith("json");

describe.skipIf(python.missing !== null)("the table of a GPU's benchmark", () => {
  const table = (given: object): string[] => {
    const file = join(folder, "result.json");
    writeFileSync(file, JSON.stringify(given));
    const { status, stdout, stderr } = spawnSync(python.command, [join(benchmarks, "cuda/summary.py"), file], {
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout.trimEnd().split("\n");
  };
  const rowOf = (lines: string[], name: string) => lines.find((line) => line.startsWith(name))!.split(/ {2,}/);

  it("holds forward and backward together, the smaller share of the copy, and the fastest back end", () => {
    const lines = table(measured);
    expect(lines[0]).toContain("A GPU, driver CUDA 13.0, 2026-01-02: copy 4000 GB/s");
    expect(rowOf(lines, "if-t2-float32")).toEqual([
      "if-t2-float32",
      "3.000*",
      "80%",
      "4.500 cupy",
      "1.50",
      "MISSED (85% of the copy, faster)",
    ]);
    expect(rowOf(lines, "lif-t4-float32")).toEqual([
      "lif-t4-float32",
      "2.500",
      "90%",
      "reached (85% of the copy, faster)",
    ]);
  });

  it("judges networks by their ratio, and names what was not measured", () => {
    const lines = table(measured);
    expect(rowOf(lines, "csnn-c128-t4-b16-float32/train")).toContain("reached (4x)");
    expect(rowOf(lines, "loihi-sim-c16-t32")).toEqual(["loihi-sim-c16-t32", "not measured", "out of memory"]);
  });

  it("is there without Node's part and without SpikingJelly", () => {
    const lines = table({ ...measured, networks: null, peer: null });
    expect(rowOf(lines, "lif-t4-float32").slice(0, 2)).toEqual(["lif-t4-float32", "2.000*"]);
  });

  it("calls a trial what it is", () => {
    expect(table({ ...measured, kind: "emulated" })[0]).toMatch(/mean nothing/);
  });
});
