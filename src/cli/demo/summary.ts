/** `summary.json`: the few numbers that other programs read. Its fields are fixed. */
import { join } from "node:path";
import type { JudgedComparison } from "../../verify/index.ts";
import type { PathResult, TargetResult } from "./path.ts";

export const SUMMARY_FILE = "summary.json";

export interface Summary {
  seconds: number;
  float: { testAccuracy: number };
  loihi?: { preparedAccuracy: number; simulatedAccuracy: number; mismatchedSpikes: number; file: string };
  lynxi?: {
    float32Agreement: number;
    float16Accuracy: number;
    predictionAgreement: number;
    flipRates: Record<string, number>;
    file: string;
  };
  report: string;
}

export function summaryOf(result: PathResult, facts: { seconds: number; directory: string; report: string }): Summary {
  const target = (id: string) => result.targets.find((candidate) => candidate.target.id === id);
  const loihi = target("loihi");
  const lynxi = target("lynxi");
  return {
    seconds: Math.round(facts.seconds * 10) / 10,
    float: { testAccuracy: result.float.accuracy },
    ...(loihi ? { loihi: loihiSummary(loihi, facts.directory) } : {}),
    ...(lynxi ? { lynxi: lynxiSummary(lynxi, facts.directory) } : {}),
    report: facts.report,
  };
}

function loihiSummary({ proof, artefact, target }: TargetResult, directory: string): NonNullable<Summary["loihi"]> {
  const [exact] = proof.verdict.comparisons as [JudgedComparison];
  return {
    preparedAccuracy: exact.predictions.trainedAccuracy,
    simulatedAccuracy: exact.predictions.chipAccuracy,
    mismatchedSpikes: exact.layers.reduce((sum, layer) => sum + layer.mismatches, 0),
    file: join(directory, target.id, "export", artefact.file),
  };
}

/** The comparisons of the target, in its order: float32 graph, float16 emulation, and what float16 changes. */
function lynxiSummary({ proof, artefact, target }: TargetResult, directory: string): NonNullable<Summary["lynxi"]> {
  const [float32, float16, rounding] = proof.verdict.comparisons as [
    JudgedComparison,
    JudgedComparison,
    JudgedComparison,
  ];
  return {
    float32Agreement: float32.predictions.agreement,
    float16Accuracy: float16.predictions.chipAccuracy,
    predictionAgreement: rounding.predictions.agreement,
    flipRates: Object.fromEntries(rounding.layers.map(({ layer, flipRate }) => [layer, flipRate])),
    file: join(directory, target.id, "export", artefact.file),
  };
}
