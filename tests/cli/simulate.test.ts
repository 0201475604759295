/** `spikeship simulate` on .net files: the loader's arguments, recordings, and one neuron step by step. */
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../src/data/npy.ts";
import { recordStates } from "../../src/exporters/lava/emulation/record-states.ts";
import type { SimulationOptions } from "../../src/exporters/lava/emulation/simulation.ts";
import { type NetFile, netArray, scalar } from "../../src/exporters/lava/net/net-file.ts";
import { simulate } from "../../src/exporters/lava/simulate.ts";
import { writeNet } from "../../src/exporters/lava/write.ts";
import { temporaryFolder } from "../error-of.ts";
import { cuba, dense, denseFile, sigmaDelta } from "../exporters/lava/small-nets.ts";
import { spikeship, spikeshipJson } from "./program.ts";

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);

const biased: NetFile = {
  simulation: null,
  layers: [
    denseFile().layers[0]!,
    {
      ...dense,
      weight: netArray([2, 2], [60, -20, 40, 50]),
      bias: netArray([2], [30, -2]),
      neuron: { ...cuba, iDecay: scalar(1024), vDecay: scalar(512), vThMant: 100 },
    },
    { ...dense, weight: netArray([2, 2], [120, 20, -60, 90]) },
  ],
};
const summing = denseFile({ neuron: { ...sigmaDelta, vThMant: 1 } });
const STEPS = 10;
const input = { shape: [STEPS, 1, 2], data: Int32Array.from({ length: 2 * STEPS }, (_, i) => (i % 3 === 0 ? 0 : 1)) };

beforeAll(async () => {
  await writeNet(biased, at("biased.net"));
  await writeNet(summing, at("summing.net"));
  writeNpy(at("spikes.npy"), { dtype: "uint8", shape: [STEPS, 2], data: Uint8Array.from(input.data) });
  writeNpy(at("payloads.npy"), { dtype: "int32", shape: [STEPS, 2], data: input.data.map((value) => 3 * value) });
});

const run = (file: string, spikes: string, ...rest: string[]) =>
  spikeshipJson(["simulate", at(file), "--input", at(spikes), "--output", at("out.npy"), "--quiet", ...rest]);

/** What the simulator gives, as the command writes it. */
const expected = (net: NetFile, options: SimulationOptions, data = input.data): number[] => [
  ...simulate(net, { ...input, data }, options).output.data,
];
const written = () => [...readNpy(at("out.npy")).data];

describe("the loader's arguments", () => {
  it("reset by default so that the sample begins after a reset, or as it is said", async () => {
    await run("biased.net", "spikes.npy");
    expect(written()).toEqual(expected(biased, { resetInterval: 16 }));
    await run("biased.net", "spikes.npy", "--reset-interval", "4", "--reset-offset", "2");
    expect(written()).toEqual(expected(biased, { resetInterval: 4, resetOffset: 2 }));
    await run("biased.net", "spikes.npy", "--reset-interval", "none");
    expect(written()).toEqual(expected(biased, {}));
    expect(expected(biased, {})).not.toEqual(expected(biased, { resetInterval: 16 }));
  });

  it("cut the network, widen messages and move the point of sigma-delta messages", async () => {
    await run("biased.net", "spikes.npy", "--num-layers", "2");
    expect(written()).toEqual(expected(biased, { numLayers: 2, resetInterval: 16 }));
    const payloads = input.data.map((value) => 3 * value);
    await run("biased.net", "payloads.npy", "--input-message-bits", "8");
    expect(written()).toEqual(expected(biased, { inputMessageBits: 8, resetInterval: 16 }, payloads));
    await run("summing.net", "payloads.npy", "--input-message-bits", "8", "--spike-exp", "0");
    expect(written()).toEqual(expected(summing, { inputMessageBits: 8, spikeExp: 0 }, payloads));
  });

  it("are refused when they mean nothing, also to another chip's file", async () => {
    const wrong: [string, string[], RegExp][] = [
      ["biased.net", ["--reset-interval", "never"], /--reset-interval: expected a whole number from 1, got "never"/],
      ["biased.net", ["--spike-exp", "40"], /spikeExp: expected .*12/],
      ["graph.onnx", ["--num-layers", "2"], /got "numLayers"/],
      ["biased.net", ["--num-layers", "99"], /numLayers: expected 1 to \d+, the layers of the file, got 99/],
      [
        "biased.net",
        ["--input-shape", "7,1,1"],
        /inputShape: expected \[.*\], which the file's input layer says, got \[7,1,1\]/,
      ],
    ];
    for (const [file, args, message] of wrong) {
      const { code, err } = await spikeship(["simulate", at(file), "-i", at("spikes.npy"), "-o", at("o.npy"), ...args]);
      expect(code).not.toBe(0);
      expect(err).toMatch(message);
    }
  });
});

