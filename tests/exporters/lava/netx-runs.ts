/** Recorded runs of Lava's own loader (`lava_blocks.h5`): arguments and input of each, and how many numbers differ from it. */
import { expect } from "vitest";
import type { SimulationInput, SimulationOptions } from "../../../src/exporters/lava/emulation/simulation.ts";
import type { ReferenceFile, StoredArray } from "../../h5.ts";

/** Names of the cases that have one. */
export function recordedCases(file: ReferenceFile): string[] {
  return file.keys("").filter((name) => file.has(`${name}/netx_out`));
}

interface NetxArguments {
  reset_interval?: number;
  reset_offset?: number;
}

/** The loader's arguments of a recorded run. */
export function optionsOf(file: ReferenceFile, name: string): SimulationOptions {
  const stored = file.attribute(name, "netx_args");
  const args: NetxArguments = stored === undefined ? {} : JSON.parse(String(stored));
  return {
    record: "raw",
    holdInput: file.has(`${name}/netx_input`),
    ...(args.reset_interval === undefined ? {} : { resetInterval: args.reset_interval }),
    ...(args.reset_offset === undefined ? {} : { resetOffset: args.reset_offset }),
  };
}

/** Sample 0 of the recorded input as `[T, 1, ...]`. */
export function inputOf(file: ReferenceFile, name: string): SimulationInput {
  if (file.has(`${name}/netx_input`)) {
    const { data, shape } = file.array(`${name}/netx_input`);
    return { data: Int32Array.from(data), shape: [shape[0]!, 1, ...shape.slice(1)] };
  }
  const { data, shape } = file.array(`${name}/x`);
  const [steps = 0, samples = 0, ...frame] = shape;
  const size = frame.reduce((product, axis) => product * axis, 1);
  const first = Array.from({ length: steps }, (_, t) => [...data.slice(t * samples * size, (t * samples + 1) * size)]);
  return { data: Int32Array.from(first.flat()), shape: [steps, 1, ...frame] };
}

export function mismatches(got: Int32Array, expected: StoredArray): number {
  expect(got.length).toBe(expected.data.length);
  return got.reduce((count, value, i) => count + (value === expected.data[i] ? 0 : 1), 0);
}
