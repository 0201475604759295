/** NumPy files of a simulation: what goes in, and what comes out in the smallest type that holds it. */
import { fail } from "../../core/index.ts";
import { readNpy, writeNpy } from "../../data/index.ts";
import type { ArrangedTrace, NumberArray } from "../../exporters/index.ts";

/** @throws VALUE for what is not finite: no chip knows such numbers. */
export function readInput(path: string): NumberArray {
  const { shape, data } = readNpy(path);
  const unfit = data.findIndex((value) => !Number.isFinite(value));
  if (unfit >= 0) {
    fail("VALUE", { where: `${path}: element ${unfit}`, expected: "finite numbers", got: `${data[unfit]}` });
  }
  return { shape, data: Float32Array.from(data) };
}

/** Spikes and other whole numbers. */
export function writeWhole(path: string, { shape, data }: ArrangedTrace): void {
  if (data.every((value) => value >= 0 && value <= 255)) {
    writeNpy(path, { dtype: "uint8", shape, data: Uint8Array.from(data) });
  } else writeNpy(path, { dtype: "int32", shape, data: Int32Array.from(data) });
}

export function writeRates(path: string, { shape, data }: NumberArray): void {
  writeNpy(path, { dtype: "float32", shape, data });
}
