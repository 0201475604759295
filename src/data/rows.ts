/** Row ranges as configs write them: `"0:8000"`, `"8000:"`, `":100"`. The end is not included. */
import { z } from "zod";
import { fail } from "../core/index.ts";
import type { Split } from "./dataset.ts";

export const rowsSchema = z
  .string()
  .regex(/^\d{0,12}:\d{0,12}$/, 'rows as "first:end", for example "0:8000" (the end is not included)')
  .describe('rows of the file as "first:end"; the end is not included');

export interface RowRange {
  first: number;
  end: number;
}

/** The range a text means in a file of `count` rows. @throws OPTION when it is empty or reaches beyond the file. */
export function rowRange(where: string, text: string, count: number): RowRange {
  const [firstText = "", endText = ""] = text.split(":");
  const first = firstText === "" ? 0 : Number(firstText);
  const end = endText === "" ? count : Number(endText);
  if (first >= end || end > count) {
    fail("OPTION", { where, expected: `rows "first:end" within 0:${count}`, got: `"${text}"` });
  }
  return { first, end };
}

/** Rows of a split, without copying. */
export function sliceRows(split: Split, { first, end }: RowRange): Split {
  const pixels = split.images.length / split.count;
  return {
    images: split.images.subarray(first * pixels, end * pixels),
    levels: split.levels,
    labels: split.labels.subarray(first, end),
    count: end - first,
  };
}
