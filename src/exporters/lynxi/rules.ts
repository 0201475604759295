/**
 * The design rules of ONNX graphs for Lynxi chips: what can be said of a graph without Lynxi's compiler. Numbers LX001 to LX029 follow the
 * order in which the rules were collected; rules for graphs that keep state between calls (LX026, LX027, LX030) do not apply to whole sequences.
 */
import type { Finding } from "../target.ts";
import { type Inference, inferValues } from "./infer.ts";
import type { NeuronFacts } from "./lower-neuron.ts";
import type { OnnxModel } from "./onnx-model.ts";
import { formatRules } from "./rules/format.ts";
import { limitRules } from "./rules/limits.ts";
import { neuronRules } from "./rules/neurons.ts";
import { numberRules } from "./rules/numbers.ts";
import { operatorRules } from "./rules/operators.ts";
import { structureRules } from "./rules/structure.ts";

/** What the rules look at. */
export interface RuleSubject {
  model: OnnxModel;
  inference: Inference;
  /** T, where it is known from the manifest or the network. */
  steps: number | null;
  /** Neurons of the network, where they are known. */
  neurons: readonly NeuronFacts[];
}

export interface Violation {
  /** Node, value or file. */
  place: string;
  message: string;
  /** Where it differs from the rule's own. */
  severity?: Finding["severity"];
}

export interface DesignRule {
  id: string;
  severity: Finding["severity"];
  title: string;
  /** Where the limit is documented. */
  source: string;
  rewrite: string;
  check(subject: RuleSubject): Violation[];
}

export const designRules: readonly DesignRule[] = [
  ...structureRules,
  ...operatorRules,
  ...neuronRules,
  ...numberRules,
  ...formatRules,
  ...limitRules,
].toSorted((a, b) => a.id.localeCompare(b.id));

/** Findings of one rule, at most this many places each, so that a report stays readable. */
const PLACES_PER_RULE = 8;

/** Applies every rule. Errors mean: do not deliver. */
export function checkModel(
  model: OnnxModel,
  known: { steps?: number; neurons?: readonly NeuronFacts[] } = {},
): Finding[] {
  const subject: RuleSubject = {
    model,
    inference: inferValues(model),
    steps: known.steps ?? null,
    neurons: known.neurons ?? [],
  };
  return designRules.flatMap((rule) => findingsOf(rule, rule.check(subject)));
}

function findingsOf(rule: DesignRule, violations: readonly Violation[]): Finding[] {
  const shown = violations.slice(0, PLACES_PER_RULE);
  const more = violations.length - shown.length;
  return shown.map(({ place, message, severity }, index) => ({
    rule: rule.id,
    severity: severity ?? rule.severity,
    place,
    message: index === shown.length - 1 && more > 0 ? `${message} (and ${more} more)` : message,
    source: rule.source,
    rewrite: rule.rewrite,
  }));
}
