/** Trained networks and recordings of other programs, where they lie beside the project: Lava DL's own files, and a run on the chip. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readNpy } from "../../../src/data/npy.ts";
import { recordStates } from "../../../src/exporters/lava/emulation/record-states.ts";
import { simulateReference } from "../../../src/exporters/lava/emulation/simulate-reference.ts";
import type { SimulationOptions } from "../../../src/exporters/lava/emulation/simulation.ts";
import { type NetFile, netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { checkNet } from "../../../src/exporters/lava/rules.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import { encodeNet, writeNet } from "../../../src/exporters/lava/write.ts";
import { PROJECT_ROOT } from "../../fixture.ts";

const folder = join(PROJECT_ROOT, "..", "shared", "interop");
const missing = existsSync(folder) ? null : `${folder} is not there: files of other programs were not tried`;
if (missing) console.log(missing);

let scratch = "";
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), "interop-"));
});
afterAll(() => rmSync(scratch, { recursive: true }));

/** Recorded with Lava's fixed-point simulation; the input is `[T, ...]`. */
const runs: { file: string; output: string; options: SimulationOptions }[] = [
  { file: "tiny", output: "tiny_output", options: { resetInterval: 64 } },
  { file: "oxford", output: "oxford_output", options: {} },
  { file: "mnist_dense", output: "mnist_dense_output", options: {} },
  { file: "pilotnet_lif", output: "pilotnet_lif_output", options: { numLayers: 6, resetInterval: 64 } },
  { file: "pilotnet_sdnn", output: "pilotnet_sdnn_output_raw", options: { holdInput: true, record: "raw" } },
];

const place = (name: string) => join(folder, "lava-dl", name);

describe.skipIf(missing)("networks trained with Lava DL", () => {
  it.each(runs)("$file gives the recorded output", async ({ file, output, options }) => {
    const net = await readNet(place(`${file}.net`));
    const input = readNpy(place(`${file}_input.npy`));
    const expected = readNpy(place(`${output}.npy`));
    const shape = [input.shape[0]!, 1, ...input.shape.slice(1)];
    const result = simulate(net, { shape, data: Float64Array.from(input.data) }, options);
    expect([result.output.shape[0], ...result.output.shape.slice(2)]).toEqual(expected.shape);
    expect(Array.from(result.output.data)).toEqual(Array.from(expected.data));
    expect(Array.from(expected.data)).not.toEqual(new Array(expected.data.length).fill(0));
  });

  it.each(runs.map(({ file }) => file))(
    "%s has no finding that keeps it from running, and stays itself when it is written",
    async (file) => {
      const net = await readNet(place(`${file}.net`));
      expect(checkNet(net).filter(({ severity }) => severity === "error")).toEqual([]);
      const copy = join(scratch, `${file}.net`);
      await writeNet(net, copy);
      const back = await readNet(copy);
      expect(back).toEqual(net);
      expect(Buffer.compare(await encodeNet(back), readFileSync(copy))).toBe(0);
    },
  );
});

/** The neuron of the recording: one synapse of weight 10, no current memory, a slow leak. */
const recorded: NetFile = {
  simulation: null,
  layers: [
    { type: "input", shape: [1], weight: null, bias: null, neuron: null, extras: {} },
    {
      type: "dense",
      shape: [1],
      weight: netArray([1, 1], [10]),
      imaginary: null,
      bias: null,
      delay: null,
      neuron: { type: "CUBA", iDecay: scalar(4096), vDecay: scalar(163), vThMant: 25, extras: {} },
      extras: {},
    },
  ],
};

/** Rows of input, voltage and spike. */
function recordedRows(name: string): [input: number, voltage: number, spike: number][] {
  const lines = readFileSync(join(folder, "nir", name), "utf8")
    .trim()
    .split("\n");
  const rows = lines.map((line) => line.split(",").map(Number)).filter((row) => row.every(Number.isFinite));
  return rows.map((row) => [row[0]!, row[1]!, row.at(-1)!]);
}

describe.skipIf(missing)("a neuron recorded on Loihi 2", () => {
  it.each([
    ["the plain simulator", simulateReference],
    ["the simulator on the native core", simulate],
  ])("fires in the same steps in %s", (_, run) => {
    const rows = recordedRows("lif_lava_loihi_fixed.csv");
    const input = rows.map(([spike]) => spike);
    const { output } = run(recorded, { shape: [rows.length, 1, 1], data: input }, { record: "raw" });
    const expected = rows.map(([, , spike]) => spike);
    expect(Array.from(output.data.slice(0, rows.length))).toEqual(expected);
    expect(expected).toContain(1);
  });

  // where it fires the chip shows the voltage after its reset
  it.each(["lif_lava_loihi_fixed.csv", "lif_lava_cpu_fixed.csv"])(
    "has the voltages of %s wherever it does not fire",
    (name) => {
      const rows = recordedRows(name);
      const input = { shape: [rows.length, 1, 1], data: rows.map(([spike]) => spike) };
      const [layer] = recordStates(recorded, input, { record: "raw" }, [1]);
      const voltages = rows.map(([, voltage, spike], step) => (spike === 0 ? voltage : layer!.states.voltage![step]!));
      expect(Array.from(layer!.states.voltage!.slice(0, rows.length))).toEqual(voltages);
    },
  );
});
