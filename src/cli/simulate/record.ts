/** `spikeship simulate --record`: spikes and registers of layers, one NumPy file each. */
import { join } from "node:path";
import { fail, nearestName } from "../../core/index.ts";
import {
  arrangeTrace,
  type ChipInput,
  type ChipRun,
  type ChipRuntime,
  type LayerTrace,
  type RegisterKind,
} from "../../exporters/index.ts";
import { writeWhole } from "./arrays.ts";

const KINDS = ["currents", "voltages", "spikes"] as const;
export type RecordKind = (typeof KINDS)[number];

export interface Recording {
  kinds: readonly RecordKind[];
  /** Paths or numbers; all layers when absent. */
  layers: string[] | undefined;
  directory: string;
}

/** @throws OPTION with the nearest name */
export function recordKinds(text: string): RecordKind[] {
  return text.split(",").map((name) => {
    const kind = KINDS.find((known) => known === name.trim());
    if (kind) return kind;
    const near = nearestName(name, KINDS);
    return fail("OPTION", {
      where: "--record",
      expected: `some of ${KINDS.join(",")}`,
      got: `"${name}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  });
}

/** A file of spikes with their number, or of registers with their range. */
export type RecordedFile = { layer: string; path: string } & (
  | { spikes: number }
  | { register: string; smallest: number; largest: number }
);

export function describeRecorded(file: RecordedFile): string {
  const facts = "spikes" in file ? `${file.spikes} spikes` : `${file.register} ${file.smallest} to ${file.largest}`;
  return `  ${file.layer}: ${facts}  ${file.path}`;
}

/** Writes what was asked for. @throws OPTION for layers that are not there and files whose chip shows no registers. */
export function writeRecording(
  { kinds, layers, directory }: Recording,
  runtime: ChipRuntime,
  input: ChipInput,
  result: ChipRun,
  batched: boolean,
): RecordedFile[] {
  const registerKinds = kinds.filter((kind): kind is RegisterKind => kind !== "spikes");
  if (registerKinds.length > 0 && !runtime.registers) {
    fail("OPTION", {
      where: "--record",
      expected: "spikes, which is all that can be seen in this file",
      got: registerKinds.join(","),
      hint: "Currents and voltages are recorded from .net files.",
    });
  }
  const registers = registerKinds.length > 0 ? runtime.registers!(input, registerKinds, layers) : [];
  const spikes = kinds.includes("spikes") ? chosen(result.layers, layers) : [];
  return [
    ...spikes.map((trace) => {
      const path = writeTrace(trace, "", directory, batched);
      return { layer: trace.layer, spikes: countActive(trace.data), path };
    }),
    ...registers.map((trace) => {
      const path = writeTrace(trace, `.${trace.register}`, directory, batched);
      return { layer: trace.layer, register: trace.register, ...rangeOf(trace.data), path };
    }),
  ];
}

/** A layer is called by its path, or by its number where the file has no paths. */
function chosen(traces: readonly LayerTrace[], layers: string[] | undefined): LayerTrace[] {
  if (!layers) return [...traces];
  return layers.map((layer) => {
    const found = traces.find((trace) => trace.layer === layer || trace.layer === `layer${layer}`);
    if (found) return found;
    const known = traces.map((trace) => trace.layer);
    const near = nearestName(layer, known);
    return fail("OPTION", {
      where: "--layers",
      expected: `some of ${known.join(", ")}`,
      got: `"${layer}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  });
}

function writeTrace(trace: LayerTrace, ending: string, directory: string, batched: boolean): string {
  const path = join(directory, `${trace.layer.replace(/[^\w.-]/g, "_")}${ending}.npy`);
  writeWhole(path, arrangeTrace(trace, batched));
  return path;
}

function countActive(data: ArrayLike<number>): number {
  let count = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) count++;
  return count;
}

const rangeOf = (data: Int32Array): { smallest: number; largest: number } => ({
  smallest: data.reduce((a, b) => Math.min(a, b), data[0] ?? 0),
  largest: data.reduce((a, b) => Math.max(a, b), data[0] ?? 0),
});
