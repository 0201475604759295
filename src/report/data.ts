/**
 * What a report shows, as plain data that survives JSON: `report.json` is written beside the page, and the page can be made again
 * from it. Nothing here computes or draws.
 */
import { z } from "zod";
import { nonNegativeInteger, parseWith, readJson, writeFileAtomic } from "../core/index.ts";
import { datasetFactsSchema, matrixSchema, networkFactsSchema, phaseSchema, scoreSchema } from "./schema/run.ts";
import { sampleSchema } from "./schema/sample.ts";
import { targetSchema } from "./schema/target.ts";

export const REPORT_DATA_FILE = "report.json";
export const REPORT_FILE = "report.html";

const LARGEST_REPORT_BYTES = 256 * 2 ** 20;

export const reportDataSchema = z
  .strictObject({
    format: z.literal("spikeship-report"),
    version: z.literal(1),
    title: z.string().min(1),
    /** As the caller wants it to be read; the report has no clock. */
    date: z.string(),
    /** Program and version that made the run. */
    producer: z.string(),
    /** Processor, threads and operating system, one line. */
    machine: z.string(),
    /** How long the whole run took. */
    seconds: z.number().min(0).optional(),
    seed: nonNegativeInteger,
    config: z.record(z.string(), z.unknown()),
    dataset: datasetFactsSchema,
    network: networkFactsSchema,
    training: z.array(phaseSchema),
    /** The trained network on the test split, before any chip. */
    score: scoreSchema,
    confusion: z.array(matrixSchema),
    sample: sampleSchema.nullable(),
    targets: z.array(targetSchema),
  })
  .superRefine((data, context) => {
    const refuse = (path: PropertyKey[], message: string) => context.addIssue({ code: "custom", path, message });
    const classes = data.dataset.classes.length;
    data.confusion.forEach(({ counts }, i) => {
      const square = counts.length === classes && counts.every((row) => row.length === classes);
      if (!square) refuse(["confusion", i, "counts"], `expected ${classes} rows of ${classes} counts`);
    });
    if (data.sample && data.sample.label >= classes) refuse(["sample", "label"], `there are ${classes} classes`);
    data.targets.forEach((target, i) => {
      const fitted = target.quantization?.target ?? target.id;
      if (fitted !== target.id)
        refuse(["targets", i, "quantization", "target"], `"${fitted}" in a page on "${target.id}"`);
      if (target.sample === null) return;
      const fits = [target.sample.rates.trained, target.sample.rates.chip].every((rates) => rates.length === classes);
      if (!fits) refuse(["targets", i, "sample", "rates"], `expected ${classes} rates on each side`);
    });
  });
export type ReportData = z.infer<typeof reportDataSchema>;

/** Checks data of any origin. @throws OPTION naming the field. */
export function parseReportData(value: unknown, where = "report data"): ReportData {
  return parseWith(reportDataSchema, value, where);
}

/** Writes `report.json`. @throws WRITE, and OPTION when the data is not valid. */
export function writeReportData(path: string, data: ReportData): void {
  writeFileAtomic(path, `${JSON.stringify(parseReportData(data))}\n`);
}

/** Reads `report.json`. @throws FILE when it is missing, no JSON, or not the data of a report. */
export function readReportData(path: string): ReportData {
  return readJson(path, { maxBytes: LARGEST_REPORT_BYTES }, reportDataSchema);
}
