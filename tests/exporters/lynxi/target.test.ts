/** Lynxi as a deployment target: check, export, read back, run; and the files that travel with the graph. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RandomStream, sha256 } from "../../../src/core/index.ts";
import { fromFloat16Bits } from "../../../src/exporters/lynxi/emulation/float16.ts";
import {
  createLynxiTarget,
  emulate,
  encodeOnnx,
  lowerNetwork,
  openLynxi,
  readManifest,
  readOnnx,
} from "../../../src/exporters/lynxi/index.ts";
import type { ChipInput } from "../../../src/exporters/target.ts";
import {
  BatchNorm2d,
  ConstantEncoder,
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Dropout,
  Flatten,
  IFNode,
  LIFNode,
  Linear,
  MaxPool2d,
  type Network,
  ParametricLIFNode,
  PoissonEncoder,
  Sequential,
} from "../../../src/model/index.ts";
import { isPreparedForLynxi, prepareForLynxi } from "../../../src/quantize/index.ts";
import { Tensor } from "../../../src/tensor/index.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { dyadicInput } from "./graphs.ts";

const target = createLynxiTarget({ prepare: prepareForLynxi, isPrepared: isPreparedForLynxi });
const folder = temporaryFolder();

function network(encoder = ConstantEncoder(), vReset: number | null = 0): Network {
  return createNetwork(
    {
      inputShape: [1, 8, 8],
      steps: 4,
      encoder,
      root: Sequential({
        conv: Conv2d({ inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1 }),
        norm: BatchNorm2d({ numFeatures: 4 }),
        spikes1: IFNode({ vThreshold: 0.25, vReset }),
        pool: MaxPool2d({ kernelSize: 2 }),
        drop: Dropout({ p: 0.2 }),
        flatten: Flatten(),
        hidden: Linear({ inFeatures: 64, outFeatures: 16 }),
        spikes2: LIFNode({ tau: 2, decayInput: false, vThreshold: 0.0625, vReset }),
        head: Linear({ inFeatures: 16, outFeatures: 5, bias: false }),
        spikes3: ParametricLIFNode({ initTau: 2, vThreshold: 0.03125, vReset }),
      }),
    },
    11,
  );
}

/** Runs `body` with a network and its prepared twin, and frees both. */
async function withPrepared<R>(made: Network, body: (prepared: Network) => Promise<R> | R): Promise<R> {
  const prepared = target.prepare(made, {});
  try {
    return await body(prepared);
  } finally {
    prepared.dispose();
    made.dispose();
  }
}

function images(samples: number): ChipInput {
  return { form: "image", shape: [samples, 1, 8, 8], data: dyadicInput(samples * 64, 17) };
}

function predicted(net: Network, input: ChipInput): number[] {
  const samples = Tensor.from(input.data, input.shape);
  const rates = net.predict(samples, new RandomStream(0));
  const numbers = Array.from(rates.toArray() as Float32Array);
  rates.dispose();
  samples.dispose();
  return numbers;
}

