/** Reading `.net` files: the stored ones, hand-made odd ones, and every kind of damage. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { File, type Group, ready } from "h5wasm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SpikeshipError } from "../../../src/core/index.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { fixture } from "../../fixture.ts";
import { Numbers } from "./random-net.ts";

const nets = dirname(fixture("lava_nets", "dense_if.net"));
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "net-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A file made by hand: a dense layer 2 to 3, then whatever `change` does to its group (or to the file). */
async function handmade(name: string, change: (layer: Group, file: File) => void): Promise<string> {
  const library = await ready;
  const file = new File("/handmade.h5", "w");
  const layer = file.create_group("layer").create_group("0");
  layer.create_dataset({ name: "type", data: ["dense"], shape: [1], dtype: "A10" });
  change(layer, file);
  file.close();
  const path = join(folder, name);
  writeFileSync(path, library.FS.readFile("/handmade.h5"));
  library.FS.unlink("/handmade.h5");
  return path;
}

type Values = Record<string, number | readonly number[] | string>;

/** Adds members to a group; lists of numbers are float32, single numbers int32. */
function put(group: Group, values: Values, shapes: Record<string, number[]> = {}): void {
  for (const [name, value] of Object.entries(values)) {
    const shape = shapes[name];
    if (typeof value === "object")
      group.create_dataset({ name, data: Float32Array.from(value), shape: shape ?? [value.length] });
    else group.create_dataset({ name, data: value, shape: [] });
  }
}

const neuron = (layer: Group, values: Values = {}) =>
  put(layer.create_group("neuron"), { type: "CUBA", iDecay: 4096, vDecay: 0, vThMant: 64, ...values });
const dense: Values = { shape: [3], inFeatures: 2, outFeatures: 3, weight: [1, 2, 3, 4, 5, 6] };

/** The dense layer with some members replaced or, with null, left out. */
function denseWith(
  changes: Record<string, Values[string] | null>,
  shapes: Record<string, number[]> = { weight: [3, 2] },
) {
  const merged = Object.entries({ ...dense, ...changes }).filter(
    (entry): entry is [string, Values[string]] => entry[1] !== null,
  );
  return (layer: Group) => {
    put(layer, Object.fromEntries(merged), shapes);
    neuron(layer);
  };
}

describe("a stored file", () => {
  it.each(readdirSync(nets).filter((name) => name.endsWith(".net")))("%s is read", async (name) => {
    const net = await readNet(join(nets, name));
    expect(net.layers.length).toBeGreaterThan(0);
    for (const layer of net.layers) expect(layer.type).toMatch(/^\w+$/);
  });
});

describe("an unusual file", () => {
  it("may store dense weights as a list", async () => {
    const { layers } = await readNet(await handmade("list.net", denseWith({}, { weight: [6] })));
    expect(layers[0]).toMatchObject({ type: "dense", weight: { shape: [3, 2] } });
  });

  it("may store a shape as [N,1,1], sizes as arrays of one, and leave out what Lava does not read", async () => {
    const change = denseWith({ shape: [3, 1, 1], inFeatures: [2], outFeatures: null });
    expect((await readNet(await handmade("old.net", change))).layers[0]).toMatchObject({ shape: [3, 1, 1] });
  });

  it("may store convolution weights with a fifth axis and one number for both axes", async () => {
    const path = await handmade("conv.net", (layer, file) => {
      const conv = (file.get("layer") as Group).create_group("1");
      denseWith({})(layer);
      conv.create_dataset({ name: "type", data: "conv" });
      put(
        conv,
        { shape: [1, 2, 2], stride: 1, padding: 0, dilation: 1, groups: 1, weight: [1, 2, 3, 4] },
        { weight: [1, 1, 2, 2, 1] },
      );
      neuron(conv);
    });
    expect((await readNet(path)).layers[1]).toMatchObject({
      weight: { shape: [1, 1, 2, 2] },
      stride: [1, 1],
      padding: [0, 0],
    });
  });

  it("may have one decay for each neuron, and members that nobody knows", async () => {
    const path = await handmade("decays.net", (layer) => {
      put(layer, dense, { weight: [3, 2] });
      neuron(layer, { iDecay: [1, 2, 3], colour: "blue" });
    });
    const [layer] = (await readNet(path)).layers;
    expect(layer).toMatchObject({ neuron: { iDecay: { shape: [3] }, extras: { colour: "blue" } } });
  });

  it("may hold more beside the layers, which is remembered by its place", async () => {
    const path = await handmade("strangers.net", (layer, file) => {
      denseWith({})(layer);
      file.create_group("layers");
      put(file.create_group("simulation"), { Ts: 1, tSample: 30, nSample: 4 });
    });
    expect(await readNet(path)).toMatchObject({
      simulation: { ts: 1, tSample: 30 },
      strangers: ["/layers", "/simulation/nSample"],
    });
  });

  it("may hold complex weights", async () => {
    const path = await handmade("complex.net", (layer) => {
      put(layer, { shape: [3], inFeatures: 2, outFeatures: 3 });
      const weight = layer.create_group("weight");
      put(weight, { real: [1, 2, 3, 4, 5, 6], imag: [6, 5, 4, 3, 2, 1] }, { real: [3, 2], imag: [3, 2] });
      put(layer.create_group("neuron"), { type: "RF_PHASE", sinDecay: 10, cosDecay: 4000, vThMant: 64 });
    });
    expect((await readNet(path)).layers[0]).toMatchObject({
      imaginary: { shape: [3, 2] },
      neuron: { type: "RF_PHASE" },
    });
  });
});

