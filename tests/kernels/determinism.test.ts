/** The same bytes again: for any number of threads, on any instruction set, in any JavaScript thread. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, it } from "vitest";
import { type ConvSpec, core } from "../../src/kernels/index.ts";
import { coreFile } from "../../src/kernels/load.ts";
import { from, noise, result, room } from "./buffers.ts";

interface Digest {
  isa: string;
  hashes: Record<string, string | number>;
}

function digest(isa: string, threads: number): Digest {
  const script = fileURLToPath(new URL("core-digest.mjs", import.meta.url));
  const env = { ...process.env, SPIKESHIP_ISA: isa };
  return JSON.parse(execFileSync(process.execPath, [script, coreFile(), `${threads}`], { env, encoding: "utf8" }));
}

describe("our own kernels", () => {
  const reference = digest("", 2);

  it("give the same bytes for 1, 2, 3 and 7 threads", () => {
    for (const threads of [1, 3, 7]) expect(digest("", threads).hashes).toEqual(reference.hashes);
  });

  for (const isa of ["avx2", "baseline"]) {
    it(`give the same bytes on ${isa} as on the best instruction set of this processor`, () => {
      const lower = digest(isa, 2);
      expect([isa, "baseline"]).toContain(lower.isa);
      expect(lower.hashes).toEqual(reference.hashes);
    });
  }
});

describe("oneDNN's kernels", () => {
  const threads = core().info().threads;
  afterEach(() => core().setThreads(threads));

  const spec: ConvSpec = {
    batch: 6,
    inChannels: 16,
    outChannels: 24,
    groups: 1,
    input: [15, 13],
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    dilation: [1, 1],
    output: [15, 13],
  };
  const x = noise(6 * 15 * 13 * 16, 1);
  const weight = noise(24 * 16 * 9, 2);
  const grad = noise(6 * 15 * 13 * 24, 3);

  function allResults(): string[] {
    const [xs, ws, gs] = [from(x), from(weight), from(grad)];
    const outs = [
      result(grad.length, (out) => core().convForward(spec, xs, ws, 0, out)),
      result(x.length, (out) => core().convBackwardData(spec, gs, ws, out)),
      result(weight.length, (out) => core().convBackwardWeights(spec, xs, gs, out, room(24))),
      result(100 * 90, (out) => core().matmul(true, false, 100, 90, 120, xs, gs, out, false)),
      result(100 * 90, (out) => core().linearForward(100, 120, 90, xs, gs, ws, out)),
    ];
    return outs.map((out) => Buffer.from(out.buffer).toString("base64"));
  }

  for (const count of [1, 2]) {
    it(`give the same bytes again with ${count} thread(s)`, () => {
      core().setThreads(count);
      expect(core().info().threads).toBe(count);
      const first = allResults();
      for (let again = 0; again < 3; again++) expect(allResults()).toEqual(first);
    });
  }

  it("give the same weight gradient for any number of threads", () => {
    const [xs, gs] = [from(x), from(grad)];
    const gradients = [1, 2, 3, 5].map((count) => {
      core().setThreads(count);
      return result(weight.length, (out) => core().convBackwardWeights(spec, xs, gs, out, 0));
    });
    for (const gradient of gradients) expect(gradient).toEqual(gradients[0]);
  });

  it("refuse a number of threads that cannot be", () => {
    for (const wrong of [0, 5000]) expect(() => core().setThreads(wrong)).toThrow(/a whole number from 1 to 1024/);
  });
});

describe("worker threads", () => {
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const core = require(workerData.file).open((...facts) => new Error(facts.join("|")));
    const own = core.alloc(40);
    core.fill(own, 10, 3);
    const values = new Float32Array(10);
    core.read(own, 0, values);
    let foreign = "accepted";
    try { core.byteLength(workerData.buffer); } catch (error) { foreign = error.message; }
    parentPort.postMessage({ sum: values.reduce((a, b) => a + b, 0), foreign, live: core.memoryStats().liveBuffers });
  `;
  const runWorker = (buffer: number) =>
    new Promise<{ sum: number; foreign: string; live: number }>((resolve, reject) => {
      const worker = new Worker(program, { eval: true, workerData: { file: coreFile(), buffer } });
      worker.once("message", resolve);
      worker.once("error", reject);
    });

  it("have a core of their own, and refuse a buffer of another thread", async () => {
    const live = core().memoryStats().liveBuffers;
    const mine = from(Float32Array.of(1, 2, 3));
    const answers = await Promise.all([runWorker(mine), runWorker(mine), runWorker(mine)]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ sum: 30, live: 1 });
      expect(answer.foreign).toMatch(/a live buffer of this thread/);
    }
    expect(core().memoryStats().liveBuffers).toBe(live + 1);
  });
});
