/** A proof covers every kind of block: recurrent ones, whose neurons run step by step, and sigma-delta ones, which send numbers. */
import { expect, it } from "vitest";
import { RandomStream } from "../../../src/core/index.ts";
import type { Split } from "../../../src/data/index.ts";
import {
  ConstantEncoder,
  CubaLIFNode,
  createNetwork,
  Flatten,
  type Layer,
  Linear,
  type Network,
  PoissonEncoder,
  Sequential,
} from "../../../src/model/index.ts";
import { AxonalDelay, Block, RecurrentBlock, SigmaDelta, SigmaDeltaBlock } from "../../../src/quantize/index.ts";
import { prove } from "../../../src/verify/index.ts";
import { temporaryFolder } from "../../error-of.ts";
import { target } from "./prepared-run.ts";

const folder = temporaryFolder();
const [INPUTS, CLASSES, SAMPLES] = [9, 3, 5];

const linear = (inFeatures: number, outFeatures: number) => Linear({ inFeatures, outFeatures, bias: false });
const cuba = () => CubaLIFNode({ currentDecay: 0.5, voltageDecay: 0.1, vThreshold: 0.2, scale: 64 });
const sigmaDelta = (synapse: Layer | undefined, part: "delta" | "sigmaDelta" | "sigma") =>
  SigmaDeltaBlock({ ...(synapse ? { synapse } : {}), neuron: SigmaDelta({ part, threshold: 0.05 }) });

function images(): Split {
  const random = new RandomStream(5);
  return {
    images: Float32Array.from({ length: SAMPLES * INPUTS }, () => random.uniform()),
    levels: null,
    labels: Uint8Array.from({ length: SAMPLES }, (_, i) => i % CLASSES),
    count: SAMPLES,
  };
}

async function proofOf(network: Network, name: string) {
  const { directory } = await target.export(network, `${folder}/${name}`);
  const runtime = await target.open(directory);
  const { plans, dispose } = target.comparisons(network);
  const { comparisons } = await prove(plans, runtime, images());
  dispose();
  runtime.close();
  network.dispose();
  return comparisons[0]!;
}

it.each([
  [
    "recurrence and delays",
    PoissonEncoder(),
    () => [
      Flatten(),
      Block(linear(INPUTS, 6), cuba()),
      AxonalDelay({ channels: 6, initial: 2 }),
      Block(linear(6, 5), cuba()),
      RecurrentBlock({ synapse: linear(5, CLASSES), recurrent: linear(CLASSES, CLASSES), neuron: cuba() }),
    ],
    3,
  ],
  [
    "sigma-delta neurons",
    ConstantEncoder(),
    () => [
      sigmaDelta(undefined, "delta"),
      Flatten(),
      sigmaDelta(linear(INPUTS, 6), "sigmaDelta"),
      sigmaDelta(linear(6, CLASSES), "sigma"),
    ],
    3,
  ],
] as const)("a network with %s is proven layer by layer", async (name, encoder, layers, count) => {
  const network = createNetwork({ inputShape: [1, 3, 3], steps: 7, encoder, root: Sequential([...layers()]) }, 2);
  const comparison = await proofOf(network, name);
  expect(comparison.verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
  expect(comparison.layers).toHaveLength(count);
  for (const { layer, mismatches, chipSpikes, steps } of comparison.layers) {
    expect([layer, mismatches, steps]).toEqual([layer, 0, 7]);
    expect(chipSpikes, layer).toBeGreaterThan(0);
  }
});
