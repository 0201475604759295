/** Mapping onto cores: every count is made again neuron by neuron, and the cuts keep the limits they were given. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sizeOf } from "../../../src/core/index.ts";
import { planNet } from "../../../src/exporters/lava/chip/plan.ts";
import { measureActivity } from "../../../src/exporters/lava/mapping/activity.ts";
import { CORE_RESOURCES, type CoreUse, LOIHI_1_CORE } from "../../../src/exporters/lava/mapping/capacity.ts";
import { estimateEnergy } from "../../../src/exporters/lava/mapping/energy.ts";
import { mappingFindings } from "../../../src/exporters/lava/mapping/findings.ts";
import { mapPlan } from "../../../src/exporters/lava/mapping/map.ts";
import { mapNetFile } from "../../../src/exporters/lava/mapping/report.ts";
import { axonBits } from "../../../src/exporters/lava/mapping/synapse-memory.ts";
import { type CubaNeuron, type NetFile, netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { writeNet } from "../../../src/exporters/lava/write.ts";
import { temporaryFolder } from "../../error-of.ts";
import { sourcesOf, useByHand } from "./mapping-by-hand.ts";
import { PLAIN, randomNet, randomSpikes, traits } from "./random-net.ts";

const folder = temporaryFolder();
const neuron: CubaNeuron = {
  type: "CUBA",
  iDecay: scalar(4096),
  vDecay: scalar(0),
  vThMant: 64,
  extras: {},
};

/** A dense layer of `outputs` neurons on `inputs` inputs, all weights 2 but one. */
function denseNet(...sizes: number[]): NetFile {
  const layers = sizes.slice(1).map((outputs, i) => {
    const count = outputs * sizes[i]!;
    const weight = netArray([outputs, sizes[i]!], new Float64Array(count).fill(2).fill(-2, 0, 1));
    return {
      type: "dense" as const,
      shape: [outputs],
      weight,
      bias: null,
      delay: null,
      neuron,
      imaginary: null,
      extras: {},
    };
  });
  return { layers, simulation: null };
}

describe("the counts of a mapping", () => {
  it("are those of counting neuron by neuron and synapse by synapse, also on small cores", () => {
    fc.assert(
      fc.property(fc.nat(1e6), traits, fc.integer({ min: 2, max: 40 }), (seed, given, size) => {
        const plan = planNet(randomNet(seed, given));
        const core: CoreUse = { compartments: size, synapseBits: 2 ** 14, inputAxons: 2 ** 10, outputAxons: 16 * size };
        const { layers } = mapPlan(plan, core);
        const cuts = layers.map(({ perTarget, block }) =>
          perTarget && "block" in perTarget ? perTarget.block : block.outputShape.concat(1, 1),
        );
        layers.forEach((layer, i) => {
          const sources = sourcesOf(plan.blocks[i]!);
          const recurrent = layer.reach.recurrent ? layer.neurons : 0;
          const given = sources.reduce((sum, list) => sum + list.length, 0);
          expect(layer.synapses).toBe(given + recurrent * layer.neurons);
          expect(layer.fanIn).toBe(Math.max(...sources.map((list) => list.length)) + recurrent);
          const { perTarget } = layer;
          if (!perTarget || "impossible" in perTarget) return;
          // the next layer was left without cores, so this one was judged as the last
          if (i + 1 < layers.length && !(layers[i + 1]!.perTarget && "block" in layers[i + 1]!.perTarget!)) return;
          const { total, ...most } = useByHand(plan, i, cuts);
          expect(perTarget.fullest).toEqual(most);
          expect(perTarget.synapseBits).toBe(total);
          for (const resource of CORE_RESOURCES) expect(most[resource]).toBeLessThanOrEqual(core[resource]);
        });
      }),
      { numRuns: 60 },
    );
  });

  it("need no more with shared weights than without", () => {
    fc.assert(
      fc.property(fc.nat(1e6), (seed) => {
        const { loihi1, loihi2 } = mapPlan(planNet(randomNet(seed, PLAIN)));
        expect(loihi1.shared!.cores).toBeLessThanOrEqual(loihi1.perTarget!.cores);
        expect(loihi2.chips.shared).toBeLessThanOrEqual(loihi2.chips.perTarget);
      }),
      { numRuns: 20 },
    );
  });

  it("hold weights in words of 64 bits with a header for each 64 of them", () => {
    expect([0, 1, 6, 7, 64, 65, 128].map((weights) => axonBits(weights, 0))).toEqual([0, 64, 64, 128, 576, 640, 1152]);
    expect(axonBits(64, 10)).toBe(1216);
  });
});

