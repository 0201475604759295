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
import type { SimulationOptions, SimulationResult } from "../../../src/exporters/lava/emulation/simulation.ts";
import { lowerToNet } from "../../../src/exporters/lava/lower.ts";
import type { NetFile } from "../../../src/exporters/lava/net/net-file.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { writeNet } from "../../../src/exporters/lava/write.ts";
import {
  ConstantEncoder,
  CubaLIFNode,
  createNetwork,
  Linear,
  PoissonEncoder,
  Sequential,
} from "../../../src/model/index.ts";
import { AxonalDelay, Block, RecurrentBlock, SigmaDelta, SigmaDeltaBlock } from "../../../src/quantize/index.ts";
import { makeNetwork, STEPS } from "./networks.ts";
import { target } from "./prepared-run.ts";
import { type NetTraits, PLAIN, randomNet, randomSpikes } from "./random-net.ts";
import { randomTrained } from "./random-prepared.ts";

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
function makeJob(title: string, seed: number, t: NetTraits): Promise<Job> {
  return jobOf(title, seed, randomNet(seed, t));
}

/** The file of a network from training; null where a rule refuses it. */
async function preparedJob(seed: number): Promise<Job | null> {
  const { network: trained, options } = randomTrained(seed);
  const refused = target.check(trained).some(({ severity }) => severity === "error");
  const prepared = refused ? null : target.prepare(trained, { options });
  trained.dispose();
  if (!prepared) return null;
  const allowed = target.check(prepared).every(({ severity }) => severity !== "error");
  const net = allowed ? lowerToNet(prepared.lower()).net : null;
  prepared.dispose();
  return net && jobOf("from training", seed, net);
}

async function jobOf(title: string, seed: number, net: NetFile): Promise<Job> {
  const steps = 5 + (seed % 8);
  const input = randomSpikes(seed, net, steps, 1);
  const reset = seed % 2 === 0 ? { resetInterval: 8, resetOffset: seed % 3 } : {};
  const options: SimulationOptions = { ...reset, record: "raw", holdInput: seed % 3 === 0 };
  const result = simulate(net, input, options);
  const stem = join(folder, `${title.replace(/\W/g, "")}-${seed}`);
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
    await expectSameAsLava(jobs);
  });

  it("that came from training, with the spikes and messages of the simulator here", async () => {
    const jobs = await Promise.all(Array.from({ length: SEEDS_EACH * 4 }, (_, seed) => preparedJob(seed)));
    await expectSameAsLava(jobs.filter((job) => job !== null));
  });

  async function expectSameAsLava(jobs: readonly Job[]): Promise<void> {
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
  }

  it("with the written script, for several samples at once and one by one", async () => {
    const trained = makeNetwork();
    const prepared = target.prepare(trained, { options: { scale: 64 } });
    const { directory } = await target.export(prepared, join(folder, "export"));
    prepared.dispose();
    trained.dispose();
    const spikes = Float32Array.from({ length: 3 * STEPS * 128 }, (_, i) => ((i * 31) % 100 < 45 ? 1 : 0));
    for (const between of ["reset", "rebuild"])
      await expectScript(directory, [2, 8, 8], spikes, ["--between", between]);
  });

  it("with the written script, where a reset leaves something behind: recurrence, delays, sigma-delta neurons", async () => {
    const linear = (inFeatures: number, outFeatures: number) => Linear({ inFeatures, outFeatures, bias: false });
    const neuron = () => CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0.1, vThreshold: 0.2, scale: 64 });
    const spiking = [
      RecurrentBlock({ synapse: linear(6, 5), recurrent: linear(5, 5), neuron: neuron() }),
      AxonalDelay({ channels: 5, initial: 3 }),
      Block(linear(5, 5), neuron()),
    ];
    const sigmaDelta = [
      SigmaDeltaBlock({ neuron: SigmaDelta({ part: "delta", threshold: 0.05 }) }),
      SigmaDeltaBlock({ synapse: linear(6, 5), neuron: SigmaDelta({ part: "sigma" }) }),
    ];
    for (const [name, layers, encoder] of [
      ["spiking", spiking, PoissonEncoder()],
      ["numbers", sigmaDelta, ConstantEncoder()],
    ] as const) {
      const network = createNetwork({ inputShape: [6], steps: STEPS, encoder, root: Sequential([...layers]) }, 3);
      const { directory } = await target.export(network, join(folder, name));
      network.dispose();
      const real = (i: number) => ((i * 31) % 100) / 100;
      const value = name === "numbers" ? real : (i: number) => (real(i) < 0.45 ? 1 : 0);
      await expectScript(
        directory,
        [6],
        Float32Array.from({ length: 3 * STEPS * 6 }, (_, i) => value(i)),
        [],
      );
    }
  });
});

/** The script gives for samples `[N, T, ...]` what the simulator here gives. */
async function expectScript(directory: string, shape: number[], data: Float32Array, args: string[]): Promise<void> {
  const size = shape.reduce((product, length) => product * length, 1);
  const samples = data.length / size / STEPS;
  const timeFirst = new Float32Array(data.length);
  for (let n = 0; n < samples; n++) {
    for (let t = 0; t < STEPS; t++)
      timeFirst.set(data.subarray((n * STEPS + t) * size, (n * STEPS + t + 1) * size), (t * samples + n) * size);
  }
  const runtime = await target.open(directory);
  const { output } = await runtime.run({ form: "sequence", shape: [STEPS, samples, ...shape], data: timeFirst });
  const outputs = output!.shape[2]!;
  expect(Array.from(output!.data).some((number) => number > 0)).toBe(true);
  const input = join(folder, "samples.npy");
  writeNpy(input, { dtype: "float32", shape: [samples, STEPS, ...shape], data });
  const written = join(folder, "answers.npy");
  execFileSync(python, [join(directory, "run_lava.py"), input, written, ...args], { env: environment, stdio: "pipe" });
  const { shape: found, data: answers } = readNpy(written);
  expect(found).toEqual([samples, STEPS, outputs]);
  for (let n = 0; n < samples; n++) {
    for (let t = 0; t < STEPS; t++) {
      const here = output!.data.slice((t * samples + n) * outputs, (t * samples + n + 1) * outputs);
      const lava = answers.slice((n * STEPS + t) * outputs, (n * STEPS + t + 1) * outputs);
      expect(Array.from(lava, Math.fround), `${args.join(" ")}, sample ${n}, step ${t}`).toEqual(Array.from(here));
    }
  }
}
