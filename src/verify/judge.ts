/** Holds a comparison against the contract of a target and says in plain sentences what was kept and what was broken. */
import type { Finding, TargetContract } from "../exporters/index.ts";
import type { Difference, LayerComparison } from "./layers.ts";
import { firstDifference } from "./merge.ts";
import { countOf, formatCount, formatShare } from "./numbers.ts";
import type { RunComparison } from "./predictions.ts";

export interface Comparison {
  layers: LayerComparison[];
  predictions: RunComparison;
  /** What happened while the file ran (saturation, wrap): an error breaks the contract, whatever the spikes say. */
  events?: Finding[];
}

export interface Check {
  /** `layer conv1`, `predictions` or the place of an event. */
  subject: string;
  passed: boolean;
  sentence: string;
}

export interface Verdict {
  passed: boolean;
  /** The contract's sentence. */
  statement: string;
  checks: Check[];
  /** True things that do not break the contract but that a reader should know. */
  notes: string[];
}

/** Every condition is checked, also after the first that is broken. A comparison of nothing does not pass. */
export function judge(contract: TargetContract, comparison: Comparison): Verdict {
  const checks = [
    ...layerChecks(contract, comparison.layers),
    predictionCheck(contract, comparison.predictions),
    ...eventChecks(comparison.events ?? []),
  ];
  return {
    passed: checks.every((check) => check.passed),
    statement: contract.statement,
    checks,
    notes: notesOn(comparison),
  };
}

function layerChecks(contract: TargetContract, layers: readonly LayerComparison[]): Check[] {
  if (layers.length === 0) {
    return [
      { subject: "layers", passed: false, sentence: "No layer was compared, so nothing is shown about the spikes." },
    ];
  }
  return layers.map((layer) => ({
    subject: `layer ${layer.layer}`,
    passed: layer.values > 0 && layer.flipRate <= contract.maxFlipRate,
    sentence: layerSentence(contract, layer),
  }));
}

function layerSentence({ maxFlipRate }: TargetContract, layer: LayerComparison): string {
  if (layer.values === 0) return "Nothing was compared.";
  if (layer.mismatches === 0) return `All ${formatCount(layer.values)} values are equal.`;
  const facts = `${formatCount(layer.mismatches)} of ${formatCount(layer.values)} values ${layer.mismatches === 1 ? "differs" : "differ"} (${formatShare(layer.flipRate)})`;
  if (layer.flipRate <= maxFlipRate) return `${facts}; up to ${formatShare(maxFlipRate)} may.`;
  const allowed = maxFlipRate === 0 ? "none may" : `only up to ${formatShare(maxFlipRate)} may`;
  return `${facts}; ${allowed}. The first: ${describeDifference(layer.firstDifference!)}.`;
}

/** `step 3, sample 0, neuron [2,4,5]: trained 1, chip 0` */
export function describeDifference(difference: Difference): string {
  const { step, sample, neuron, trained, chip } = difference;
  return `step ${step}, sample ${sample}, neuron [${neuron.join(",")}]: trained ${trained}, chip ${chip}`;
}

function predictionCheck({ minPredictionAgreement }: TargetContract, run: RunComparison): Check {
  const passed = run.agreement >= minPredictionAgreement;
  const asked =
    minPredictionAgreement === 1 ? "all must agree" : `at least ${formatShare(minPredictionAgreement)} must agree`;
  const parted = run.firstDisagreement;
  const first =
    passed || parted === null
      ? ""
      : ` The first that does not: sample ${parted.sample} of class ${parted.label}, trained ${parted.trained}, chip ${parted.chip}.`;
  return {
    subject: "predictions",
    passed,
    sentence:
      `Both sides name the same class for ${formatCount(run.agreeing)} of ${countOf(run.samples, "sample")} ` +
      `(${formatShare(run.agreement)}); ${asked}.${first}`,
  };
}

function eventChecks(events: readonly Finding[]): Check[] {
  return events
    .filter((event) => event.severity === "error")
    .map((event) => ({ subject: event.place, passed: false, sentence: `${event.rule}: ${event.message}` }));
}

function notesOn({ layers, predictions, events = [] }: Comparison): string[] {
  const silent = layers
    .filter((layer) => layer.trainedSpikes === 0 && layer.chipSpikes === 0)
    .map((layer) => layer.layer);
  const origin = firstDifference(layers);
  const ties = Math.max(predictions.trainedTies, predictions.chipTies);
  return [
    ...(silent.length > 0 ? [`No neuron fired in ${silent.join(", ")}, so little is shown there.`] : []),
    ...(origin
      ? [
          `The earliest difference is in layer ${origin.layer}, ${describeDifference(origin)}. Nothing before it in that sample differs.`,
        ]
      : []),
    ...(ties > 0
      ? [`In ${countOf(ties, "sample")} several classes share the largest rate; the first one counts, on both sides.`]
      : []),
    ...events.filter((event) => event.severity !== "error").map((event) => `${event.place}: ${event.message}`),
  ];
}
