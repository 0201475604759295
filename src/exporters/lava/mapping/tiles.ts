/** One axis of a layer cut into tiles of equal size (the last may be smaller), with what a core needs to know of each tile. */
import type { AxisReach, FanOuts } from "./reach.ts";

export interface AxisTile {
  /** Neurons on this axis. */
  outputs: number;
  /** Inputs that lead into the tile. */
  touched: number;
  /** Fan-out into the tile, and how many inputs have it. */
  fanOuts: FanOuts;
  /** Connections of this axis. */
  pairs: number;
  /** Sum and maximum, over the tile's neurons, of the tiles of the next layer that they lead to. */
  sends: number;
  mostSends: number;
}

export interface AxisCut {
  /** Neurons of a full tile. */
  size: number;
  parts: number;
  /** The different tiles and how often each occurs. */
  tiles: { tile: AxisTile; times: number }[];
}

/** `sends[o]`: tiles of the next layer's axis that output `o` leads to. */
export function cutAxis(axis: AxisReach, size: number, sends: ArrayLike<number>): AxisCut {
  const tiles = new Map<string, { tile: AxisTile; times: number }>();
  const parts = Math.ceil(axis.outputs / size);
  for (let part = 0; part < parts; part++) {
    const tile = tileOf(axis, part * size, Math.min((part + 1) * size, axis.outputs), sends);
    const key = JSON.stringify(tile);
    const known = tiles.get(key);
    if (known) known.times++;
    else tiles.set(key, { tile, times: 1 });
  }
  return { size, parts, tiles: [...tiles.values()] };
}

function tileOf(axis: AxisReach, start: number, end: number, sends: ArrayLike<number>): AxisTile {
  const fanOuts = axis.fanOuts(start, end);
  let [sum, most] = [0, 0];
  for (let o = start; o < end; o++) {
    sum += sends[o]!;
    most = Math.max(most, sends[o]!);
  }
  return {
    outputs: end - start,
    touched: fanOuts.reduce((sum, [, inputs]) => sum + inputs, 0),
    fanOuts,
    pairs: fanOuts.reduce((sum, [count, inputs]) => sum + count * inputs, 0),
    sends: sum,
    mostSends: most,
  };
}

/** Sizes of tiles worth trying: for each number of parts the smallest tile that makes do with it. */
export function tileSizes(outputs: number): number[] {
  const sizes = new Set<number>();
  for (let parts = 1; parts <= outputs; parts++) sizes.add(Math.ceil(outputs / parts));
  return [...sizes];
}

/** For each input of an axis, how many tiles of `size` outputs it leads into. */
export function tilesReached(axis: AxisReach, size: number): Int32Array {
  const reached = Array.from({ length: axis.inputs }, () => new Set<number>());
  for (let o = 0; o < axis.outputs; o++) for (const i of axis.sources(o)) reached[i]!.add(Math.floor(o / size));
  return Int32Array.from(reached, (tiles) => tiles.size);
}