/** The dense layer without weights, and something else in their place. */
const insteadOfWeights = (add: (layer: Group) => void) => (layer: Group) => {
  denseWith({ weight: null })(layer);
  add(layer);
};
/** The dense layer with another neuron. */
const withNeuron = (values: Values) => (layer: Group) => {
  put(layer, dense, { weight: [3, 2] });
  neuron(layer, values);
};
/** A second member beside layer 0. */
const besides = (name: string) => (layer: Group, file: File) => {
  denseWith({})(layer);
  (file.get("layer") as Group).create_group(name);
};

describe("a wrong file is refused with its place", () => {
  const wrong: [string, (layer: Group, file: File) => void, RegExp][] = [
    ["no weights", denseWith({ weight: null }), /no-weights\.net: \/layer\/0\/weight: expected a dataset, got none/],
    [
      "weights of another size",
      denseWith({ weight: [1, 2, 3, 4] }, { weight: [2, 2] }),
      /\/layer\/0\/weight: expected weights \[3, I\], got \[2,2\]/,
    ],
    [
      "inFeatures that disagree",
      denseWith({ inFeatures: 5 }),
      /\/layer\/0\/inFeatures: expected 2 as weight has it, got 5/,
    ],
    ["a negative shape", denseWith({ shape: [-3] }), /\/layer\/0\/shape: expected sizes from 1, got -3/],
    ["a shape with fractions", denseWith({ shape: [3.5] }), /\/layer\/0\/shape: expected whole numbers, got 3.5/],
    [
      "a weight that is no number",
      denseWith({ weight: [1, 2, Number.NaN, 4, 5, 6] }),
      /\/layer\/0\/weight: expected finite numbers, got NaN at index 2/,
    ],
    [
      "an infinite bias",
      denseWith({ bias: [1, 2, Number.POSITIVE_INFINITY] }),
      /\/layer\/0\/bias: expected finite numbers/,
    ],
    ["biases of another number", denseWith({ bias: [1, 2] }), /\/layer\/0\/bias: expected 1 or 3 numbers/],
    ["a negative delay", denseWith({ delay: [0, -1, 2] }), /\/layer\/0\/delay: expected steps from 0, got -1/],
    ["weights as text", denseWith({ weight: "heavy" }), /\/layer\/0\/weight: expected numbers, got the text "heavy"/],
    ["a threshold list", withNeuron({ vThMant: [1, 2] }), /vThMant: expected one number, got shape \[2\]/],
    ["an unknown neuron", withNeuron({ type: "CUBE" }), /neuron\/type: .*got "CUBE"\. Did you mean "CUBA"\?/],
    ["a decay with fractions", withNeuron({ iDecay: [0.5] }), /neuron\/iDecay: expected whole numbers, got 0.5/],
    [
      "a soft link",
      insteadOfWeights((layer) => layer.create_soft_link("/layer/0/shape", "weight")),
      /\/weight: expected a dataset, got a soft link/,
    ],
    [
      "a link to another file",
      insteadOfWeights((layer) => layer.create_external_link("o.h5", "/w", "weight")),
      /\/weight: expected a dataset, got a link to another file/,
    ],
    [
      "a group without real weights",
      insteadOfWeights((layer) => layer.create_group("weight")),
      /\/weight\/real: expected a dataset, got none/,
    ],
    ["a gap in the layers", besides("2"), /\/layer\/1: expected layers 0 to 1 without a gap, got no 1, but "2"/],
    ["a name that is no number", besides("first"), /got no 1, but "first"/],
  ];
  it.each(wrong)("%s", async (name, change, message) => {
    const path = await handmade(`${name.replaceAll(" ", "-")}.net`, change);
    await expect(readNet(path)).rejects.toThrow(message);
    await expect(readNet(path)).rejects.toMatchObject({ code: "FILE" });
  });

  it("an unknown layer type, which Lava's loader would drop without a word", async () => {
    const library = await ready;
    const file = new File("/unknown.h5", "w");
    file.create_group("layer").create_group("0").create_dataset({ name: "type", data: "dens" });
    file.close();
    writeFileSync(join(folder, "unknown.net"), library.FS.readFile("/unknown.h5"));
    library.FS.unlink("/unknown.h5");
    await expect(readNet(join(folder, "unknown.net"))).rejects.toThrow(
      /\/layer\/0\/type: .*got "dens"\. Did you mean "dense"\?/,
    );
  });

  it("no layers, no HDF5, no file", async () => {
    const library = await ready;
    new File("/empty.h5", "w").close();
    writeFileSync(join(folder, "empty.net"), library.FS.readFile("/empty.h5"));
    library.FS.unlink("/empty.h5");
    writeFileSync(join(folder, "text.net"), "no network");
    await expect(readNet(join(folder, "empty.net"))).rejects.toThrow(
      /empty\.net: \/layer: expected the group of all layers, got none/,
    );
    await expect(readNet(join(folder, "text.net"))).rejects.toThrow(/text\.net: expected an HDF5 file/);
    await expect(readNet(join(folder, "none.net"))).rejects.toThrow(/none\.net: expected a readable file/);
  });
});

