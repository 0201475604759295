/** The comparison of spikes: counts, places, order in time, refusals. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LayerTrace } from "../../src/exporters/index.ts";
import { compareLayers, firstDifference, mergeComparisons } from "../../src/verify/index.ts";

const trace = (layer: string, shape: number[], data: number[]): LayerTrace => ({
  layer,
  shape,
  data: Uint8Array.from(data),
});

/** Two runs of the same layers with some values turned round. */
const twoRuns = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 }))
  .chain(([steps, samples, layers]) =>
    fc.array(
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }).chain((neurons) => {
        const size = steps * samples * neurons.reduce((a, b) => a * b, 1);
        const spikes = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: size, maxLength: size });
        return fc.tuple(
          fc.constant<number[]>([steps, samples, ...neurons]),
          spikes,
          fc.oneof(fc.constant(null), spikes),
        );
      }),
      { minLength: layers, maxLength: layers },
    ),
  )
  .map((layers) => ({
    trained: layers.map(([shape, ours], i) => trace(`layer${i}`, shape, ours)),
    chip: layers.map(([shape, ours, theirs], i) => trace(`layer${i}`, shape, theirs ?? ours)),
  }));

/** All differences of a layer in time order, found the slow way. */
function differences(a: LayerTrace, b: LayerTrace): { step: number; sample: number; neuron: number[] }[] {
  const places: { step: number; sample: number; neuron: number[] }[] = [];
  const walk = (prefix: number[], start: number, size: number): void => {
    const axis = prefix.length;
    if (axis === a.shape.length) {
      if (a.data[start] !== b.data[start])
        places.push({ step: prefix[0]!, sample: prefix[1]!, neuron: prefix.slice(2) });
      return;
    }
    const inner = size / a.shape[axis]!;
    for (let i = 0; i < a.shape[axis]!; i++) walk([...prefix, i], start + i * inner, inner);
  };
  walk([], 0, a.data.length);
  return places;
}

describe("compareLayers", () => {
  it("counts spikes and differences of a case worked out by hand and names the first place", () => {
    // Two steps, one sample, neurons [1,2,2]: step 0 is equal, in step 1 neurons [0,0,1] and [0,1,1] differ.
    const ours = trace("conv", [2, 1, 1, 2, 2], [1, 0, 0, 1, 0, 1, 1, 0]);
    const theirs = trace("conv", [2, 1, 1, 2, 2], [1, 0, 0, 1, 0, 0, 1, 1]);
    expect(compareLayers([ours], [theirs])).toEqual([
      {
        layer: "conv",
        steps: 2,
        samples: 1,
        neurons: [1, 2, 2],
        values: 8,
        trainedSpikes: 4,
        chipSpikes: 4,
        mismatches: 2,
        flipRate: 0.25,
        mismatchesByStep: [0, 2],
        firstDifference: { layer: "conv", step: 1, sample: 0, neuron: [0, 0, 1], trained: 1, chip: 0 },
      },
    ]);
  });

  it("gives the same counts with the sides exchanged", () => {
    fc.assert(
      fc.property(twoRuns, ({ trained, chip }) => {
        const there = compareLayers(trained, chip);
        const back = compareLayers(chip, trained);
        there.forEach((layer, i) => {
          expect(back[i]!.mismatches).toBe(layer.mismatches);
          expect(back[i]!.trainedSpikes).toBe(layer.chipSpikes);
          expect(back[i]!.chipSpikes).toBe(layer.trainedSpikes);
          expect(back[i]!.firstDifference?.neuron).toEqual(layer.firstDifference?.neuron);
        });
      }),
    );
  });

  it("finds no mismatch exactly when the data are equal", () => {
    fc.assert(
      fc.property(twoRuns, ({ trained, chip }) => {
        compareLayers(trained, chip).forEach((layer, i) => {
          const equal = trained[i]!.data.every((value, at) => value === chip[i]!.data[at]);
          expect(layer.mismatches === 0).toBe(equal);
          expect(layer.firstDifference === null).toBe(equal);
          expect(layer.flipRate).toBe(layer.mismatches / trained[i]!.data.length);
        });
      }),
    );
  });

  it("names as first the first of all differences in time", () => {
    fc.assert(
      fc.property(twoRuns, ({ trained, chip }) => {
        compareLayers(trained, chip).forEach((layer, i) => {
          const all = differences(trained[i]!, chip[i]!);
          expect(layer.mismatches).toBe(all.length);
          if (all.length > 0) expect(layer.firstDifference).toMatchObject(all[0]!);
        });
      }),
    );
  });

  it("compares bytes with floating-point numbers and graded spikes by value", () => {
    const bytes = trace("fc", [1, 1, 3], [0, 1, 2]);
    const floats: LayerTrace = { layer: "fc", shape: [1, 1, 3], data: Float32Array.from([-0, 1, 3]) };
    expect(compareLayers([bytes], [floats])[0]).toMatchObject({ trainedSpikes: 2, chipSpikes: 2, mismatches: 1 });
  });

  it("matches layers by path, whatever their order", () => {
    const [a, b] = [trace("a", [1, 1, 1], [1]), trace("b", [1, 1, 1], [0])];
    expect(compareLayers([a, b], [b, a]).map((layer) => [layer.layer, layer.mismatches])).toEqual([
      ["a", 0],
      ["b", 0],
    ]);
  });

  it.each([
    [
      "a shape that disagrees",
      [trace("conv1", [1, 1, 2], [0, 0])],
      [trace("conv1", [1, 2, 1], [0, 0])],
      "SHAPE",
      "conv1",
    ],
    ["a layer the chip lacks", [trace("conv1", [1, 1, 1], [0])], [trace("conv2", [1, 1, 1], [0])], "CONTRACT", "conv"],
    ["a layer only the chip has", [], [trace("extra", [1, 1, 1], [0])], "CONTRACT", "extra"],
    ["a layer that comes twice", [trace("x", [1, 1, 1], [0]), trace("x", [1, 1, 1], [0])], [], "CONTRACT", "x"],
    ["data that do not fill their shape", [trace("x", [1, 1, 2], [0])], [trace("x", [1, 1, 2], [0])], "SHAPE", "x"],
    ["a shape without neurons", [trace("x", [1, 1], [0])], [trace("x", [1, 1], [0])], "SHAPE", "x"],
  ])("refuses %s and names the layer", (_what, ours, theirs, code, layer) => {
    expect(() => compareLayers(ours, theirs)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(layer) as string }),
    );
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses %d on both sides, although nothing differs", (broken) => {
    const run: LayerTrace = { layer: "fc", shape: [1, 1, 2], data: Float32Array.from([0, broken]) };
    expect(() => compareLayers([run], [run])).toThrow(/layer "fc", step 0, sample 0, neuron \[1\].*finite/);
  });
});

