/** The top of the page: the verdict in one sentence, then one card for each chip. */
import { countOf, formatCount, formatShare } from "../../verify/index.ts";
import type { ReportData } from "../data.ts";
import { type Html, html } from "../escape.ts";
import type { Score } from "../schema/run.ts";
import type { TargetFacts } from "../schema/target.ts";
import { badge, enumerate, icon, numbersList } from "./parts.ts";

/** The whole run in one sentence. */
export function headlineOf(targets: readonly TargetFacts[]): string {
  const broken = targets.filter((target) => !target.verdict.passed);
  const [only] = targets;
  if (!only) return "The network is trained. No chip's file was checked.";
  if (targets.length === 1)
    return `The file for ${only.title} ${broken.length === 0 ? "keeps" : "breaks"} its contract.`;
  if (broken.length === 0)
    return `${targets.length === 2 ? "Both" : `All ${targets.length}`} chip files keep their contract.`;
  const names = enumerate(broken.map((target) => target.title));
  return `${broken.length} of ${targets.length} chip files ${broken.length === 1 ? "breaks its" : "break their"} contract: ${names}.`;
}

export function headline(data: ReportData): Html {
  const { targets } = data;
  const passed = targets.every((target) => target.verdict.passed);
  const tone = targets.length === 0 ? "none" : passed ? "pass" : "fail";
  const sign = targets.length === 0 ? null : icon(passed);
  const says = html`<div><p class="says">${headlineOf(targets)}</p><p>${summaryOf(data)}</p></div>`;
  const facts = [data.date, data.dataset.name, `seed ${data.seed}`, data.machine].join(" · ");
  return html`<header><p class="eyebrow">${facts}</p><h1>${data.title}</h1><div class="verdict ${tone}" role="status">${sign}${says}</div><div class="cards">${targets.map((target, i) => card(target, i))}</div></header>`;
}

function summaryOf({ score, dataset, targets }: ReportData): string {
  const learned = `A spiking network learned ${dataset.name} and names ${formatShare(score.correct / score.samples)} of ${countOf(score.samples, "sample")} right that it had never seen.`;
  if (targets.length === 0) return learned;
  const names = enumerate(targets.map((target) => target.title));
  return `${learned} It was fitted to ${names}. Each file that was written was read back, run as the chip would run it, and compared with the network it came from, spike by spike.`;
}

/** Accuracy of right answers among samples, with both counts. */
export function scoreText({ correct, samples }: Score): string {
  return `${formatShare(correct / samples)} (${formatCount(correct)} of ${formatCount(samples)})`;
}

function card(target: TargetFacts, index: number): Html {
  const { verdict, scores } = target;
  const comparisons = verdict.comparisons.map((comparison) => {
    const values = comparison.layers.reduce((sum, layer) => sum + layer.values, 0);
    const mismatches = comparison.layers.reduce((sum, layer) => sum + layer.mismatches, 0);
    const share = mismatches === 0 ? "none" : `${formatCount(mismatches)} (${formatShare(mismatches / values)})`;
    const title =
      verdict.comparisons.length > 1 ? html`<h4>${comparison.title} ${badge(comparison.verdict.passed)}</h4>` : null;
    return html`${title}<p>${comparison.contract.statement}</p>${numbersList([
      ["spike values compared", formatCount(values)],
      ["values that differ", share],
      ["same answer", formatShare(comparison.predictions.agreement)],
    ])}`;
  });
  const accuracy = numbersList([
    ["right answers, prepared network", formatShare(scores.prepared.correct / scores.prepared.samples)],
    ["right answers, file run as on the chip", formatShare(scores.chip.correct / scores.chip.samples)],
  ]);
  return html`<article class="card"><h3><a href="#target-${index + 1}">${target.title}</a>${badge(verdict.passed)}</h3>${comparisons}${accuracy}</article>`;
}