describe("an exported network", () => {
  it("comes with graph, manifest, scripts and a golden pair, all named by hash", async () => {
    const directory = join(folder, "files");
    const artefact = await withPrepared(network(), (prepared) => target.export(prepared, directory));
    expect(artefact).toMatchObject({ target: "lynxi", file: "graph.onnx" });
    expect(artefact.files.map(({ path }) => path).sort()).toEqual(readdirSync(directory).sort());
    for (const { path, bytes, sha256: hash } of artefact.files) {
      const written = readFileSync(join(directory, path));
      expect([written.length, sha256(written)], path).toEqual([bytes, hash]);
    }
    const manifest = readManifest(join(directory, "manifest.json"));
    expect(manifest).toMatchObject({
      target: "lynxi",
      graph: "graph.onnx",
      T: 4,
      N: 1,
      form: "image",
      io_type: "float16",
      opset: 12,
    });
    expect(manifest.sha256["graph.onnx"]).toBe(readOnnx(join(directory, "graph.onnx")).sha256);
    expect(manifest.inputs).toEqual([{ name: "x", shape: [1, 1, 8, 8], layout: "N,C,H,W", type: "float32" }]);
    expect(manifest.layers.filter(({ neuron }) => neuron).map(({ layer, neuron }) => [layer, neuron!.kind])).toEqual([
      ["spikes1", "IFNode"],
      ["spikes2", "LIFNode"],
      ["spikes3", "LIFNode"],
    ]);
    expect(artefact.lossy.map(({ place }) => place)).toContain("hidden weight");
    expect(artefact.findings.filter(({ severity }) => severity === "error")).toEqual([]);
  });

  it("gives the same files every time", async () => {
    const [first, second] = [join(folder, "same1"), join(folder, "same2")];
    await withPrepared(network(), async (prepared) => {
      await target.export(prepared, first);
      await target.export(prepared, second);
    });
    for (const name of readdirSync(first))
      expect(readFileSync(join(first, name)).equals(readFileSync(join(second, name))), name).toBe(true);
  });

  it("read back, gives the rates of the prepared network in float16 and of the unrounded one in float32", async () => {
    // a graph typed float16 has its float32 values read as such too
    for (const [vReset, dtype] of [
      [0, "float32"],
      [null, "float16"],
      [-0.03125, "float32"],
    ] as const) {
      const directory = join(folder, `rates${vReset}`);
      await withPrepared(network(ConstantEncoder(), vReset), async (prepared) => {
        await target.export(prepared, directory, { dtype });
        const { plans, dispose } = target.comparisons(prepared);
        const runtime = await target.open(directory);
        const input = images(12);
        for (const { network: side, mode } of plans.slice(0, 3)) {
          const run = await runtime.run(input, { mode });
          expect(run.samples).toBe(12);
          const mean = Array.from(run.rates).reduce((sum, rate) => sum + rate, 0) / run.rates.length;
          expect(mean, `vReset ${vReset}: rates that say something`).toBeGreaterThan(0.02);
          expect(Array.from(run.rates), `vReset ${vReset}, ${mode}`).toEqual(predicted(side, input));
        }
        runtime.close();
        dispose();
      });
    }
  });

  it("keeps batch norms that the prepared network kept, and folds those of a network that was not prepared", async () => {
    const operators = (name: string) => readOnnx(join(folder, name, "graph.onnx")).model.nodes.map(({ op }) => op);
    const made = network();
    const prepared = target.prepare(made, { options: { foldBatchNorm: false } });
    await target.export(made, join(folder, "folded"));
    await target.export(prepared, join(folder, "kept"));
    expect(operators("folded")).not.toContain("BatchNormalization");
    expect(operators("kept")).toContain("BatchNormalization");
    const runtime = await target.open(join(folder, "kept"));
    const { rates } = await runtime.run(images(4));
    expect(Array.from(rates)).toEqual(predicted(prepared, images(4)));
    prepared.dispose();
    made.dispose();
  });

  it("shows the spikes of each layer under its path, [T, N, ...]", async () => {
    const directory = join(folder, "layers");
    await withPrepared(network(), (prepared) => target.export(prepared, directory));
    const run = await (await target.open(directory)).run(images(3), { layers: true });
    expect(run.layers.map(({ layer, shape }) => [layer, shape])).toEqual([
      ["spikes1", [4, 3, 4, 8, 8]],
      ["spikes2", [4, 3, 16]],
      ["spikes3", [4, 3, 5]],
    ]);
    const [last] = run.layers.slice(-1);
    const rates = Array.from(
      { length: 15 },
      (_, i) => [0, 1, 2, 3].reduce((sum, t) => sum + last!.data[t * 15 + i]!, 0) / 4,
    );
    expect(Array.from(run.rates)).toEqual(rates);
  });

  it("takes sequences where an encoder makes them, and any number of samples for any batch", async () => {
    const directory = join(folder, "sequence");
    const exported = await withPrepared(network(PoissonEncoder()), async (prepared) => {
      await target.export(prepared, directory, { batch: 4 });
      return prepared.steps;
    });
    const runtime = openLynxi(directory);
    expect(runtime).toMatchObject({ inputForm: "sequence", steps: exported, inputShape: [1, 8, 8] });
    const data = dyadicInput(exported * 6 * 64, 3).map((value) => Number(value > 0.5));
    const all = await runtime.run({ form: "sequence", shape: [exported, 6, 1, 8, 8], data });
    // the same samples one by one: what fills a batch must not matter
    for (let n = 0; n < 6; n++) {
      const one = new Float32Array(exported * 64);
      for (let t = 0; t < exported; t++) one.set(data.subarray((t * 6 + n) * 64, (t * 6 + n + 1) * 64), t * 64);
      const { rates } = await runtime.run({ form: "sequence", shape: [exported, 1, 1, 8, 8], data: one });
      expect(Array.from(rates)).toEqual(Array.from(all.rates.subarray(n * 5, n * 5 + 5)));
    }
    await expect(runtime.run(images(2))).rejects.toMatchObject({ code: "SHAPE" });
    await expect(runtime.run(images(2), { device: "cuda" })).rejects.toThrow(/expected cpu, got cuda.*ONNX file/s);
  });

  it("comes with a golden pair that the emulator reproduces", async () => {
    const directory = join(folder, "golden");
    await withPrepared(network(), (prepared) => target.export(prepared, directory, { batch: 2, runBatch: 3 }));
    const bits = (name: string) => {
      const raw = readFileSync(join(directory, name));
      return fromFloat16Bits(new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length)));
    };
    const { model } = readOnnx(join(directory, "graph.onnx"));
    const input = bits("input.bin");
    expect(input.length).toBe(6 * 64);
    const { outputs } = emulate(model, new Map([["x", { shape: [6, 1, 8, 8], data: input }]]), 3);
    expect(Array.from(bits("output.bin"))).toEqual(Array.from(outputs.get("rate")!.data));
    expect(new Set(input).size).toBeGreaterThan(10);
  });
});