/** Each file is read in a thread of its own, and one in a hundred sends the library into a loop that is given up after some seconds. */
const DAMAGE_TIMEOUT = 400_000;

/** Files with flipped bytes per seed: SPIKESHIP_DAMAGED_FILES=200 asks for many. */
const ROUNDS = Number(process.env.SPIKESHIP_DAMAGED_FILES ?? 15);

describe("a damaged file", { timeout: DAMAGE_TIMEOUT }, () => {
  const path = () => join(folder, "damaged.net");
  const stored = readdirSync(nets).filter((name) => name.endsWith(".net"));

  /** Reads it, or fails with one clear error; anything else fails the test. */
  async function survives(bytes: Uint8Array): Promise<"read" | "refused"> {
    writeFileSync(path(), bytes);
    try {
      await readNet(path());
      return "read";
    } catch (error) {
      expect(error).toBeInstanceOf(SpikeshipError);
      expect((error as SpikeshipError).code).toBe("FILE");
      expect((error as SpikeshipError).message).toContain("damaged.net");
      return "refused";
    }
  }

  it("that was cut anywhere is refused, or holds all that is read", async () => {
    const whole = readFileSync(join(nets, stored[0]!));
    let refused = 0;
    for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 30)) {
      refused += (await survives(whole.subarray(0, length))) === "refused" ? 1 : 0;
    }
    expect(refused).toBeGreaterThan(15);
  });

  it.each([1, 2, 3])(
    "with flipped bytes is read or refused, and the next file is read as ever (seed %i)",
    async (seed) => {
      const numbers = new Numbers(seed);
      const intact = join(nets, numbers.pick(stored));
      const expected = await readNet(intact);
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = new Uint8Array(readFileSync(join(nets, numbers.pick(stored))));
        // most of the structure stands in the first kilobytes
        const reach = numbers.chance(0.7) ? Math.min(4000, bytes.length) : bytes.length;
        for (let flips = numbers.between(1, 6); flips > 0; flips--)
          bytes[numbers.between(8, reach - 1)] = numbers.between(0, 255);
        await survives(bytes);
      }
      expect(await readNet(intact)).toEqual(expected);
    },
  );
});
