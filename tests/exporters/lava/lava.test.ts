/**
 * Files written here, run by Lava itself: its loader and fixed-point models must give the spikes of the simulator here, in every layer and
 * step. Needs Python with lava-nc and lava-dl: SPIKESHIP_LAVA_PYTHONPATH names their folders, SPIKESHIP_LAVA_PYTHON another interpreter
 * than python3.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../../src/data/npy.ts";
import type { NetFile } from "../../../src/exporters/lava/net-file.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import type { SimulationOptions, SimulationResult } from "../../../src/exporters/lava/simulation.ts";
import { createLoihiTarget } from "../../../src/exporters/lava/target.ts";
import { writeNet } from "../../../src/exporters/lava/write.ts";
import { isPreparedForLoihi, prepareForLoihi } from "../../../src/quantize/index.ts";
import { makeNetwork, STEPS } from "./networks.ts";
import { type NetTraits, PLAIN, randomNet, randomSpikes } from "./random-net.ts";

const path = process.env.SPIKESHIP_LAVA_PYTHONPATH;
const python = process.env.SPIKESHIP_LAVA_PYTHON ?? "python3";
const environment = { ...process.env, PYTHONPATH: path ?? "" };
/** Starting Lava takes seconds on an idle machine, and much longer on a busy one. */
const LAVA_TIMEOUT = 900_000;

const missing = whyNot();
if (missing) console.log(`Lava itself is not asked: ${missing}`);

function whyNot(): string | null {
  if (!path) return "SPIKESHIP_LAVA_PYTHONPATH is not set";
  try {
    execFileSync(python, ["-c", "from lava.lib.dl import netx"], { env: environment, stdio: "pipe" });
    return null;
  } catch (error) {
    return `${python} cannot import lava-dl: ${String((error as { stderr?: Buffer }).stderr ?? error)
      .trim()
      .split("\n")
      .at(-1)}`;
  }
}

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lava-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const NETWORKS: [string, NetTraits][] = [
  ["convolutions, strides, groups, dilation", PLAIN],
  ["biases", { ...PLAIN, biases: true }],
  ["recurrence and delays", { ...PLAIN, memory: true }],
  ["overflowing registers", { ...PLAIN, overflow: true }],
  ["lists of decays", { ...PLAIN, decayLists: true }],
  ["input neurons", { ...PLAIN, biases: true, inputNeuron: true }],
  ["sigma-delta neurons", { ...PLAIN, biases: true, neurons: "sigmaDelta" }],
  ["sigma-delta neurons with delays and recurrence", { ...PLAIN, memory: true, neurons: "sigmaDelta" }],
  ["resonators", { ...PLAIN, neurons: "mixed" }],
  ["everything", { biases: true, memory: true, overflow: true, decayLists: true, neurons: "mixed", inputNeuron: true }],
];
/** Random networks in all: SPIKESHIP_RANDOM_NETWORKS=200 asks for many. */
const SEEDS_EACH = Math.ceil(Number(process.env.SPIKESHIP_RANDOM_NETWORKS ?? 20) / NETWORKS.length);

interface Job {
  title: string;
  net: NetFile;
  result: SimulationResult;
  request: Record<string, unknown>;
}

/** A random network with its input and the run that the simulator here made of it. */
async function makeJob(title: string, seed: number, t: NetTraits): Promise<Job> {
  const net = randomNet(seed, t);
  const steps = 5 + (seed % 8);
  const input = randomSpikes(seed, net, steps, 1);
  const reset = seed % 2 === 0 ? { resetInterval: 8, resetOffset: seed % 3 } : {};
  const options: SimulationOptions = { ...reset, record: "raw", holdInput: seed % 3 === 0 };
  const result = simulate(net, input, options);
  const stem = join(folder, `${seed}`);
  await writeNet(net, `${stem}.net`);
  writeNpy(`${stem}-in.npy`, {
    dtype: "int32",
    shape: [steps, ...input.shape.slice(2)],
    data: input.data,
  });
  const loader = "resetInterval" in reset ? { reset_interval: 8, reset_offset: reset.resetOffset } : {};
  const run = { steps: steps + result.latency, hold: options.holdInput, loader };
  return {
    title,
    net,
    result,
    request: { net: `${stem}.net`, input: `${stem}-in.npy`, output: `${stem}-out`, ...run },
  };
}

