/** What was trained: the data and the layers. */
import { formatShape } from "../../core/index.ts";
import { countOf, formatCount } from "../../verify/index.ts";
import type { ReportData } from "../data.ts";
import { html } from "../escape.ts";
import { type Section, table } from "./parts.ts";

export function networkSection({ network, dataset }: ReportData): Section {
  const rows = network.layers.map(({ path, layer, outputShape, parameters }) => ({
    cells: [
      html`<code>${path}</code>`,
      html`<code>${layer}</code>`,
      formatShape(outputShape),
      parameters === 0 ? "–" : formatCount(parameters),
    ],
  }));
  const attribution = dataset.attribution ? html` <span class="soft">${dataset.attribution}</span>` : null;
  const body = html`<p>Data: <strong>${dataset.name}</strong>, ${countOf(dataset.trainSamples, "sample")} to learn from and ${countOf(dataset.testSamples, "sample")} kept apart for the test, in ${countOf(dataset.classes.length, "class", "classes")}.${attribution}</p><p>A sample has the shape ${formatShape(network.inputShape)} and reaches the network for ${countOf(network.steps, "time-step")} (${network.encoder}). The class whose output neuron fires most often is the answer; the first one, if several fire equally often.</p>${table(
    `${countOf(network.layers.length, "layer")}, ${countOf(network.parameters, "adjustable number")}`,
    [{ title: "layer" }, { title: "what it is", wide: true }, { title: "output" }, { title: "numbers", numeric: true }],
    rows,
  )}`;
  return { id: "network", title: "The network", body };
}
