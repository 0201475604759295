/** The chip's file as a picture and in numbers. */
import { chainChart } from "../charts/index.ts";
import { type Html, html } from "../escape.ts";
import type { TargetFacts } from "../schema/target.ts";
import { table } from "./parts.ts";

export function graphPart({ inspection, verdict }: TargetFacts): Html | null {
  if (!inspection) return null;
  const picture =
    inspection.layers.length === 0
      ? null
      : html`<div class="wide-picture">${chainChart({ title: "The graph, layer by layer; filled boxes fire", boxes: inspection.layers })}</div>`;
  // the hash stands in the table of files
  const rows = inspection.about.filter(([name]) => name !== "sha256").map((cells) => ({ cells }));
  return html`<h3>What is in <code>${verdict.file}</code></h3>${picture}${table("The file in numbers", [{ title: "what" }, { title: "value", wide: true }], rows)}`;
}
