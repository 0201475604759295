/** The files of a target, what their making changed, and how to run them. */
import { formatBytes } from "../../core/index.ts";
import { formatCount } from "../../verify/index.ts";
import { type Html, html } from "../escape.ts";
import type { TargetFacts } from "../schema/target.ts";
import { table } from "./parts.ts";

export function filesPart({ files, title }: TargetFacts): Html {
  const rows = files.map(({ path, bytes, sha256, content }) => ({
    cells: [html`<code>${path}</code>`, formatBytes(bytes), content ?? "", html`<code class="hash">${sha256}</code>`],
  }));
  const columns = [
    { title: "file" },
    { title: "size", numeric: true },
    { title: "content", wide: true },
    { title: "SHA-256", wide: true },
  ];
  return html`<h3>The files</h3>${table(`Files written for ${title}`, columns, rows)}`;
}

export function findingsPart({ findings, lossy }: TargetFacts): Html {
  const found = findings.map(({ rule, severity, place, message, source, rewrite }) => ({
    cells: [
      html`<code>${rule}</code>`,
      html`<span class="severity">${severity}</span>`,
      html`<code>${place}</code>`,
      html`${message}<br><span class="soft">Limit documented in: ${source}</span>`,
      rewrite ?? "–",
    ],
    differs: severity === "error",
  }));
  const changed = lossy.map(({ place, what, count, largestChange }) => ({
    cells: [html`<code>${place}</code>`, what, formatCount(count), `${Number(largestChange.toPrecision(4))}`],
  }));
  const rules = [
    { title: "rule" },
    { title: "severity" },
    { title: "place" },
    { title: "what was found", wide: true },
    { title: "way out", wide: true },
  ];
  const losses = [
    { title: "place" },
    { title: "what", wide: true },
    { title: "numbers", numeric: true },
    { title: "largest change", numeric: true },
  ];
  const rulesTable =
    found.length > 0
      ? table("Design rules of the chip", rules, found)
      : html`<p>No design rule of the chip was touched.</p>`;
  const lossesTable =
    changed.length > 0
      ? table("Every step that changed a number or the structure", losses, changed)
      : html`<p>Writing the file changed no number.</p>`;
  return html`<h3>What fitting and writing changed</h3>${lossesTable}${rulesTable}`;
}

export function commandsPart({ commands, title }: TargetFacts): Html | null {
  if (commands.length === 0) return null;
  const items = commands.map(
    ({ command, purpose }) => html`<p>${purpose}</p><pre tabindex="0"><code>${command}</code></pre>`,
  );
  return html`<h3>Running it on ${title}</h3>${items}`;
}
