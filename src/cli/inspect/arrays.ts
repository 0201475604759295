/** What files of one array hold: NumPy's .npy, and IDX as MNIST comes in. */
import { formatShape, type Shape } from "../../core/index.ts";
import { readIdx, readNpy } from "../../data/index.ts";
import type { FileInspection } from "../../exporters/index.ts";

interface Numbers {
  count: number;
  /** Of the finite numbers; null when there are none. */
  min: number | null;
  max: number | null;
  mean: number | null;
  nonzero: number;
  nonFinite: number;
}

export function inspectNpy(path: string): FileInspection {
  const { dtype, shape, data } = readNpy(path);
  return inspection("NumPy array (.npy)", dtype, shape, statistics(data));
}

export function inspectIdx(path: string): FileInspection {
  const { shape, data } = readIdx(path);
  const numbers = statistics(data);
  if (shape.length !== 1) return inspection("IDX images", "uint8", shape, numbers);
  const counts = classCounts(data);
  const described = inspection("IDX labels", "uint8", shape, numbers);
  return {
    ...described,
    facts: { ...described.facts, classes: counts },
    tables: [
      {
        title: "Labels",
        header: ["class", "samples"],
        rows: Object.entries(counts).map(([label, count]) => [label, `${count}`]),
      },
    ],
  };
}

function inspection(format: string, dtype: string, shape: Shape, numbers: Numbers): FileInspection {
  const { count, min, max, mean, nonzero, nonFinite } = numbers;
  return {
    format,
    facts: { dtype, shape, ...numbers },
    about: [
      ["shape", `${formatShape(shape)} ${dtype}`],
      ["range", min === null ? "no finite numbers" : `${min} to ${max}, mean ${mean!.toPrecision(6)}`],
      ["not zero", `${nonzero} of ${count}`],
      ...(nonFinite > 0 ? [["not finite", `${nonFinite} numbers`] as [string, string]] : []),
    ],
    tables: [],
  };
}

function statistics(data: ArrayLike<number>): Numbers {
  let [min, max, sum, nonzero, finite] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (value !== 0) nonzero++;
    if (!Number.isFinite(value)) continue;
    finite++;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const some = finite > 0;
  return {
    count: data.length,
    min: some ? min : null,
    max: some ? max : null,
    mean: some ? sum / finite : null,
    nonzero,
    nonFinite: data.length - finite,
  };
}

function classCounts(labels: Uint8Array): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}
