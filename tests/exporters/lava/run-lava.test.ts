/**
 * The written run_lava.py against stand-ins that record its calls: what Lava is asked for, in which order, on which device. Needs python3
 * with NumPy. That Lava itself gives the right spikes is tested in lava.test.ts, where Lava is installed.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../../src/data/npy.ts";
import { ConstantEncoder, createNetwork, Linear, Sequential } from "../../../src/model/index.ts";
import { SigmaDelta, SigmaDeltaBlock } from "../../../src/quantize/index.ts";
import { temporaryFolder } from "../../error-of.ts";
import { FAKE_LATENCY, writeFakeLava } from "./fake-lava.ts";
import { makeNetwork, STEPS } from "./networks.ts";
import { target } from "./prepared-run.ts";

const folder = temporaryFolder();
const python = process.env.SPIKESHIP_LAVA_PYTHON ?? "python3";
const missing = whyNot();
if (missing) console.log(`run_lava.py is not run: ${missing}`);

function whyNot(): string | null {
  try {
    execFileSync(python, ["-c", "import numpy"], { stdio: "pipe" });
    return null;
  } catch {
    return `${python} with NumPy is not installed`;
  }
}

/** C,H,W of the test network's input, and Lava's order of the same. */
const SHAPE = [2, 8, 8];
const SIZE = 128;
const SAMPLES = 3;
/** The smallest power of two that holds a sample. */
const INTERVAL = 2 ** Math.ceil(Math.log2(STEPS));

let exported = "";
type Call = [string, ...unknown[]];

beforeAll(async () => {
  const trained = makeNetwork();
  const prepared = target.prepare(trained, { options: { scale: 64 } });
  exported = (await target.export(prepared, join(folder, "export"))).directory;
  prepared.dispose();
  trained.dispose();
  writeFakeLava(join(folder, "cpu"), { hardware: false });
  writeFakeLava(join(folder, "hardware"), { hardware: true });
  mkdirSync(join(folder, "none"));
});

/** Spikes [N, T, C, H, W]: as many in a frame as its number says, from the front. */
function writeSpikes(name: string): string {
  const data = new Uint8Array(SAMPLES * STEPS * SIZE);
  for (let frame = 0; frame < SAMPLES * STEPS; frame++) data.fill(1, frame * SIZE, frame * SIZE + frame + 1);
  const path = join(folder, name);
  writeNpy(path, { dtype: "uint8", shape: [SAMPLES, STEPS, ...SHAPE], data });
  return path;
}

interface Setting {
  directory?: string;
  /** As Lava counts. */
  inputShape?: number[];
  /** Its first layer has neurons. */
  ownsInput?: boolean;
}

function run(
  modules: "cpu" | "hardware" | "none",
  args: string[],
  { directory = exported, inputShape = [...SHAPE].reverse(), ownsInput = false }: Setting = {},
) {
  const record = join(folder, "calls.json");
  const output = join(folder, `out-${args.join("").replace(/\W/g, "")}.npy`);
  const [input, ...rest] = args;
  const outcome = spawnSync(python, [join(directory, "run_lava.py"), input!, output, ...rest], {
    encoding: "utf8",
    env: {
      ...process.env,
      PYTHONPATH: join(folder, modules),
      FAKE_LAVA_CALLS: record,
      FAKE_LAVA_INPUT: JSON.stringify(inputShape),
      ...(ownsInput ? { FAKE_LAVA_OWNS_INPUT: "1" } : {}),
    },
  });
  const calls = existsSync(record) ? (JSON.parse(readFileSync(record, "utf8")) as Call[]) : [];
  return { ...outcome, output, calls };
}

