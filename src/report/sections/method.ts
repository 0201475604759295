/** How the comparison is made, the words used on the page, and everything needed to make the run again. */
import type { ReportData } from "../data.ts";
import { type Html, html } from "../escape.ts";
import { numbersList, type Section } from "./parts.ts";

const METHOD = [
  "The chip's side is always the file on disk, read back and run. The weights in memory are never used for it.",
  "Both sides receive exactly the same input, sample by sample and step by step.",
  "Every spiking layer is compared: each neuron at each time-step of each sample. The time a spike needs from layer to layer on the chip is taken out first.",
  "The answer of a sample is the class with the largest rate; the first one wins a tie, on both sides.",
  "What was compared is named by SHA-256, so a file that was changed afterwards is noticed.",
];

const WORDS: readonly (readonly [string, string])[] = [
  ["spike", "The pulse that a neuron sends when it has gathered enough. It is there or not: 1 or 0."],
  ["time-step", "The network runs in steps. In each, every neuron takes in what arrived and fires or does not."],
  ["rate", "Spikes of a neuron divided by the number of time-steps."],
  [
    "prepared network",
    "The trained network rebuilt with the numbers and rules of the chip, and trained on a little with them.",
  ],
  [
    "flip",
    "A spike that is there on one side and missing on the other. The flip rate is their share of all values compared.",
  ],
  ["contract", "How equal the file must be to the prepared network for this chip: exactly, or within stated limits."],
];

export function methodSection(): Section {
  const words = WORDS.map(([word, meaning]) => html`<dt>${word}</dt><dd>${meaning}</dd>`);
  const body = html`<ul class="plain">${METHOD.map((sentence) => html`<li>${sentence}</li>`)}</ul><h3>The words on this page</h3><dl class="words">${words}</dl>`;
  return { id: "method", title: "How the comparison works", body };
}

export function detailsSection(data: ReportData): Section {
  const took: (readonly [string, string])[] =
    data.seconds === undefined ? [] : [["whole run", formatSeconds(data.seconds)]];
  const facts = numbersList([
    ["made by", data.producer],
    ["date", data.date],
    ["machine", data.machine],
    ["data", `${data.dataset.name}: ${data.dataset.split}`],
    ["seed", `${data.seed}`],
    ...took,
  ]);
  const config: Html = html`<details><summary>The complete configuration</summary><pre tabindex="0"><code>${JSON.stringify(data.config, null, 2)}</code></pre></details>`;
  return {
    id: "again",
    title: "To make this run again",
    body: html`<div class="card plain">${facts}</div>${config}`,
  };
}

/** `83.4` -> `1 min 23 s` */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`;
}
