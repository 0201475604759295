/** Networks of Blocks against Lava DL's slayer: every spike of every layer of `lava_blocks.h5`. */
import { afterAll, describe, expect, it } from "vitest";
import type { Network } from "../../src/model/index.ts";
import { scope } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { tensorOf } from "../model/layer-fixture.ts";
import { blockOutputs, lavaNetwork } from "./lava-network.ts";

const file = await openReference(fixture("lava_blocks.h5"));
afterAll(() => file.close());

const SCALE = 64;
/** Cases whose layers are all Blocks; the others have delays, recurrence, an input neuron or sigma-delta neurons. */
const CASES = [
  "dense_if",
  "dense_lif_cuba",
  "mnist_like",
  "conv_geometry_lif",
  "sumpool",
  "sj_norm_exp0",
  "sj_norm_exp2",
  "bias_mean_only",
  "bias_no_reset",
  "bias_wgt_scale",
  "edge_threshold_0p7",
  "edge_weight_255",
  "edge_all_inhibitory",
  "edge_wrap",
];
/** The option as it was given to slayer, where the file holds it cut to weight steps. */
const THRESHOLDS: Record<string, number> = { edge_threshold_0p7: 0.7 };

async function withNetwork(name: string, scale: number, body: (network: Network) => void): Promise<void> {
  const vThreshold = THRESHOLDS[name];
  const network = await lavaNetwork({ file, name, scale, ...(vThreshold === undefined ? {} : { vThreshold }) });
  try {
    scope(() => body(network));
  } finally {
    network.dispose();
  }
}

/** How many values of two arrays differ. */
const differences = (a: Float32Array, b: Float32Array) =>
  a.reduce((count, value, i) => count + (value === b[i] ? 0 : 1), 0);

describe("a network of Blocks", () => {
  it.each(CASES)("fires as slayer's in %s, layer by layer", async (name) => {
    await withNetwork(name, SCALE, (network) => {
      const outputs = blockOutputs(network, tensorOf(file, `${name}/x`));
      expect(outputs).toHaveLength(file.keys(`${name}/slayer`).length);
      expect(outputs.some((output) => output.includes(1))).toBe(true);
      outputs.forEach((output, i) => {
        const stored = file.floats(`${name}/slayer/layer${i}`);
        expect([...output], `layer ${i}`).toEqual([...stored]);
      });
    });
  });

  it.each(CASES)("lowers to the whole numbers of slayer in %s, or is refused where a norm divides", async (name) => {
    await withNetwork(name, SCALE, (network) => {
      if (divides(network)) {
        const { code, message } = errorOf(() => network.lower());
        expect(code).toBe("TARGET");
        expect(message).toContain("Lava's loader ignores the exponent");
        return;
      }
      const synapses = network.lower().nodes.filter((node) => node.kind === "linear" || node.kind === "conv");
      expect(synapses.length).toBeGreaterThan(0);
      for (const { source, weight } of synapses) {
        const stored = file.floats(`${name}/weights/layer${source.split(".")[0]}/synapse_int`);
        expect(
          [...weight.data].map((value) => value * SCALE),
          source,
        ).toEqual([...stored]);
      }
    });
  });

  it("fires as slayer's with its one-step shift, block by block later", async () => {
    const name = "delay_shift";
    await withNetwork(name, SCALE, (network) => {
      const outputs = blockOutputs(network, tensorOf(file, `${name}/x`));
      outputs.forEach((output, i) => {
        const stored = file.floats(`${name}/slayer/layer${i}`);
        const shift = ((i + 1) * stored.length) / network.steps;
        expect(stored.slice(0, shift).every((spike) => spike === 0)).toBe(true);
        expect([...output.slice(0, output.length - shift)]).toEqual([...stored.slice(shift)]);
      });
    });
  });

  it("at a scale that is no power of two fires almost as slayer's", async () => {
    const name = "edge_scale_100";
    await withNetwork(name, 100, (network) => {
      const [output] = blockOutputs(network, tensorOf(file, `${name}/x`));
      const stored = file.floats(`${name}/slayer/layer0`);
      // float32 sums of hundredths depend on their order; in the stored data no spike does
      expect(differences(output!, stored) / stored.length).toBeLessThan(1 / 500);
    });
  });
});

describe("where SpikingJelly differs from slayer", () => {
  it.each(["edge_threshold_0p7", "edge_weight_255"])("a Block is slayer's in %s", async (name) => {
    await withNetwork(name, SCALE, (network) => {
      const [output] = blockOutputs(network, tensorOf(file, `${name}/x`));
      const theirs = file.floats(`${name}/sj/layer0`);
      expect(differences(output!, theirs)).toBe(Number(file.attribute(name, "sj_slayer_mismatches")));
    });
  });
});

/** A norm of the network divides by more than 1: a whole layer's standard deviation is above 1. */
function divides(network: Network): boolean {
  return network.layers().some((layer) => layer.kind === "WgtScaleBatchNorm" && layer.tensor("running_var").item() > 1);
}
