/**
 * Cuts the neurons of a layer into blocks of channels, rows and columns so that each block fits a core, with as few cores as such a cut needs.
 * Cores are not shared between layers. An optimiser that packs cores otherwise may need fewer.
 */
import { CORE_RESOURCES, type CoreResource, type CoreUse } from "./capacity.ts";
import type { Reach } from "./reach.ts";
import { axonBits, delayBits, indexBits } from "./synapse-memory.ts";
import { type AxisCut, type AxisTile, cutAxis, tileSizes, tilesReached } from "./tiles.ts";

/**
 * How a convolution's weights stand in synaptic memory. `perTarget`: one for each connection. `shared`: one for each weight of the file on
 * each core that needs it, and one axon for all channels of a point, which is the least that a core could need.
 */
export type Sharing = "perTarget" | "shared";

/** Tiles of the next layer that each channel, row and column of this one leads to. */
export interface Sends {
  channels: ArrayLike<number>;
  rows: ArrayLike<number>;
  columns: ArrayLike<number>;
}

export interface Partition {
  cores: number;
  /** Neurons of a full block: channels, rows, columns. */
  block: [channels: number, rows: number, columns: number];
  /** The most that any of the cores needs. */
  fullest: CoreUse;
  /** Synaptic memory of all cores. */
  synapseBits: number;
  /** The resource that asks for most cores, and how many cores each resource alone would ask for. */
  binding: CoreResource;
  coresAlone: Record<CoreResource, number>;
}

/** What cannot be cut small enough: one neuron alone needs more than a core has. */
export interface Impossible {
  impossible: CoreResource;
  needs: number;
}

interface Candidate {
  cuts: [AxisCut, AxisCut, AxisCut];
  cores: number;
  fullest: CoreUse;
}

export function partitionLayer(reach: Reach, sends: Sends, limits: CoreUse, sharing: Sharing): Partition | Impossible {
  const alone = new Map<CoreResource, number>();
  let best: Candidate | null = null;
  for (const candidate of candidatesOf(reach, sends)) {
    const { cores } = candidate;
    const cannotHelp = best && cores > best.cores && CORE_RESOURCES.every((r) => cores >= (alone.get(r) ?? Infinity));
    if (cannotHelp) continue;
    const fullest = fullestCore(reach, candidate.cuts, cores, sharing);
    const kept = CORE_RESOURCES.filter((resource) => fullest[resource] <= limits[resource]);
    for (const resource of kept) alone.set(resource, Math.min(cores, alone.get(resource) ?? Infinity));
    const found = { ...candidate, fullest };
    if (kept.length === CORE_RESOURCES.length && (!best || isBetter(found, best))) best = found;
  }
  return best ? partitionOf(reach, best, alone, limits, sharing) : impossibility(reach, sends, limits, sharing);
}

/** Fewer cores, then less memory, then fewer axons. */
function isBetter(a: Candidate, b: Candidate): boolean {
  if (a.cores !== b.cores) return a.cores < b.cores;
  if (a.fullest.synapseBits !== b.fullest.synapseBits) return a.fullest.synapseBits < b.fullest.synapseBits;
  return a.fullest.inputAxons + a.fullest.outputAxons < b.fullest.inputAxons + b.fullest.outputAxons;
}

function* candidatesOf({ channels, rows, columns }: Reach, sends: Sends): Generator<Omit<Candidate, "fullest">> {
  const across = tileSizes(columns.outputs).map((size) => cutAxis(columns, size, sends.columns));
  const down = tileSizes(rows.outputs).map((size) => cutAxis(rows, size, sends.rows));
  for (const size of tileSizes(channels.outputs)) {
    const deep = cutAxis(channels, size, sends.channels);
    for (const row of down) {
      for (const column of across) {
        yield { cuts: [deep, row, column], cores: deep.parts * row.parts * column.parts };
      }
    }
  }
}

/** Every different block of a cut, with the number of its cores. */
function* blocksOf([deep, down, across]: Candidate["cuts"]): Generator<{ tiles: Tiles; times: number }> {
  for (const c of deep.tiles) {
    for (const r of down.tiles) {
      for (const w of across.tiles) yield { tiles: [c.tile, r.tile, w.tile], times: c.times * r.times * w.times };
    }
  }
}
type Tiles = [channels: AxisTile, rows: AxisTile, columns: AxisTile];

function fullestCore(reach: Reach, cuts: Candidate["cuts"], cores: number, sharing: Sharing): CoreUse {
  const fullest: CoreUse = { compartments: 0, synapseBits: 0, inputAxons: 0, outputAxons: 0 };
  for (const { tiles } of blocksOf(cuts)) {
    const use = coreUse(reach, tiles, cores, sharing);
    for (const resource of CORE_RESOURCES) fullest[resource] = Math.max(fullest[resource], use[resource]);
  }
  return fullest;
}

