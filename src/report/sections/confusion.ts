/** Which classes are taken for which. */
import { confusionChart } from "../charts/index.ts";
import type { ReportData } from "../data.ts";
import { html } from "../escape.ts";
import type { Section } from "./parts.ts";

export function confusionSection({ confusion, dataset }: ReportData): Section {
  const charts = confusion.map(({ title, counts }) => confusionChart({ title, classes: dataset.classes, counts }));
  const body = html`<p>Each row is what the sample really is, each column what the network says. Right answers stand on the diagonal in blue; everything beside it is a mistake, in orange. The stronger the colour, the more often; both colours have their own scale, so that even few mistakes are seen.</p><div class="charts">${charts}</div>`;
  return { id: "mistakes", title: "What it gets right and wrong", body };
}
