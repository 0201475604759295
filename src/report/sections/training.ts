/** How it learned: curves of loss, accuracy and learning rate for each phase. */
import { countOf, formatShare } from "../../verify/index.ts";
import { formatPercentTick, lineChart } from "../charts/index.ts";
import type { ReportData } from "../data.ts";
import { type Html, html } from "../escape.ts";
import type { Epoch, Phase } from "../schema/run.ts";
import { type Section, table } from "./parts.ts";

export function trainingSection({ training }: ReportData): Section {
  const intro = html`<p>An epoch is one pass over all samples to learn from. The loss measures how far the answers are from the right ones and should fall. The accuracy on test samples, which take no part in learning, shows whether the network understood or only memorised.</p>`;
  return { id: "training", title: "How it learned", body: [intro, training.map(phase)] };
}

function phase({ title, note, epochs }: Phase): Html {
  const x = { label: "epoch", whole: true };
  const series = (pick: (epoch: Epoch) => number) => epochs.map((epoch) => ({ x: epoch.epoch, y: pick(epoch) }));
  const charts = [
    lineChart({
      title: "Right answers",
      x,
      y: { label: "accuracy", format: formatPercentTick },
      series: [
        { name: "learned from", tone: "trained", points: series((epoch) => epoch.trainAccuracy) },
        { name: "never seen (test)", tone: "chip", dashed: true, points: series((epoch) => epoch.testAccuracy) },
      ],
    }),
    lineChart({
      title: "Loss",
      x,
      y: { label: "loss", from: 0 },
      series: [{ name: "training loss", tone: "trained", points: series((epoch) => epoch.trainLoss) }],
    }),
    lineChart({
      title: "Learning rate",
      x,
      y: { label: "size of a step", from: 0 },
      series: [{ name: "learning rate", tone: "third", points: series((epoch) => epoch.learningRate) }],
    }),
  ];
  const remark = note === undefined ? null : html`<p>${note}</p>`;
  return html`<h3>${title}: ${countOf(epochs.length, "epoch")}</h3>${remark}<div class="charts">${charts}</div>${numbers(title, epochs)}`;
}

function numbers(title: string, epochs: readonly Epoch[]): Html | null {
  if (epochs.length === 0) return null;
  const rows = epochs.map((epoch) => ({
    cells: [
      epoch.epoch,
      `${Number(epoch.learningRate.toPrecision(4))}`,
      `${Number(epoch.trainLoss.toPrecision(5))}`,
      formatShare(epoch.trainAccuracy),
      formatShare(epoch.testAccuracy),
    ],
  }));
  const columns = ["epoch", "learning rate", "loss", "accuracy, learned from", "accuracy, never seen"];
  const drawn = table(
    title,
    columns.map((name, i) => ({ title: name, numeric: i > 0 })),
    rows,
  );
  return html`<details><summary>The numbers behind these curves</summary>${drawn}</details>`;
}