describe("firstDifference", () => {
  it("takes the earliest step, and in it the first layer", () => {
    const zeros = [0, 0, 0, 0];
    const ours = ["a", "b", "c"].map((name) => trace(name, [2, 1, 2], zeros));
    const theirs = [
      trace("a", [2, 1, 2], [0, 0, 1, 0]),
      trace("b", [2, 1, 2], [0, 1, 0, 0]),
      trace("c", [2, 1, 2], [1, 0, 0, 0]),
    ];
    expect(firstDifference(compareLayers(ours, theirs))).toMatchObject({ layer: "b", step: 0, neuron: [1] });
  });

  it("is null when nothing differs", () => {
    const run = [trace("a", [1, 1, 1], [1])];
    expect(firstDifference(compareLayers(run, run))).toBeNull();
  });
});

describe("mergeComparisons", () => {
  /** Samples `from` to `to` of traces. */
  const part = (traces: LayerTrace[], from: number, to: number): LayerTrace[] =>
    traces.map(({ layer, shape, data }) => {
      const [steps = 0, samples = 0, ...neurons] = shape;
      const size = neurons.reduce((a, b) => a * b, 1);
      const kept = Array.from(data).filter((_, i) => {
        const sample = Math.floor(i / size) % samples;
        return sample >= from && sample < to;
      });
      return trace(layer, [steps, to - from, ...neurons], kept);
    });

  it("gives for parts what the whole gives, first difference included", () => {
    fc.assert(
      fc.property(twoRuns, fc.nat(), ({ trained, chip }, cut) => {
        const samples = trained[0]!.shape[1]!;
        const middle = cut % (samples + 1);
        const pieces = [
          [0, middle],
          [middle, samples],
        ].filter(([from, to]) => from! < to!);
        const parts = pieces.map(([from, to]) =>
          compareLayers(part(trained, from!, to!), part(chip, from!, to!), { firstSample: from! }),
        );
        expect(mergeComparisons(parts)).toEqual(compareLayers(trained, chip));
      }),
    );
  });

  it("refuses parts with other layers or other shapes", () => {
    const compared = (name: string, shape: number[]) => {
      const run = [trace(name, shape, [0, 0])];
      return compareLayers(run, run);
    };
    expect(() => mergeComparisons([compared("a", [1, 1, 2]), compared("b", [1, 1, 2])])).toThrow(/layers a, got b/);
    expect(() => mergeComparisons([compared("a", [1, 1, 2]), compared("a", [2, 1, 1])])).toThrow(/layer "a"/);
  });

  it("is empty for no parts", () => {
    expect(mergeComparisons([])).toEqual([]);
  });
});
