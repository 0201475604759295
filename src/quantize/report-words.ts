/** The words in which every report tells of a quantization: its stages, and what was lost in a layer. Lays out nothing. */
import type { QuantizationReport } from "./report.ts";
import type { QuantizedLayer } from "./study.ts";

/** Test accuracies (0 to 1) from the trained network to the fine-tuned one; stages that were not measured are left out. */
export function accuracyStages({ accuracy }: Pick<QuantizationReport, "accuracy">): [stage: string, share: number][] {
  const stages: [string, number | null][] = [
    ["trained, in float", accuracy.trained],
    ["in the form the chip holds, in float", accuracy.folded],
    ["quantized, before fine-tuning", accuracy.quantized],
    ["quantized, after fine-tuning", accuracy.fineTuned],
  ];
  return stages.flatMap(([stage, share]): [string, number][] => (share === null ? [] : [[stage, share]]));
}

/** What was rounded and cut off in a layer, with counts. */
export function layerLosses(layer: QuantizedLayer): string {
  const { weights, rounded, clipped, largestChange, thresholdCut, biases, roundedBiases, clippedBiases } = layer;
  const facts = [
    `${rounded} of ${weights} weights rounded to even steps, by at most ${short(largestChange)} steps, ${clipped} of them cut off`,
    biases > 0 ? `${roundedBiases} of ${biases} biases rounded, ${clippedBiases} of them cut off` : null,
    layer.biasCorrection > 0 ? `biases corrected by at most ${short(layer.biasCorrection)} steps` : null,
    thresholdCut > 0 ? `threshold cut by ${short(thresholdCut)} steps` : null,
  ];
  return facts.filter((fact) => fact !== null).join("; ");
}

/** How the costs were measured and what they say, a sentence each; nothing where they were not measured. */
export function costSentences({ layers, measured }: Pick<QuantizationReport, "layers" | "measured">): string[] {
  if (!measured) return [];
  const { samples, flipSamples, all } = measured;
  const sentences = [
    `Costs on ${samples} test samples (spikes: ${flipSamples}): one layer quantized, all others in float.`,
    `All layers together cost ${formatPoints(all.accuracyLost)}; ${formatSmallShare(all.outputFlips)} of the last layer's spikes differ.`,
  ];
  const [first, ...rest] = layers;
  if (!first) return sentences;
  const dearest = rest.reduce((a, b) => (outputFlips(b) > outputFlips(a) ? b : a), first);
  const most =
    outputFlips(dearest) > 0 ? `Layer ${dearest.place} changes most of them.` : "No layer alone changes any of them.";
  return [...sentences, most];
}

const outputFlips = ({ cost }: QuantizationReport["layers"][number]): number => cost?.outputFlips ?? 0;

/** A loss of accuracy: 0.0123 -> `1.23 points` */
export const formatPoints = (lost: number): string => `${(100 * lost).toFixed(2)} points`;

/** A small share in percent, with two digits that mean something. */
export const formatSmallShare = (share: number): string => `${short(100 * share)}%`;

const short = (value: number): string => `${Number(value.toPrecision(2))}`;