describe("a recording", () => {
  it("holds spikes, currents and voltages of the chosen layers", async () => {
    const record = ["--record", "currents,voltages,spikes", "--record-to", at("inside"), "--layers", "2"];
    const { layers } = (await run("biased.net", "spikes.npy", ...record)) as { layers: { path: string }[] };
    const [recorded] = recordStates(biased, input, { resetInterval: 16 }, [2]);
    const files = { "layer2.npy": "spikes", "layer2.current.npy": "current", "layer2.voltage.npy": "voltage" };
    expect(layers.map(({ path }) => path)).toEqual(Object.keys(files).map((name) => join(at("inside"), name)));
    for (const [name, what] of Object.entries(files)) {
      const { shape, data } = readNpy(join(at("inside"), name));
      expect(shape).toEqual([STEPS, 2]);
      const values = what === "spikes" ? recorded!.spikes : recorded!.states[what]!;
      expect([...data], name).toEqual([...values]);
    }
  });

  it("is refused without a place, of unknown things and of layers that are not there", async () => {
    const wrong: [string[], RegExp][] = [
      [["--record", "spikes"], /--record: expected --record and --record-to together/],
      [
        ["--record", "volts", "--record-to", at("x")],
        /--record: expected some of currents,voltages,spikes, got "volts"/,
      ],
      [["--record", "voltages", "--record-to", at("x"), "--layers", "7"], /expected one with neurons: 1, 2, got 7/],
      [
        ["--record", "spikes", "--record-to", at("x"), "--layers", "conv"],
        /expected some of layer1, layer2, got "conv"/,
      ],
      [["--layers", "1"], /--layers: expected --record or --step with it/],
    ];
    for (const [args, message] of wrong) {
      const { code, err } = await spikeship([
        ...["simulate", at("biased.net"), "-i", at("spikes.npy"), "-o", at("o.npy"), "-q"],
        ...args,
      ]);
      expect(code).not.toBe(0);
      expect(err).toMatch(message);
    }
  });
});

describe("a neuron that is followed", () => {
  const follow = (...args: string[]) =>
    spikeship(["simulate", at("biased.net"), "-i", at("spikes.npy"), "--step", ...args]);

  it("is printed step by step where nobody can press Enter", async () => {
    const { code, out } = await follow("--layers", "1", "--neuron", "1");
    expect(code).toBe(0);
    expect(out).toContain("layer 1, neuron 1 of 2, sample 0 of 1");
    expect(out).toMatch(/step +a +u before +u decayed +u +v before +v decayed +v +v > threshold +spike +v after/);
    const lines = out.split("\n").filter((line) => /^ +\d+ +-?\d+ /.test(line));
    expect(lines).toHaveLength(STEPS);
    expect(out).toMatch(/fires/);
  });

  it("is given as JSON to programs", async () => {
    const { out } = await follow("--layers", "2", "--json", "--scale", "32");
    expect(JSON.parse(out)).toMatchObject({ header: expect.arrayContaining(["u decayed"]) });
  });

  it("must be one neuron of one layer", async () => {
    for (const args of [[], ["--layers", "1,2"], ["--layers", "1", "--neuron", "9"]]) {
      const { code, err } = await follow(...args);
      expect(code).not.toBe(0);
      expect(err).toMatch(/--step: expected --layers with one layer|neuron: expected 0 to 1, got 9/);
    }
  });
});
