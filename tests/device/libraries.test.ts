/** `spikeship info` as a user runs it: devices, and where NVIDIA's libraries are looked for. Stand-ins of a few lines play the libraries. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DeviceReport } from "../../src/kernels/index.ts";
import { spikeship, spikeshipJson } from "../cli/program.ts";
import { describeOnDevice } from "./device.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "spikeship-libraries-")));
afterAll(() => rmSync(folder, { recursive: true }));

/** Compiles a library that answers one question. */
function library(file: string, code: string): string {
  mkdirSync(dirname(file), { recursive: true });
  execFileSync("g++", ["-shared", "-fPIC", "-x", "c", "-", "-o", file], { input: code });
  return file;
}

const cublas = (file: string, number: number) =>
  library(file, `unsigned long cublasLtGetVersion(void) { return ${number}; }`);

function cudnn(place: string, number: number): string {
  for (const part of ["graph", "ops", "cnn"]) library(join(place, `libcudnn_${part}.so.9`), "");
  return library(join(place, "libcudnn.so.9"), `unsigned long cudnnGetVersion(void) { return ${number}; }`);
}

const nvrtc = (file: string, minor: number) =>
  library(file, `int nvrtcVersion(int *major, int *minor) { *major = 13; *minor = ${minor}; return 0; }`);

const nccl = (file: string) => library(file, "int ncclGetVersion(int *version) { *version = 22307; return 0; }");

/** Nothing of this machine: no toolkit, no Python. */
const bare = { PATH: "/nowhere", HOME: folder, CUDA_HOME: "", CUDA_PATH: "", VIRTUAL_ENV: "", CONDA_PREFIX: "" };

async function found(env: Record<string, string>): Promise<Record<string, { version: string; file: string }>> {
  const { cuda } = (await spikeshipJson(["info"], { env: { ...bare, ...env } })) as { cuda: DeviceReport };
  return Object.fromEntries(cuda.libraries.map(({ name, version, file }) => [name, { version, file }]));
}

describeOnDevice("NVIDIA's libraries", () => {
  it("are found in folders that SPIKESHIP_CUDA_PATH names, the newest version of each", async () => {
    const [first, second] = [join(folder, "first"), join(folder, "second")];
    cublas(join(first, "libcublasLt.so.12"), 120803);
    const newest = cublas(join(second, "libcublasLt.so.13"), 130101);
    const dnn = cudnn(second, 92400);
    const compiler = nvrtc(join(first, "libnvrtc.so.13"), 0);
    const collective = nccl(join(first, "libnccl.so.2"));
    expect(await found({ SPIKESHIP_CUDA_PATH: `${first}:${second}` })).toEqual({
      cuBLASLt: { version: "13.1.1", file: newest },
      cuDNN: { version: "9.24.0", file: dnn },
      NVRTC: { version: "13.0", file: compiler },
      NCCL: { version: "2.23.7", file: collective },
    });
  });

  it("are not taken when they are broken or lack a part, and info says why", async () => {
    const place = join(folder, "broken");
    cudnn(place, 92400);
    rmSync(join(place, "libcudnn_ops.so.9"));
    writeFileSync(join(place, "libcublasLt.so.13"), "no library");
    library(join(place, "libnvrtc.so.13"), "int something_else;");
    const { cuBLASLt, cuDNN, NVRTC } = await found({ SPIKESHIP_CUDA_PATH: place });
    for (const [library, reason] of [
      [cuBLASLt, /libcublasLt\.so\.13: file too short|libcublasLt\.so\.13: invalid ELF header/],
      [cuDNN, /libcudnn_ops\.so\.9: cannot open/],
      [NVRTC, /libnvrtc\.so\.13 does not tell its version/],
    ] as const) {
      if (library!.version !== "") expect(library!.file.startsWith(place)).toBe(false);
      else expect(library!.file).toMatch(reason);
    }
  });
});

describeOnDevice("without them in the system's folders", () => {
  let installed = true;
  beforeAll(async () => {
    installed = Object.values(await found({})).some(({ version }) => version !== "");
  });

  it("the toolkit's are taken before those of Python packages", async (context) => {
    if (installed) context.skip("NVIDIA's libraries are installed in the system's folders");
    const compiler = nvrtc(join(folder, "toolkit", "lib64", "libnvrtc.so.13"), 1);
    const site = join(folder, "venv", "lib", "python3.12", "site-packages", "nvidia");
    nvrtc(join(site, "cu13", "lib", "libnvrtc.so.13"), 2);
    const dnn = cudnn(join(site, "cudnn", "lib"), 91002);
    const prefix = join(folder, "venv", "bin");
    mkdirSync(prefix);
    writeFileSync(join(prefix, "python3"), "not run");
    const libraries = await found({ CUDA_HOME: join(folder, "toolkit"), PATH: `/nowhere:${prefix}` });
    expect(libraries.NVRTC).toEqual({ version: "13.1", file: compiler });
    expect(libraries.cuDNN).toEqual({ version: "9.10.2", file: dnn });
    const named = join(folder, "named");
    const other = cudnn(join(named, "nvidia", "cudnn", "lib"), 90100);
    const { cuDNN } = await found({ SPIKESHIP_PYTHON_SITE: named, PATH: prefix });
    expect(cuDNN).toEqual({ version: "9.1.0", file: other });
  });

  it("info names what was tried, and what to set", async (context) => {
    if (installed) context.skip("NVIDIA's libraries are installed in the system's folders");
    const { out } = await spikeship(["info"], { env: { ...bare, SPIKESHIP_CUDA_PATH: join(folder, "empty") } });
    expect(out).toMatch(/^library +cuDNN: not found \(libcudnn\.so\.9 in the system's folders, .*empty/m);
    expect(out).toMatch(/SPIKESHIP_CUDA_PATH=<folder>.*SPIKESHIP_PYTHON_SITE=<site-packages>/);
  });
});

describe("spikeship info", () => {
  it("shows the devices of this machine, or why there is none", async () => {
    const env = { SPIKESHIP_DEVICE: "" };
    const { cuda, core } = (await spikeshipJson(["info"], { env })) as {
      cuda: DeviceReport;
      core: { features: string[] };
    };
    const { out, code } = await spikeship(["info"], { env });
    expect(code).toBe(0);
    const devices = out.split("\n").filter((line) => line.startsWith("device"));
    if (cuda.devices.length === 0) {
      expect(cuda.whyNone).not.toBe("");
      expect(devices).toEqual([`device     none: ${cuda.whyNone}`]);
    } else {
      expect(devices.map((line) => line.slice(11).split(",")[0])).toEqual(
        cuda.devices.map(({ name }, number) => `cuda:${number}: ${name}`),
      );
    }
    if (core.features.length > 0) expect(out).toContain(core.features.join(" "));
  });
});
