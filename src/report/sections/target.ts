/** All about one chip: verdict, comparisons, a sample, what changed, files and how to run them. */
import type { ReportData } from "../data.ts";
import { html } from "../escape.ts";
import type { TargetFacts } from "../schema/target.ts";
import { comparisonPart } from "./comparison.ts";
import { commandsPart, filesPart, findingsPart } from "./files.ts";
import { graphPart } from "./graph.ts";
import { scoreText } from "./headline.ts";
import { numbersPart } from "./numbers.ts";
import { icon, numbersList, plainList, type Section } from "./parts.ts";
import { quantizationPart } from "./quantization.ts";
import { samplePart } from "./sample.ts";

export function targetSection(data: ReportData, target: TargetFacts, index: number): Section {
  const { passed } = target.verdict;
  const says = passed ? "The file keeps its contract." : "The file breaks its contract.";
  const scores = numbersList([
    ["prepared network, test samples", scoreText(target.scores.prepared)],
    ["file run as on the chip, test samples", scoreText(target.scores.chip)],
  ]);
  const body = html`<p>${target.about}</p><div class="verdict ${passed ? "pass" : "fail"}">${icon(passed)}<div><p class="says">${says}</p><p><code>${target.verdict.file}</code></p></div></div><div class="card plain">${scores}</div>${target.verdict.comparisons.map(comparisonPart)}${numbersPart(target.verdict.numbers)}${samplePart(data, target)}${quantizationPart(target.quantization)}${findingsPart(target)}${graphPart(target)}${filesPart(target)}${commandsPart(target)}${proofPart(target)}`;
  return { id: `target-${index + 1}`, title: `${target.title}: trained against chip`, body };
}

function proofPart({ proven, notProven, verdict }: TargetFacts) {
  const hashes = Object.entries(verdict.hashes).map(([name, hash]) => html`${name} <code class="hash">${hash}</code>`);
  const shown = proven.length > 0 ? html`<h4>Shown by this run</h4>${plainList(proven)}` : null;
  const open = notProven.length > 0 ? html`<h4>Not shown by it</h4>${plainList(notProven)}` : null;
  return html`<h3>What this proves, and what not</h3>${shown}${open}<h4>What was compared, by SHA-256</h4>${plainList(hashes)}`;
}