describe("what is refused", () => {
  it("a graph of another structure than the manifest's; one with other numbers runs, but says so as an error", async () => {
    const directory = join(folder, "changed");
    await withPrepared(network(), (prepared) => target.export(prepared, directory));
    const path = join(directory, "graph.onnx");
    const { model } = readOnnx(path);
    const stored = model.initializers.find(({ name }) => name === "hidden.linear.weight")!;
    const numbers = (stored.data as Float32Array).map((value, i) => (i === 0 ? value + 1 : value));
    const initializers = model.initializers.map((tensor) =>
      tensor === stored ? { ...stored, data: numbers } : tensor,
    );
    writeFileSync(path, encodeOnnx({ ...model, initializers }));
    const { events } = await openLynxi(directory).run(images(1));
    expect(events).toMatchObject([{ severity: "error" }]);
    expect(events[0]!.message).toMatch(/sha256|export/i);

    const renamed = model.nodes.map((node) => ({
      ...node,
      outputs: node.outputs.map((name) => (name === "rate" ? "score" : name)),
    }));
    const outputs = model.outputs.map((output) => ({ ...output, name: "score" }));
    writeFileSync(path, encodeOnnx({ ...model, nodes: renamed, outputs }));
    expect(errorOf(() => openLynxi(directory)).code).toBe("FILE");
  });

  it("a directory without a manifest, and a manifest with unknown fields", async () => {
    expect(errorOf(() => openLynxi(folder)).message).toContain("manifest.json");
    const directory = join(folder, "unknown");
    await withPrepared(network(), (prepared) => target.export(prepared, directory));
    const path = join(directory, "manifest.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), run_batches: 2 }));
    expect(errorOf(() => openLynxi(directory)).message).toContain('Did you mean "run_batch"?');
  });

  it("an option that export does not know, with the nearest name", async () => {
    await withPrepared(network(), async (prepared) => {
      await expect(target.export(prepared, join(folder, "option"), { dtyp: "float16" })).rejects.toMatchObject({
        code: "OPTION",
        message: expect.stringContaining('Did you mean "dtype"?'),
      });
    });
    expect(existsSync(join(folder, "option"))).toBe(false);
  });

  it("a network with integer neurons, in check and in export, by layer", async () => {
    const made = createNetwork(
      {
        inputShape: [4],
        steps: 3,
        encoder: ConstantEncoder(),
        root: Sequential({
          fc: Linear({ inFeatures: 4, outFeatures: 2 }),
          cuba: CubaLIFNode({ currentDecay: 1, voltageDecay: 0.25 }),
        }),
      },
      1,
    );
    expect(target.check(made)).toMatchObject([{ rule: "LX004", severity: "error", place: "cuba" }]);
    const directory = join(folder, "cuba");
    await expect(target.export(made, directory)).rejects.toMatchObject({
      code: "TARGET",
      message: expect.stringContaining("CubaLIFNode"),
    });
    expect(existsSync(directory)).toBe(false);
    made.dispose();
  });

  it("nothing in a network that the chip holds", () => {
    const made = network();
    expect(target.check(made).filter(({ severity }) => severity === "error")).toEqual([]);
    made.dispose();
  });
});

describe("a graph without a manifest", () => {
  it("runs by what the graph itself says", async () => {
    const directory = join(folder, "alone");
    const made = network();
    await target.export(made, directory);
    const layers = lowerNetwork(made).layers.flatMap(({ neuron }) => neuron?.spikes ?? []);
    made.dispose();
    const whole = await openLynxi(directory).run(images(2), { layers: true });
    rmSync(join(directory, "manifest.json"));
    const runtime = openLynxi(join(directory, "graph.onnx"));
    const run = await runtime.run(images(2), { layers: true });
    expect(runtime.manifest).toBeNull();
    expect(Array.from(run.rates)).toEqual(Array.from(whole.rates));
    expect(run.layers.map(({ layer }) => layer)).toEqual(layers);
    expect(run.layers.map(({ data }) => Array.from(data))).toEqual(whole.layers.map(({ data }) => Array.from(data)));
  });
});
