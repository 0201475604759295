/** Confusion matrix as a heat map: right answers on the diagonal in one colour, mistakes in another, so that few mistakes stay visible. */
import { fail } from "../../core/index.ts";
import { type Html, html } from "../escape.ts";
import { CHART_WIDTH, drawing, figure, shorten, textWidth } from "./frame.ts";
import { checkFinite } from "./scale.ts";

/** Above this number of classes the counts do not fit into the cells. */
const CLASSES_WITH_COUNTS = 20;

/** Room for the name of a class. */
const LABEL_WIDTH = 110;

/** How much of a cell's colour covers the paper: never so much that the count on it would be hard to read. */
const [FAINTEST, STRONGEST] = [0.12, 0.52];

export interface ConfusionChart {
  title: string;
  classes: readonly string[];
  /** `[label][predicted]` */
  counts: readonly (readonly number[])[];
}

/** @throws VALUE on a count that is not finite, SHAPE when the matrix does not fit the classes. */
export function confusionChart({ title, classes, counts }: ConfusionChart): Html {
  checkFinite(counts.flat(), `chart "${title}"`);
  if (counts.length !== classes.length || counts.some((row) => row.length !== classes.length)) {
    fail("SHAPE", {
      where: `chart "${title}"`,
      expected: `${classes.length} rows and columns`,
      got: `${counts.length} rows`,
    });
  }
  const [left, top] = [labelWidth(classes) + 12, 44];
  const cell = (CHART_WIDTH - left - 4) / classes.length;
  const size = cell * classes.length;
  const largest = { right: 0, wrong: 0 };
  forEachCell(counts, (count, row, column) => {
    const kind = row === column ? "right" : "wrong";
    largest[kind] = Math.max(largest[kind], count);
  });
  const cells: Html[] = [];
  forEachCell(counts, (count, row, column) => {
    const kind = row === column ? "right" : "wrong";
    const strength = FAINTEST + (STRONGEST - FAINTEST) * (count / Math.max(1, largest[kind]));
    const place = { x: left + column * cell, y: top + row * cell, cell };
    cells.push(drawCell(place, { count, kind, strength }, `${classes[row]!} taken for ${classes[column]!}: ${count}`));
  });
  const chart = drawing({ title, description: describe(classes, counts), height: top + size + 6 }, [
    axisTexts(classes, { left, top, cell, size }),
    cells,
  ]);
  return figure(title, chart);
}

function labelWidth(classes: readonly string[]): number {
  return Math.min(LABEL_WIDTH, Math.max(...classes.map(textWidth)));
}

function forEachCell(
  counts: readonly (readonly number[])[],
  visit: (count: number, row: number, column: number) => void,
): void {
  counts.forEach((row, r) => {
    row.forEach((count, c) => {
      visit(count, r, c);
    });
  });
}

function drawCell(
  { x, y, cell }: { x: number; y: number; cell: number },
  { count, kind, strength }: { count: number; kind: "right" | "wrong"; strength: number },
  title: string,
): Html {
  const box = html`<rect class="cell" x="${x}" y="${y}" width="${cell}" height="${cell}"/>`;
  if (count === 0) return box;
  const shade = html`<rect class="${kind}" x="${x + 1}" y="${y + 1}" width="${cell - 2}" height="${cell - 2}" rx="2" fill-opacity="${strength}"><title>${title}</title></rect>`;
  if (cell < (CHART_WIDTH - 60) / CLASSES_WITH_COUNTS) return html`${box}${shade}`;
  const text = html`<text class="count" x="${x + cell / 2}" y="${y + cell / 2 + 4}" text-anchor="middle">${count}</text>`;
  return html`${box}${shade}${text}`;
}

function axisTexts(classes: readonly string[], at: { left: number; top: number; cell: number; size: number }): Html {
  const every = Math.ceil(14 / at.cell);
  const shown = classes.map((name, i) => ({ name, i })).filter(({ i }) => i % every === 0);
  const columnsFit = classes.every((name) => textWidth(name) <= at.cell * every);
  const middle = (i: number) => (i + 0.5) * at.cell;
  const rows = shown.map(
    ({ name, i }) =>
      html`<text x="${at.left - 6}" y="${at.top + middle(i) + 4}" text-anchor="end">${shorten(name, LABEL_WIDTH)}</text>`,
  );
  const columns = shown.map(
    ({ name, i }) =>
      html`<text x="${at.left + middle(i)}" y="${at.top - 6}" text-anchor="middle">${columnsFit ? name : i + 1}</text>`,
  );
  return html`<text class="label" x="${at.left + at.size}" y="12" text-anchor="end">the network says →</text><text class="label" x="0" y="12">truth ↓</text><g class="ticks">${rows}${columns}</g>`;
}

function describe(classes: readonly string[], counts: readonly (readonly number[])[]): string {
  let all = 0;
  let right = 0;
  let worst = { count: 0, text: "" };
  forEachCell(counts, (count, row, column) => {
    all += count;
    if (row === column) right += count;
    else if (count > worst.count)
      worst = { count, text: ` Most often, ${classes[row]!} was taken for ${classes[column]!}.` };
  });
  return `${right} of ${all} right.${worst.text}`;
}