/** What one block needs; `cores`: of the whole layer, to which recurrent neurons send. */
function coreUse(reach: Reach, tiles: Tiles, cores: number, sharing: Sharing): CoreUse {
  const [channels, rows, columns] = tiles;
  const compartments = channels.outputs * rows.outputs * columns.outputs;
  const shares = sharing === "shared" && reach.kind === "conv";
  const points = rows.touched * columns.touched;
  const recurrentInputs = reach.recurrent ? reach.channels.outputs : 0;
  const sends = rows.sends * columns.sends * (shares ? channels.mostSends : channels.sends);
  return {
    compartments,
    synapseBits: shares ? sharedBits(reach, tiles, compartments) : perTargetBits(reach, tiles, compartments),
    inputAxons: (shares ? points : points * channels.touched * reach.matrices) + recurrentInputs,
    outputAxons: sends + (reach.recurrent ? compartments * cores : 0),
  };
}

/** Dense weights stand in the order of their targets; a convolution's name theirs. */
function perTargetBits(reach: Reach, [channels, rows, columns]: Tiles, compartments: number): number {
  const extra = delayBits(reach.longestDelay) + (reach.kind === "conv" ? indexBits(compartments) : 0);
  let bits = 0;
  for (const [c, channelInputs] of channels.fanOuts) {
    for (const [r, rowInputs] of rows.fanOuts) {
      for (const [w, columnInputs] of columns.fanOuts) {
        bits += channelInputs * rowInputs * columnInputs * axonBits(c * r * w, extra);
      }
    }
  }
  const recurrent = reach.recurrent ? reach.channels.outputs * axonBits(compartments, extra) : 0;
  return bits * reach.matrices + recurrent;
}

function sharedBits(reach: Reach, tiles: Tiles, compartments: number): number {
  const [channels] = tiles;
  const once = axonBits(channels.pairs * reach.taps, indexBits(compartments));
  return Math.min(once, perTargetBits(reach, tiles, compartments));
}

function partitionOf(
  reach: Reach,
  { cuts, cores, fullest }: Candidate,
  alone: ReadonlyMap<CoreResource, number>,
  limits: CoreUse,
  sharing: Sharing,
): Partition {
  let synapseBits = 0;
  for (const { tiles, times } of blocksOf(cuts)) {
    synapseBits += times * coreUse(reach, tiles, cores, sharing).synapseBits;
  }
  const coresAlone = Object.fromEntries(CORE_RESOURCES.map((r) => [r, alone.get(r)!])) as Record<CoreResource, number>;
  const pressure = (r: CoreResource) => coresAlone[r] + fullest[r] / limits[r] / 2;
  return {
    cores,
    block: [cuts[0].size, cuts[1].size, cuts[2].size],
    fullest,
    synapseBits,
    binding: CORE_RESOURCES.reduce((most, r) => (pressure(r) > pressure(most) ? r : most)),
    coresAlone,
  };
}

/** Blocks of a single neuron are the smallest there are; the first resource that even they lack is named. */
function impossibility(reach: Reach, sends: Sends, limits: CoreUse, sharing: Sharing): Impossible {
  const cuts: Candidate["cuts"] = [
    cutAxis(reach.channels, 1, sends.channels),
    cutAxis(reach.rows, 1, sends.rows),
    cutAxis(reach.columns, 1, sends.columns),
  ];
  const cores = cuts.reduce((all, { parts }) => all * parts, 1);
  const fullest = fullestCore(reach, cuts, cores, sharing);
  const resource = CORE_RESOURCES.find((r) => fullest[r] > limits[r]) ?? "outputAxons";
  return { impossible: resource, needs: fullest[resource] };
}

/** Where this layer's neurons send, once the next layer is cut; null: its spikes leave the chip, one axon a neuron. */
export function sendsInto(reach: Reach, next: { reach: Reach; partition: Partition } | null): Sends {
  const same = (axis: { outputs: number }, value: number) => new Int32Array(axis.outputs).fill(value);
  if (next?.reach.kind === "conv") {
    const { channels, rows, columns } = next.reach;
    const [deep, down, across] = next.partition.block;
    return {
      channels: tilesReached(channels, deep),
      rows: tilesReached(rows, down),
      columns: tilesReached(columns, across),
    };
  }
  const cores = next?.partition.cores ?? 1;
  return { channels: same(reach.channels, cores), rows: same(reach.rows, 1), columns: same(reach.columns, 1) };
}