describe("the binding limit", () => {
  const bindingOf = (net: NetFile, layer = 0) => {
    const { perTarget } = mapPlan(planNet(net)).layers[layer]!;
    return perTarget && "binding" in perTarget ? perTarget : null;
  };

  it("is the compartments for many neurons with few inputs", () => {
    expect(bindingOf(denseNet(4, 3000))).toMatchObject({ binding: "compartments", cores: 3 });
  });

  it("is synaptic memory for large matrices", () => {
    expect(bindingOf(denseNet(2000, 500))).toMatchObject({ binding: "synapseBits" });
  });

  it("is output axons where each neuron reaches many cores", () => {
    // 4000 inputs of 8 weights each fill a core, so the second layer takes 38 of them
    const plan = denseNet(10, 900, 3000);
    expect(bindingOf(plan)).toMatchObject({ binding: "outputAxons" });
  });
});

describe("what does not fit", () => {
  it("names the layer, the limit and what would help when a neuron has more inputs than a core has axons", () => {
    const mapping = mapPlan(planNet(denseNet(8, LOIHI_1_CORE.inputAxons + 1, 3)));
    expect(mapping.loihi1.perTarget).toBeNull();
    expect(mappingFindings(mapping)).toMatchObject([
      {
        rule: "loihi/map-neuron-too-large",
        place: "/layer/1",
        message: expect.stringMatching(/4097 input axons.*4096/) as string,
        rewrite: expect.stringContaining("pool") as string,
        source: expect.stringContaining("nengo-loihi") as string,
      },
    ]);
  });

  it("names the largest layer of a network that needs several chips", () => {
    const mapping = mapPlan(planNet(denseNet(4000, 4000, 2)));
    const [finding] = mappingFindings(mapping);
    expect(mapping.loihi1.perTarget!.chips).toBeGreaterThan(1);
    expect(finding).toMatchObject({ rule: "loihi/map-chips", place: "/layer/0" });
  });

  it("gives no figures of Loihi 1 for neurons that it does not have", () => {
    const mapping = mapPlan(planNet(randomNet(3, { ...PLAIN, neurons: "sigmaDelta" })));
    expect(mapping.loihi1.perTarget).toBeNull();
    const findings = mappingFindings(mapping);
    expect(findings.map(({ rule }) => rule)).toContain("loihi/map-loihi-2-only");
    expect(findings.every(({ severity }) => severity !== "error")).toBe(true);
  });

  it("refuses axes that no network has, before it counts on them", () => {
    const input = { type: "input" as const, shape: [1e9], weight: null, bias: null, neuron, extras: {} };
    expect(() => mapPlan(planNet({ layers: [input], simulation: null }))).toThrow(/1 to 65536 neurons on each axis/);
  });

  it("warns of more decays than a core has profiles", () => {
    const net = denseNet(4, 40);
    const [layer] = net.layers;
    const decays = netArray(
      [40],
      Array.from({ length: 40 }, (_, i) => i),
    );
    Object.assign(layer!, { neuron: { ...neuron, vDecay: decays } });
    expect(mappingFindings(mapPlan(planNet(net)))).toMatchObject([{ rule: "loihi/map-profiles", place: "/layer/0" }]);
  });
});

