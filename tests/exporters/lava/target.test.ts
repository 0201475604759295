/** From a network to a directory and back: the file, run as the chip would, gives the prepared network's spikes. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream, sha256 } from "../../../src/core/index.ts";
import { manifestSchema } from "../../../src/exporters/lava/artefact/manifest.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { createLoihiTarget } from "../../../src/exporters/lava/target.ts";
import { writeNet } from "../../../src/exporters/lava/write.ts";
import type { Artefact, LayerTrace } from "../../../src/exporters/target.ts";
import {
  CubaLIFNode,
  createNetwork,
  evaluationStream,
  isSpikingLayer,
  Linear,
  type Network,
  PoissonEncoder,
  resetNet,
  Sequential,
} from "../../../src/model/index.ts";
import { Block, isPreparedForLoihi, prepareForLoihi } from "../../../src/quantize/index.ts";
import { noGrad, scope, Tensor } from "../../../src/tensor/index.ts";
import { makeNetwork, STEPS } from "./networks.ts";

const target = createLoihiTarget({ prepare: prepareForLoihi, isPrepared: isPreparedForLoihi });
const SAMPLES = 5;

/** Input and spikes of every spiking layer of a network on random images. */
function traces(network: Network): { input: { shape: number[]; data: Float32Array }; layers: LayerTrace[] } {
  const layers: LayerTrace[] = [];
  let input: { shape: number[]; data: Float32Array } = { shape: [0], data: new Float32Array() };
  const images = Float32Array.from({ length: SAMPLES * 128 }, (_, i) => ((i * 37) % 100) / 100);
  resetNet(network);
  noGrad(() =>
    scope(() => {
      const sequence = network.encode(Tensor.from(images, [SAMPLES, 2, 8, 8]), evaluationStream(1));
      input = { shape: [...sequence.shape], data: sequence.toArray() as Float32Array };
      network.forwardSequence(sequence, {
        training: false,
        random: new RandomStream(0),
        observe: (layer, tensor) => {
          if (isSpikingLayer(layer))
            layers.push({ layer: layer.path, shape: [...tensor.shape], data: tensor.toArray() as Float32Array });
        },
      });
    }),
  );
  resetNet(network);
  return { input, layers };
}

let folder = "";
let artefact: Artefact;
let trained: Network;
let prepared: Network;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "loihi-"));
  trained = makeNetwork();
  prepared = target.prepare(trained, { options: { scale: 64 } });
  artefact = await target.export(prepared, join(folder, "out"));
});
afterAll(() => {
  trained.dispose();
  prepared.dispose();
  rmSync(folder, { recursive: true });
});

describe("the exported directory", () => {
  it("holds the file, manifest, script and a page of text, with their hashes", () => {
    expect(artefact.files.map(({ path }) => path)).toEqual([
      "network.net",
      "run_lava.py",
      "README.txt",
      "manifest.json",
    ]);
    for (const { path, bytes, sha256: hash } of artefact.files) {
      const content = readFileSync(join(artefact.directory, path));
      expect(content.length).toBe(bytes);
      expect(sha256(content)).toBe(hash);
    }
  });

  it("has a manifest that its schema accepts, with every spiking layer", () => {
    const manifest = manifestSchema.parse(JSON.parse(readFileSync(join(artefact.directory, "manifest.json"), "utf8")));
    expect(manifest).toMatchObject({ T: STEPS, inputShape: [2, 8, 8], outputShape: [5], latency: 5, resetOffset: 1 });
    expect(manifest.layers.map(({ path }) => path)).toEqual(
      prepared
        .layers()
        .filter(isSpikingLayer)
        .map(({ path }) => path),
    );
  });

  it("names no place of this machine", () => {
    for (const file of ["run_lava.py", "README.txt", "manifest.json"]) {
      expect(readFileSync(join(artefact.directory, file), "utf8")).not.toContain(folder);
    }
  });

  it("is the same, byte for byte, when it is exported again", async () => {
    const again = await target.export(prepared, join(folder, "again"));
    expect(again.files).toEqual(artefact.files);
  });
});

