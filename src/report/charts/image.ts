/** A sample's image as squares of grey or colour. Large images are averaged down. */
import { type Html, html } from "../escape.ts";
import { drawing } from "./frame.ts";
import { checkFinite } from "./scale.ts";

/** More squares than this along a side are averaged. */
const SQUARES = 48;
const WIDTH = 160;

export interface ImageChart {
  title: string;
  description: string;
  /** `[C,H,W]`: three channels are red, green and blue; any other number is averaged to grey. */
  shape: readonly [number, number, number];
  /** Row-major; the smallest value is black, the largest white. */
  values: readonly number[];
}

/** @throws VALUE on a value that is not finite. */
export function imageChart({ title, description, shape, values }: ImageChart): Html {
  checkFinite(values, `image "${title}"`);
  const [channels, height, width] = shape;
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const block = Math.ceil(Math.max(height, width) / SQUARES);
  const [rows, columns] = [Math.ceil(height / block), Math.ceil(width / block)];
  const side = WIDTH / columns;
  const level = (value: number) => (high === low ? 0 : Math.round((255 * (value - low)) / (high - low)));
  const squares: Html[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const means = Array.from({ length: channels }, (_, c) => blockMean(values, shape, { c, row, column, block }));
      const color = colorOf(means.map(level));
      if (color === "#000000") continue;
      // A little overlap hides the seams that anti-aliasing leaves between neighbours.
      squares.push(
        html`<path fill="${color}" d="M${column * side} ${row * side}h${side + 0.3}v${side + 0.3}h${-side - 0.3}z"/>`,
      );
    }
  }
  const paper = html`<rect class="picture" width="${WIDTH}" height="${rows * side}"/>`;
  return drawing({ title, description, width: WIDTH, height: rows * side }, [paper, squares]);
}

function blockMean(
  values: readonly number[],
  [, height, width]: ImageChart["shape"],
  { c, row, column, block }: { c: number; row: number; column: number; block: number },
): number {
  let sum = 0;
  let count = 0;
  for (let y = row * block; y < Math.min(height, (row + 1) * block); y++) {
    for (let x = column * block; x < Math.min(width, (column + 1) * block); x++) {
      sum += values[(c * height + y) * width + x] ?? 0;
      count++;
    }
  }
  return sum / count;
}

function colorOf(levels: readonly number[]): string {
  const grey = Math.round(levels.reduce((a, b) => a + b, 0) / levels.length);
  const [r, g, b] = levels.length === 3 ? levels : [grey, grey, grey];
  return `#${[r, g, b].map((level) => (level ?? 0).toString(16).padStart(2, "0")).join("")}`;
}
