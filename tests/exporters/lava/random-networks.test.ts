/**
 * Random networks: what was prepared is what runs, in every spike of every layer, or a rule said beforehand why not; files stay equal to the
 * byte when they are read and written again; both simulators agree. SPIKESHIP_RANDOM_NETWORKS=200 asks for many.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/index.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { checkNet } from "../../../src/exporters/lava/rules.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { simulateReference } from "../../../src/exporters/lava/simulate-reference.ts";
import { createLoihiTarget } from "../../../src/exporters/lava/target.ts";
import { encodeNet, writeNet } from "../../../src/exporters/lava/write.ts";
import type { Finding, LayerTrace } from "../../../src/exporters/target.ts";
import { evaluationStream, isSpikingLayer, type Network, resetNet } from "../../../src/model/index.ts";
import { isPreparedForLoihi, prepareForLoihi } from "../../../src/quantize/index.ts";
import { noGrad, scope, Tensor } from "../../../src/tensor/index.ts";
import { type NetTraits, PLAIN, randomNet, randomSpikes } from "./random-net.ts";
import { randomPrepared } from "./random-prepared.ts";

const COUNT = Number(process.env.SPIKESHIP_RANDOM_NETWORKS ?? 24);
/** A second for each network is plenty on a busy machine. */
const TIMEOUT = 60_000 + 2000 * COUNT;
const SAMPLES = 3;
const target = createLoihiTarget({ prepare: prepareForLoihi, isPrepared: isPreparedForLoihi });

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "random-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Traces {
  input: { shape: number[]; data: Float32Array };
  layers: LayerTrace[];
}

/** Input and spikes of every spiking layer of a network on noise. */
function tracesOf(network: Network, inputShape: number[], seed: number): Traces {
  const layers: LayerTrace[] = [];
  let input: Traces["input"] = { shape: [0], data: new Float32Array() };
  const random = new RandomStream(seed);
  const size = SAMPLES * inputShape.reduce((product, length) => product * length, 1);
  const images = Float32Array.from({ length: size }, () => random.uniform());
  noGrad(() =>
    scope(() => {
      const sequence = network.encode(Tensor.from(images, [SAMPLES, ...inputShape]), evaluationStream(seed));
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

const countDifferent = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let count = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
};

/** Findings that say that the chip's numbers will be others than training's. */
const OVERFLOWS = ["loihi/current-wrapped", "loihi/voltage-saturated", "loihi/register-overflow"];
const foresees = (findings: readonly Finding[]): boolean =>
  findings.some(({ rule, severity }) => severity === "error" || OVERFLOWS.includes(rule));

describe("random prepared networks", { timeout: TIMEOUT }, () => {
  it("give the file's spikes, without exception", async () => {
    let [silent, foreseen] = [0, 0];
    for (let seed = 0; seed < COUNT; seed++) {
      const { network, inputShape } = randomPrepared(seed);
      const directory = join(folder, `${seed}`);
      const { input, layers } = tracesOf(network, inputShape, seed);
      if (foresees(target.check(network))) foreseen++;
      else {
        await target.export(network, directory);
        const runtime = await target.open(directory);
        const run = await runtime.run({ form: "sequence", ...input }, { layers: true });
        const mismatches = layers.map(({ data }, i) => countDifferent(data, run.layers[i]!.data));
        if (foresees(run.events)) foreseen++;
        else expect(mismatches, `seed ${seed}`).toEqual(layers.map(() => 0));
        if (!layers.at(-1)!.data.includes(1)) silent++;
      }
      network.dispose();
    }
    // a comparison of silence would prove nothing, nor would one that is always excused
    expect(silent).toBeLessThan(COUNT / 2);
    expect(foreseen).toBeLessThan(COUNT / 4);
  });
});

/** Every kind of layer and neuron in turn. */
const KINDS: NetTraits[] = [
  PLAIN,
  { ...PLAIN, biases: true, decayLists: true },
  { ...PLAIN, memory: true },
  { ...PLAIN, inputNeuron: true, biases: true },
  { ...PLAIN, neurons: "sigmaDelta", biases: true },
  { ...PLAIN, neurons: "sigmaDelta", memory: true },
  { ...PLAIN, neurons: "mixed", decayLists: true },
  { biases: true, memory: true, overflow: true, decayLists: true, neurons: "mixed", inputNeuron: true },
];

describe("random files", { timeout: TIMEOUT }, () => {
  it("are equal to the byte when they are read and written again, and run alike in both simulators", async () => {
    const path = join(folder, "random.net");
    for (let seed = 0; seed < COUNT; seed++) {
      const net = randomNet(seed, KINDS[seed % KINDS.length]!);
      expect(checkNet(net).filter(({ rule }) => rule === "loihi/loadable")).toEqual([]);
      await writeNet(net, path);
      const bytes = readFileSync(path);
      const back = await readNet(path);
      expect(back).toEqual(net);
      expect(Buffer.compare(await encodeNet(back), bytes), `seed ${seed}`).toBe(0);
      const input = randomSpikes(seed, net, 6, 2);
      const options = { record: "raw" as const, ...(seed % 2 === 0 ? { resetInterval: 4 } : {}) };
      expect(simulate(back, input, options), `seed ${seed}`).toEqual(simulateReference(net, input, options));
    }
  });
});
