/** `verdict.json`: what was compared (by hash), with which result. Contains no time and no path outside its folder, so equal runs give equal bytes. */
import { z } from "zod";
import { parseWith, readJson, writeFileAtomic } from "../core/index.ts";
import { findingSchema, type NumberReport, type TargetContract } from "../exporters/index.ts";
import { type Comparison, judge } from "./judge.ts";
import {
  contractSchema,
  layerComparisonSchema,
  numberReportSchema,
  runComparisonSchema,
  verdictSchema,
} from "./schema.ts";

export const VERDICT_FILE = "verdict.json";

/** Far above the size of any verdict: a few hundred bytes for each layer. */
const LARGEST_VERDICT_BYTES = 64 * 2 ** 20;

const hash = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits (SHA-256)");

const comparisonSchema = z.strictObject({
  title: z.string().describe("what was held against what"),
  contract: contractSchema,
  verdict: verdictSchema,
  layers: z.array(layerComparisonSchema),
  predictions: runComparisonSchema,
  events: z.array(findingSchema),
});
export type JudgedComparison = z.infer<typeof comparisonSchema>;

export const verdictDocumentSchema = z
  .strictObject({
    format: z.literal("spikeship-verdict"),
    version: z.literal(1),
    target: z.string().describe("id of the target"),
    file: z.string().describe("the chip's file, relative to the verdict"),
    hashes: z.strictObject({
      network: hash.describe("the prepared network's checkpoint"),
      file: hash.describe("the chip's file"),
      input: hash.describe("the samples both sides ran on"),
    }),
    passed: z.boolean(),
    comparisons: z.array(comparisonSchema).min(1),
    numbers: numberReportSchema.optional().describe("what the numbers behind the spikes did on the first samples"),
  })
  .refine((document) => document.passed === document.comparisons.every((comparison) => comparison.verdict.passed), {
    message: "`passed` must say what the comparisons say",
    path: ["passed"],
  });
export type VerdictDocument = z.infer<typeof verdictDocumentSchema>;

/** Judges one comparison and keeps all that the judgement rests on. */
export function judged(title: string, contract: TargetContract, comparison: Comparison): JudgedComparison {
  const { layers, predictions, events = [] } = comparison;
  return { title, contract, verdict: judge(contract, comparison), layers, predictions, events };
}

/** The document of one or more comparisons of one file. It passes when each of them does. */
export function verdictDocument(facts: {
  target: string;
  file: string;
  hashes: VerdictDocument["hashes"];
  comparisons: JudgedComparison[];
  numbers?: NumberReport;
}): VerdictDocument {
  const passed = facts.comparisons.every((comparison) => comparison.verdict.passed);
  return parseWith(verdictDocumentSchema, { format: "spikeship-verdict", version: 1, passed, ...facts }, "verdict");
}

/** @throws WRITE */
export function writeVerdict(path: string, verdict: VerdictDocument): void {
  writeFileAtomic(path, `${JSON.stringify(verdict, null, 2)}\n`);
}

/** @throws FILE when it is missing, no JSON, or no verdict of this version. */
export function readVerdict(path: string): VerdictDocument {
  return readJson(path, { maxBytes: LARGEST_VERDICT_BYTES, hint: "Verify again." }, verdictDocumentSchema);
}