describe.skipIf(missing)("run_lava.py", () => {
  it("asks Lava for a fixed-point run with resets at the samples, latency added and taken off again", () => {
    const { status, stderr, calls, output } = run("cpu", [writeSpikes("spikes.npy")]);
    expect(stderr).not.toMatch(/rror/);
    expect(status).toBe(0);
    const steps = SAMPLES * INTERVAL + FAKE_LATENCY;
    expect(calls[0]).toEqual(["Network", { net_config: "network.net", reset_interval: INTERVAL, reset_offset: 1 }]);
    const [, shape, type, first] = calls[1] as [string, number[], string, number[]];
    expect([shape, type]).toEqual([[...SHAPE].reverse().concat(steps), "int32"]);
    // the one spike of the first frame is at C,H,W = 0,0,0, which is Lava's 0,0,0 too
    expect(first.indexOf(1)).toBe(0);
    expect(first.filter((value) => value === 1)).toHaveLength(1);
    expect(calls.slice(2, 5)).toEqual([
      ["sink", [2], steps],
      ["connect", "source", "inp"],
      ["connect", "out", "sink"],
    ]);
    const runs = calls.filter(([name]) => name === "run");
    expect(runs.map(([, count]) => count)).toEqual([...Array<number>(SAMPLES).fill(INTERVAL), FAKE_LATENCY]);
    expect(runs.every(([, , configuration]) => configuration === "Loihi2SimCfg fixed_pt")).toBe(true);
    expect(calls.at(-1)).toEqual(["stop"]);
    const { shape: written, data } = readNpy(output);
    expect(written).toEqual([SAMPLES, STEPS, 2]);
    // the answer to a frame of k spikes is k
    for (let frame = 0; frame < SAMPLES * STEPS; frame++) expect(data[2 * frame]).toBe(frame + 1);
  });

  it("puts adapters between processor and chip on Loihi 2, those of convolutions for an image", () => {
    const args = [writeSpikes("spikes.npy"), "--device", "loihi2", "--adapter-steps", "1"];
    const { status, calls } = run("hardware", args);
    expect(status).toBe(0);
    expect(calls[0]).toEqual(["Network", { net_config: "network.net", reset_interval: INTERVAL, reset_offset: 2 }]);
    const steps = SAMPLES * INTERVAL + FAKE_LATENCY + 1;
    expect(calls.filter(([name]) => /Adapter|connect|sink/.test(name))).toEqual([
      ["sink", [2], steps],
      ["PyToN3ConvAdapter", [...SHAPE].reverse()],
      ["NxToPyAdapter", [2]],
      ["connect", "source", "PyToN3ConvAdapter.inp"],
      ["connect", "PyToN3ConvAdapter.out", "inp"],
      ["connect", "out", "NxToPyAdapter.inp"],
      ["connect", "NxToPyAdapter.out", "sink"],
    ]);
    expect(calls.filter(([name]) => name === "run").map(([, , configuration]) => configuration)).toContain(
      "Loihi2HwCfg",
    );
    const flat = run("hardware", args, { inputShape: [SIZE] });
    expect(flat.calls).toContainEqual(["PyToNxAdapter", [SIZE]]);
  });

  it("wants a power of two as reset interval on the hardware, and one that holds a sample anywhere", () => {
    const spikes = writeSpikes("spikes.npy");
    const odd = `${3 * INTERVAL}`;
    const refused = run("hardware", [spikes, "--device", "loihi2", "--interval", odd]);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toMatch(new RegExp(`power of two.*got ${odd}. Use ${4 * INTERVAL}`));
    expect(run("cpu", [spikes, "--interval", odd]).status).toBe(0);
    expect(run("cpu", [spikes, "--interval", "1"]).stderr).toContain(`at least the ${STEPS} steps`);
  });

  it("makes the network anew for every sample when it is told so", () => {
    const { calls, output } = run("cpu", [writeSpikes("spikes.npy"), "--between", "rebuild"]);
    expect(calls.filter(([name]) => name === "Network")).toHaveLength(SAMPLES);
    const { data } = readNpy(output);
    for (let frame = 0; frame < SAMPLES * STEPS; frame++) expect(data[2 * frame]).toBe(frame + 1);
  });

  it("encodes images, decodes by rate and counts right classes", () => {
    const images = join(folder, "images.npy");
    const values = Float32Array.from({ length: 2 * SIZE }, (_, i) => (i % 5) / 4);
    writeNpy(images, { dtype: "float32", shape: [2, ...SHAPE], data: values });
    const labels = join(folder, "labels.npy");
    writeNpy(labels, { dtype: "int32", shape: [2], data: Int32Array.from([0, 1]) });
    const rates = join(folder, "rates.npy");
    const common = [images, "--labels", labels, "--rates", rates];
    const latency = run("cpu", [...common, "--encode", "latency"]);
    expect(latency.stderr).not.toMatch(/rror/);
    // every pixel fires once
    const { data, shape } = readNpy(latency.output);
    expect(shape).toEqual([2, STEPS, 2]);
    let spikes = 0;
    for (let step = 0; step < STEPS; step++) spikes += data[2 * step]!;
    expect(spikes).toBe(SIZE);
    expect(latency.stdout).toMatch(/sample 1: class \d, rates [\d. ]+\naccuracy [01]\.\d+/);
    expect(readNpy(rates).shape).toEqual([2, 2]);
    const poisson = readNpy(run("cpu", [...common, "--encode", "poisson", "--steps", "7"]).output);
    expect(poisson.shape).toEqual([2, 7, 2]);
    const again = readNpy(run("cpu", [...common, "--encode", "poisson", "--steps", "7", "--quiet"]).output);
    expect(Array.from(again.data)).toEqual(Array.from(poisson.data));
    const spoilt = join(folder, "spoilt.npy");
    writeNpy(spoilt, { dtype: "float32", shape: [2, ...SHAPE], data: values.map((value) => 2 * value) });
    expect(run("cpu", [spoilt, "--encode", "poisson"]).stderr).toContain("values from 0 to 1");
  });

  it("sends whole numbers to sigma-delta neurons, makes the network anew for every sample, and gives numbers back", async () => {
    const neuron = (part: "delta" | "sigma") => SigmaDelta({ part, threshold: 0.1 });
    const synapse = Linear({ inFeatures: 2, outFeatures: 2, bias: false });
    const network = createNetwork({
      inputShape: [2],
      steps: 3,
      encoder: ConstantEncoder(),
      root: Sequential([
        SigmaDeltaBlock({ neuron: neuron("delta") }),
        SigmaDeltaBlock({ synapse, neuron: neuron("sigma") }),
      ]),
    });
    const { directory } = await target.export(network, join(folder, "sigma-delta"));
    network.dispose();
    const numbers = join(folder, "numbers.npy");
    const sample = [0.5, -0.25, 5, -5, 3 / 64, 1 / 64];
    writeNpy(numbers, { dtype: "float32", shape: [2, 3, 2], data: Float32Array.from([...sample, ...sample]) });
    const { status, stderr, calls, output } = run("cpu", [numbers], { directory, inputShape: [2], ownsInput: true });
    expect(stderr).not.toMatch(/rror/);
    expect(status).toBe(0);
    expect(calls.filter(([name]) => name === "Network")).toHaveLength(2);
    const [, shape, , first] = calls.find(([name]) => name === "source") as [string, number[], string, number[]];
    expect([shape, first]).toEqual([
      [2, 3 + FAKE_LATENCY],
      [32, -16],
    ]);
    // the stand-in answers with the sum of what went in: in whole numbers 32 - 16, 254 - 256, 4 + 0; in units 2^18 times less
    const { data } = readNpy(output);
    expect([data[0], data[2], data[4]].map((value) => value! * 2 ** 18)).toEqual([16, -2, 4]);
  });

  it("says what is missing without Lava, or without its extension for the hardware", () => {
    const spikes = writeSpikes("spikes.npy");
    const bare = run("none", [spikes]);
    expect(bare.status).not.toBe(0);
    expect(bare.stderr).toMatch(/lava-dl: expected an installed lava-nc and lava-dl, got: .*spikeship simulate/);
    const chipless = run("cpu", [spikes, "--device", "loihi2"]);
    expect(chipless.stderr).toMatch(/--device loihi2: expected Intel's Lava extension/);
  });

  it("names arrays that do not fit, and warns of a file that was changed", () => {
    const path = join(folder, "small.npy");
    writeNpy(path, { dtype: "uint8", shape: [4, 3], data: new Uint8Array(12) });
    expect(run("cpu", [path]).stderr).toMatch(new RegExp(`with ${SIZE} numbers a frame, got \\[4, 3\\]`));
    appendFileSync(join(exported, "network.net"), " ");
    expect(run("cpu", [writeSpikes("spikes.npy")]).stderr).toContain("network.net was changed after the export");
  });
});
