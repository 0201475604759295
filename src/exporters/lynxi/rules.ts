/**
 * The design rules of ONNX graphs for Lynxi chips: what can be said of a graph without Lynxi's compiler. Numbers LX001 to LX030 follow the
 * order in which the rules were collected. A rule that needs what is not known says so in a note; it never passes silently.
 */
import type { Finding } from "../target.ts";
import type { OnnxModel } from "./onnx/onnx-model.ts";
import { formatRules } from "./rules/format.ts";
import { limitRules } from "./rules/limits.ts";
import { neuronRules } from "./rules/neurons.ts";
import { numberRules } from "./rules/numbers.ts";
import { operatorRules } from "./rules/operators.ts";
import { plumbingRules } from "./rules/plumbing.ts";
import { stepRules } from "./rules/step.ts";
import { structureRules } from "./rules/structure.ts";
import { type DesignRule, type KnownFacts, type RuleSubject, styleOf, type Violation } from "./rules/subject.ts";
import { windowRules } from "./rules/windows.ts";
import { inferValues } from "./shapes/infer.ts";

export type { DesignRule, KnownFacts, RuleSubject, Violation } from "./rules/subject.ts";

export const designRules: readonly DesignRule[] = [
  ...structureRules,
  ...operatorRules,
  ...plumbingRules,
  ...windowRules,
  ...neuronRules,
  ...numberRules,
  ...formatRules,
  ...limitRules,
  ...stepRules,
].toSorted((a, b) => a.id.localeCompare(b.id));

/** Findings of one rule, at most this many places each, so that a report stays readable. */
const PLACES_PER_RULE = 8;
/** Names and texts come from files: a finding quotes at most this many characters of each. */
const LONGEST_QUOTE = 200;

/** Applies every rule. Errors mean: do not deliver. */
export function checkModel(model: OnnxModel, known: KnownFacts = {}): Finding[] {
  const subject: RuleSubject = {
    model,
    inference: inferValues(model),
    steps: known.steps ?? null,
    style: known.style ?? styleOf(model),
    ioType: known.ioType ?? "float16",
    neurons: known.neurons ?? null,
    states: known.states ?? null,
    module: known.module ?? null,
    ranges: known.ranges ?? null,
  };
  return designRules.flatMap((rule) => findingsOf(rule, subject));
}

function findingsOf(rule: DesignRule, subject: RuleSubject): Finding[] {
  const missing = rule.needs?.(subject) ?? null;
  const violations = rule.check(subject);
  const unjudged: Violation[] = missing
    ? [{ place: "graph", message: `not judged: needs ${missing}`, severity: "note" }]
    : [];
  const shown = violations.slice(0, PLACES_PER_RULE);
  const more = violations.length - shown.length;
  return [...shown, ...unjudged].map(({ place, message, severity }, index) => ({
    rule: rule.id,
    severity: severity ?? rule.severity,
    place: shortened(place),
    message: `${shortened(message)}${index === shown.length - 1 && more > 0 ? ` (and ${more} more)` : ""}`,
    limit: rule.title,
    source: rule.source,
    rewrite: rule.rewrite,
  }));
}

function shortened(text: string): string {
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE)}... (${text.length} characters)`;
}