describe.skipIf(missing)("Lava runs a file written here", { timeout: LAVA_TIMEOUT }, () => {
  it("with the spikes of the simulator here, in every layer at every step", async () => {
    const jobs: Job[] = [];
    for (const [kind, [title, t]] of NETWORKS.entries()) {
      for (let i = 0; i < SEEDS_EACH; i++) jobs.push(await makeJob(title, 100 * kind + i, t));
    }
    const file = join(folder, "jobs.json");
    writeFileSync(file, JSON.stringify(jobs.map(({ request }) => request)));
    execFileSync(python, [join(dirname(fileURLToPath(import.meta.url)), "lava_driver.py"), file], {
      env: environment,
      stdio: "pipe",
    });
    const foreseen = jobs.filter(({ result }) =>
      result.events.some(({ rule }) => rule === "loihi/convolution-inexact"),
    );
    for (const { title, result, request } of jobs.filter((job) => !foreseen.includes(job))) {
      result.layers.forEach(({ data, shape }, layer) => {
        const lava = readNpy(`${request.output}.${layer}.npy`);
        expect(lava.shape, title).toEqual([shape[0], ...shape.slice(2)]);
        expect(Array.from(lava.data), `${title}, layer ${layer}`).toEqual(Array.from(data));
      });
    }
    // networks of which the simulator says that Lava's own numbers hang on the order of addition
    expect(foreseen.length).toBeLessThan(jobs.length / 10);
  });

  it("with the written script, for several samples at once and one by one", async () => {
    const target = createLoihiTarget({ prepare: prepareForLoihi, isPrepared: isPreparedForLoihi });
    const trained = makeNetwork();
    const prepared = target.prepare(trained, { options: { scale: 64 } });
    const { directory } = await target.export(prepared, join(folder, "export"));
    prepared.dispose();
    trained.dispose();
    const samples = 3;
    const data = Float32Array.from({ length: samples * STEPS * 128 }, (_, i) => ((i * 31) % 100 < 45 ? 1 : 0));
    const timeFirst = new Float32Array(data.length);
    for (let n = 0; n < samples; n++) {
      for (let t = 0; t < STEPS; t++)
        timeFirst.set(data.subarray((n * STEPS + t) * 128, (n * STEPS + t + 1) * 128), (t * samples + n) * 128);
    }
    const runtime = await target.open(directory);
    const { output } = await runtime.run({ form: "sequence", shape: [STEPS, samples, 2, 8, 8], data: timeFirst });
    expect(Array.from(output!.data)).toContain(1);
    const input = join(folder, "samples.npy");
    writeNpy(input, { dtype: "float32", shape: [samples, STEPS, 2, 8, 8], data });
    for (const between of ["reset", "rebuild"]) {
      const written = join(folder, `${between}.npy`);
      execFileSync(python, [join(directory, "run_lava.py"), input, written, "--between", between], {
        env: environment,
        stdio: "pipe",
      });
      const { shape, data: spikes } = readNpy(written);
      expect(shape).toEqual([samples, STEPS, 5]);
      for (let n = 0; n < samples; n++) {
        for (let t = 0; t < STEPS; t++) {
          const here = output!.data.slice((t * samples + n) * 5, (t * samples + n + 1) * 5);
          expect(
            Array.from(spikes.slice((n * STEPS + t) * 5, (n * STEPS + t + 1) * 5)),
            `${between}, sample ${n}, step ${t}`,
          ).toEqual(Array.from(here));
        }
      }
    }
  });
});
