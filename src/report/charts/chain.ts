/** A network as a chain of boxes: from left to right, down, back, and so on. Spiking layers are filled. */
import { type Html, html } from "../escape.ts";
import { drawing, figure, shorten } from "./frame.ts";

export interface ChainChart {
  title: string;
  boxes: readonly ChainBox[];
  note?: string;
}

export interface ChainBox {
  /** What it does: conv, neuron. */
  kind: string;
  name: string;
  /** One line each. */
  shape: string;
  size: string;
  spiking: boolean;
}

/** Sizes of the drawing: a box, the room for an arrow, the room between lines, boxes in a line. */
const [WIDTH, HEIGHT, ARROW, LINE, COLUMNS] = [132, 78, 26, 26, 6];

export function chainChart({ title, boxes, note }: ChainChart): Html {
  const columns = Math.min(COLUMNS, Math.max(1, boxes.length));
  const lines = Math.ceil(boxes.length / columns);
  const width = columns * (WIDTH + ARROW) - ARROW + 2;
  const height = lines * (HEIGHT + LINE) - LINE + 2;
  const placed = boxes.map((box, i) => {
    const [line, place] = [Math.floor(i / columns), i % columns];
    const back = line % 2 === 1;
    const x = 1 + (back ? columns - 1 - place : place) * (WIDTH + ARROW);
    const y = 1 + line * (HEIGHT + LINE);
    const last = i === boxes.length - 1;
    return [drawBox(box, x, y), last ? null : arrow(x, y, place === columns - 1 ? "down" : back ? "left" : "right")];
  });
  const description = boxes.map(({ kind, name, shape }) => `${kind} ${name} ${shape}`).join(", then ");
  return figure(title, drawing({ title, description, width, height }, placed), null, note ?? null);
}

function drawBox({ kind, name, shape, size, spiking }: ChainBox, x: number, y: number): Html {
  const middle = x + WIDTH / 2;
  const text = (line: string, at: number, style: string) =>
    html`<text class="${style}" x="${middle}" y="${y + at}" text-anchor="middle">${shorten(line, WIDTH - 8)}</text>`;
  return html`<g class="box${spiking ? " spiking" : ""}"><rect x="${x}" y="${y}" width="${WIDTH}" height="${HEIGHT}" rx="8"/>${text(kind, 20, "kind")}${text(name, 37, "label")}${text(shape, 53, "label")}${text(size, 69, "label")}</g>`;
}

/** To the next box: along the line, or down at its end. */
function arrow(x: number, y: number, to: "right" | "left" | "down"): Html {
  if (to === "down") return html`<path class="axis" d="M${x + WIDTH / 2} ${y + HEIGHT + 3}v${LINE - 6}m-4-5l4 5 4-5"/>`;
  if (to === "left") return html`<path class="axis" d="M${x - 3} ${y + HEIGHT / 2}h${6 - ARROW}m5-4l-5 4 5 4"/>`;
  return html`<path class="axis" d="M${x + WIDTH + 3} ${y + HEIGHT / 2}h${ARROW - 6}m-5-4l5 4-5 4"/>`;
}