describe("the file that was read back", () => {
  it("gives the prepared network's spikes in every layer at every step", async () => {
    const { input, layers } = traces(prepared);
    const runtime = await target.open(join(artefact.directory, artefact.file));
    const run = await runtime.run({ form: "sequence", ...input }, { layers: true });
    expect(run.layers.map(({ layer }) => layer)).toEqual(layers.map(({ layer }) => layer));
    run.layers.forEach(({ shape, data }, i) => {
      expect(shape).toEqual(layers[i]!.shape);
      expect(Float32Array.from(data)).toEqual(layers[i]!.data);
    });
    // a comparison of silence would prove nothing
    for (const { data } of layers) expect(Array.from(data)).toContain(1);
    expect(run.events).toEqual([]);
    runtime.close();
  });

  it("gives rates that are the means of its output", async () => {
    const { input } = traces(prepared);
    const runtime = await target.open(artefact.directory);
    const { rates, output, samples } = await runtime.run({ form: "sequence", ...input });
    expect(samples).toBe(SAMPLES);
    expect(output!.shape).toEqual([STEPS, SAMPLES, 5]);
    rates.forEach((rate, at) => {
      let sum = 0;
      for (let t = 0; t < STEPS; t++) sum += output!.data[t * SAMPLES * 5 + at]!;
      expect(rate).toBe(Math.fround(sum / STEPS));
    });
    runtime.close();
  });

  it("is described for inspection", async () => {
    const { facts, tables } = await target.inspect(join(artefact.directory, artefact.file));
    expect((facts.layers as unknown[]).length).toBe(7);
    expect(tables[0]!.rows.map(([, type]) => type)).toEqual([
      "input",
      "conv",
      "conv",
      "conv",
      "flatten",
      "dense",
      "dense",
    ]);
  });

  it("says in its events when it was changed after the export", async () => {
    const other = await target.export(prepared, join(folder, "changed"));
    const file = join(other.directory, other.file);
    const net = await readNet(file);
    const [, layer] = net.layers;
    if (layer?.type === "conv") layer.weight.data[0] = layer.weight.data[0]! + 2;
    await writeNet(net, file);
    const { input } = traces(prepared);
    const { events } = await (await target.open(file)).run({ form: "sequence", ...input });
    expect(events.map(({ rule }) => rule)).toContain("artefact/changed");
  });

  it("runs without a manifest, its layers named by number", async () => {
    const copy = join(folder, "alone.net");
    writeFileSync(copy, readFileSync(join(artefact.directory, artefact.file)));
    const { input } = traces(prepared);
    const run = await (await target.open(copy)).run({ form: "sequence", ...input }, { layers: true });
    expect(run.layers.map(({ layer }) => layer)).toEqual(["layer1", "layer2", "layer3", "layer5", "layer6"]);
  });
});

describe("what cannot be exported", () => {
  it("is found by the check and refused by the export before anything is written", async () => {
    const rules = target.check(trained).map(({ rule }) => rule);
    expect(rules).toContain("loihi/unsupported-neuron");
    const place = join(folder, "refused");
    await expect(target.export(trained, place)).rejects.toThrow(/loihi\/unsupported-neuron to hold/);
    expect(existsSync(place)).toBe(false);
  });

  it("is an option that the export does not know", async () => {
    await expect(target.export(prepared, folder, { bits: 8 })).rejects.toThrow(/Loihi export options.*got "bits"/);
  });
});

it("finds nothing to complain about in the prepared network", () => {
  expect(target.check(prepared).filter(({ severity }) => severity !== "note")).toEqual([]);
});

it("keeps a bias of the neuron exact, with a reset for each sample", async () => {
  const synapse = Linear({ inFeatures: 6, outFeatures: 8, bias: false });
  const neuron = CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0.1, vThreshold: 0.6, scale: 64, bias: 0.125 });
  const parts = {
    inputShape: [6],
    steps: STEPS,
    encoder: PoissonEncoder(),
    root: Sequential({ block: Block(synapse, neuron) }),
  };
  const biased = createNetwork(parts, 4);
  const written = await target.export(biased, join(folder, "biased"));
  expect(written.findings.map(({ rule }) => rule)).toContain("loihi/bias-alignment");
  const data = Float32Array.from({ length: STEPS * 2 * 6 }, (_, i) => ((i * 7) % 5 < 2 ? 1 : 0));
  const expected = noGrad(() =>
    scope(() => {
      const context = { training: false, random: new RandomStream(0) };
      return biased.forwardSequence(Tensor.from(data, [STEPS, 2, 6]), context).toArray() as Float32Array;
    }),
  );
  const run = await (await target.open(written.directory)).run({ form: "sequence", shape: [STEPS, 2, 6], data });
  expect([...run.output!.data]).toEqual([...expected]);
  expect(expected.some((value) => value === 1)).toBe(true);
  biased.dispose();
});
