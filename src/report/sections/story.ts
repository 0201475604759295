/** What happened, in four steps that need no knowledge of spiking networks. */
import { formatBytes } from "../../core/index.ts";
import { countOf, formatCount, formatShare } from "../../verify/index.ts";
import { barChart, formatPercentTick } from "../charts/index.ts";
import type { ReportData } from "../data.ts";
import { type Html, html } from "../escape.ts";
import { enumerate, type Section } from "./parts.ts";

export function storySection(data: ReportData): Section {
  const steps = [learned(data), ...(data.targets.length > 0 ? [fitted(data), written(data), proven(data)] : [])];
  const intro = html`<p>The neurons of a spiking network do not pass numbers to each other. Each one gathers what it receives, and when it has gathered enough it sends a single pulse, a spike. Everything the network knows is in when and how often its neurons fire. Neuromorphic chips work the same way, but with coarser numbers than a computer, so a network has to be fitted to the chip, and one wants to know that it still does the same there.</p>`;
  const body = html`${intro}<ol class="story">${steps}</ol><div class="charts">${accuracyChart(data)}</div>`;
  return { id: "story", title: "What happened", body };
}

const step = (title: string, text: string): Html => html`<li><strong>${title}</strong><p>${text}</p></li>`;

function learned({ network, dataset, training, score }: ReportData): Html {
  const epochs = training[0]?.epochs.length ?? 0;
  const times = epochs > 0 ? `${countOf(epochs, "time")}` : "";
  const seen = times === "" ? "" : ` It saw ${countOf(dataset.trainSamples, "sample")} ${times}.`;
  return step(
    "Learned",
    `A network of ${countOf(network.layers.length, "layer")} with ${formatCount(network.parameters)} adjustable numbers, running for ${countOf(network.steps, "time-step")} on each sample.${seen} Of ${countOf(score.samples, "sample")} that were kept apart, it gets ${formatShare(score.correct / score.samples)} right.`,
  );
}

function fitted({ targets }: ReportData): Html {
  const names = enumerate(targets.map((target) => target.title));
  return step(
    "Fitted",
    `For each chip (${names}) a twin of the network computes with that chip's numbers while it learns a little more.`,
  );
}

function written({ targets }: ReportData): Html {
  const files = targets.map(({ verdict, files }) => {
    const facts = files.find((file) => file.path === verdict.file);
    return facts ? `${verdict.file} (${formatBytes(facts.bytes)})` : verdict.file;
  });
  return step("Written", `The twin became the file that the chip's own software loads: ${enumerate(files)}.`);
}

function proven({ targets }: ReportData): Html {
  const comparisons = targets.flatMap((target) => target.verdict.comparisons);
  const values = comparisons.flatMap((c) => c.layers).reduce((sum, layer) => sum + layer.values, 0);
  const different = comparisons.flatMap((c) => c.layers).reduce((sum, layer) => sum + layer.mismatches, 0);
  const result =
    different === 0 ? "not one differs" : `${formatCount(different)} differ (${formatShare(different / values)})`;
  return step(
    "Compared",
    `Each file was read back from disk and run as the chip would, on the same input as its twin. Of ${formatCount(values)} spike values in all layers, ${result}.`,
  );
}

function accuracyChart({ score, targets }: ReportData): Html {
  const share = ({ correct, samples }: { correct: number; samples: number }) => correct / samples;
  return barChart({
    title: "Right answers on samples never seen in training",
    label: "share of right answers",
    tick: formatPercentTick,
    sides: [{ name: "right answers", tone: "trained" }],
    groups: [
      { name: "trained network", values: [share(score)] },
      ...targets.flatMap(({ title, scores }) => [
        { name: `${title}: prepared network`, values: [share(scores.prepared)] },
        { name: `${title}: the file, run as on the chip`, values: [share(scores.chip)] },
      ]),
    ],
    format: formatShare,
    largest: 1,
  });
}