describe("the activity of a run", () => {
  it("counts each spike and each weight that it touches", () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.boolean(), (seed, memory) => {
        const net = randomNet(seed, { ...PLAIN, memory });
        const plan = planNet(net);
        const input = randomSpikes(seed, net, 4, 3);
        const batch = { form: "sequence" as const, shape: [...input.shape], data: Float32Array.from(input.data) };
        const reaches = mapPlan(plan).layers.map(({ reach }) => reach);
        const { layers } = simulate(net, input, { resetInterval: 4, record: "aligned" });
        const whole = measureActivity(net, plan, reaches, [batch])!;
        let arriving: ArrayLike<number> = input.data;
        layers.forEach(({ data }, i) => {
          const targets = new Map<number, number>();
          for (const list of sourcesOf(plan.blocks[i]!))
            for (const from of list) targets.set(from, (targets.get(from) ?? 0) + 1);
          const frame = sizeOf(plan.blocks[i]!.inputShape);
          let operations = 0;
          for (let j = 0; j < arriving.length; j++) if (arriving[j]) operations += targets.get(j % frame) ?? 0;
          const spikes = data.reduce((sum, value) => sum + (value ? 1 : 0), 0);
          if (reaches[i]!.recurrent) operations += spikes * sizeOf(plan.blocks[i]!.outputShape);
          expect(whole.layers[i]!.synapticOperations).toBeCloseTo(operations / 3, 6);
          expect(whole.layers[i]!.spikes).toBeCloseTo(spikes / 3, 6);
          arriving = data;
        });
      }),
      { numRuns: 25 },
    );
  });

  it("is the same in one batch as in several", () => {
    const net = randomNet(11, PLAIN);
    const plan = planNet(net);
    const reaches = mapPlan(plan).layers.map(({ reach }) => reach);
    const batches = [1, 2, 3].map((seed) => {
      const { shape, data } = randomSpikes(seed, net, 6, 2);
      return { form: "sequence" as const, shape: [...shape], data: Float32Array.from(data) };
    });
    const parts = batches.map((batch) => measureActivity(net, plan, reaches, [batch])!);
    const whole = measureActivity(net, plan, reaches, batches)!;
    expect(whole.samples).toBe(6);
    const mean = parts.reduce((sum, part) => sum + part.layers[0]!.synapticOperations, 0) / 3;
    expect(whole.layers[0]!.synapticOperations).toBeCloseTo(mean, 6);
    expect(measureActivity(net, plan, reaches, [])).toBeNull();
  });

  it("makes an energy that is the sum of its events, with source and assumptions", () => {
    const layer = { spikes: 1, rate: 0.1, synapticOperations: 1000, neuronUpdates: 10 };
    const activity = { samples: 1, steps: 4, stepsToAnswer: 6, inputSpikes: 1, inputRate: 1, layers: [layer, layer] };
    const { total, assumptions, source } = estimateEnergy(activity);
    expect(total).toBeCloseTo((2000 * 27.1 + 20 * 81) * 1e-12, 18);
    expect(assumptions.length).toBeGreaterThan(2);
    expect(source).toMatch(/Davies/);
  });
});

describe("the mapping of a file", () => {
  it("has facts for programs and tables for people, and energy only when data were run on Loihi 1's neurons", async () => {
    const path = join(folder, "one.net");
    const net = denseNet(4, 6, 2);
    await writeNet(net, path);
    const data = Float32Array.from({ length: 40 }, (_, i) => i % 2);
    const batch = { form: "sequence" as const, shape: [5, 2, 4], data };
    const [still, run] = [await mapNetFile(path), await mapNetFile(path, [batch])];
    expect(still.facts).toMatchObject({ latency: 2, activity: null, energy: null });
    expect(run.facts).toMatchObject({ activity: { samples: 2, steps: 5, stepsToAnswer: 7 }, energy: {} });
    expect(run.tables.map(({ title }) => title).join("\n")).toMatch(/nengo-loihi.*Loihi 2.*estimate/s);
    expect(JSON.parse(JSON.stringify(run.facts))).toEqual(run.facts);
  });
});
