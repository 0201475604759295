/**
 * What the numbers behind the spikes do while a graph runs in the emulator: potentials and their distance to the threshold, and results that
 * overflow, stand still or lose bits. It only looks; what follows from it is said in `number-findings.ts`.
 */
import type { LayerNumbers, NumberEvent, PotentialFacts } from "../../target.ts";
import type { OnnxNode } from "../onnx/onnx-model.ts";
import { roundsResult } from "../onnx/operators.ts";
import { FLOAT16_SMALLEST_NORMAL } from "./float16.ts";

/** One result of the emulator with what it was computed from. Numbers of several calls of the graph lie one behind the other. */
export interface SeenResult {
  node: OnnxNode;
  /** Rows of the first axis in one call, and calls. */
  rows: number;
  calls: number;
  result(): Float32Array;
  input(index: number): Float32Array;
}

/** A layer of the network in the graph. */
export interface WatchedLayer {
  layer: string;
  nodes: readonly string[];
  vThreshold: number | null;
}

/** Bins of the histogram: 40 of a twentieth of the threshold, half of them below it. */
const BINS = 40;
const BINS_PER_THRESHOLD = BINS / 2;

/** Distances, in units of float16 at the threshold, for which potentials are counted. */
const NEAR_UNITS = [1, 4, 16, 64];

/** float16 keeps 11 bits: the unit of a number in [1, 2) is 2^-10. */
const UNIT = 2 ** -10;

/** What is lost counts as a stall from this share of the threshold on: less than that is rounding. */
const STALLED_SHARE = 1 / 16;

const COMPARISONS = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less"]);

export class NumberWatch {
  readonly #layerOf = new Map<string, LayerWatch>();
  readonly #layers: LayerWatch[];

  /** `steps` T, `batch` N: rows `[T*N, ...]` of a result are counted as steps. */
  constructor(
    layers: readonly WatchedLayer[],
    readonly steps: number,
    readonly batch: number,
  ) {
    this.#layers = layers.map((layer) => new LayerWatch(layer));
    this.#layers.forEach((watch) => {
      for (const node of watch.layer.nodes) this.#layerOf.set(node, watch);
    });
  }

  readonly see = (seen: SeenResult): void => {
    const watch = this.#layerOf.get(seen.node.name);
    if (!watch) return;
    const { steps, batch } = this;
    const timed = steps > 1 && seen.rows === steps * batch;
    const stepOf = (index: number, size: number): number | null => {
      if (watch.layer.vThreshold !== null) return watch.compared % steps;
      if (!timed) return null;
      const perStep = size / (seen.calls * steps);
      return Math.floor(index / perStep) % steps;
    };
    if (COMPARISONS.has(seen.node.op)) watch.compare(seen);
    else if (roundsResult(seen.node.op)) watch.result(seen, stepOf);
  };

  numbers(): LayerNumbers[] {
    return this.#layers
      .map((watch) => watch.numbers())
      .filter(({ potentials, events }) => potentials || events.length > 0);
  }
}

type StepOf = (index: number, size: number) => number | null;

class LayerWatch {
  /** Comparisons seen, one for each step. */
  compared = 0;
  #potentials: PotentialFacts | null = null;
  readonly #events = new Map<NumberEvent["kind"], NumberEvent>();

  constructor(readonly layer: WatchedLayer) {}

  compare(seen: SeenResult): void {
    const [potentials, threshold] = [seen.input(0), seen.input(1)[0] ?? Number.NaN];
    this.#potentials ??= {
      threshold,
      lowest: Number.POSITIVE_INFINITY,
      highest: Number.NEGATIVE_INFINITY,
      count: 0,
      below: 0,
      above: 0,
      histogram: new Array<number>(BINS).fill(0),
      near: NEAR_UNITS.map((units) => ({ units, count: 0 })),
    };
    measure(this.#potentials, potentials);
    this.compared++;
  }

  result(seen: SeenResult, stepOf: StepOf): void {
    const result = seen.result();
    for (let i = 0; i < result.length; i++) {
      const size = Math.abs(result[i]!);
      if (size === 0) continue;
      if (size < FLOAT16_SMALLEST_NORMAL) this.#note("subnormal", result[i]!, stepOf(i, result.length), size);
      else if (!(size < Number.POSITIVE_INFINITY)) this.#note("overflow", 0, stepOf(i, result.length), 0);
    }
    if (seen.node.op === "Add" && this.layer.vThreshold !== null) this.#stalls(seen, result, stepOf);
  }

  /** A sum that equals its larger term although the smaller one is at least a sixteenth of the threshold: the potential stands still. */
  #stalls(seen: SeenResult, result: Float32Array, stepOf: StepOf): void {
    const [a, b] = [seen.input(0), seen.input(1)];
    if (a.length !== result.length || b.length !== result.length) return;
    const least = STALLED_SHARE * Math.abs(this.layer.vThreshold ?? 1);
    for (let i = 0; i < result.length; i++) {
      const sum = result[i]!;
      const lost = sum === a[i] ? b[i]! : sum === b[i] ? a[i]! : 0;
      if (Math.abs(lost) >= least && Math.abs(sum) < Number.POSITIVE_INFINITY)
        this.#note("stall", sum, stepOf(i, result.length), Math.abs(sum));
    }
  }

  /** `weight`: how much an example says; the heaviest stall and the lightest subnormal are kept. */
  #note(kind: NumberEvent["kind"], value: number, step: number | null, weight: number): void {
    const event = this.#events.get(kind);
    if (!event) {
      this.#events.set(kind, { kind, step, value, count: 1 });
      return;
    }
    event.count++;
    if (step !== null && (event.step === null || step < event.step)) event.step = step;
    const extreme = kind === "subnormal" ? weight < Math.abs(event.value) : weight > Math.abs(event.value);
    if (extreme) event.value = value;
  }

  numbers(): LayerNumbers {
    return { layer: this.layer.layer, potentials: this.#potentials, events: [...this.#events.values()] };
  }
}

function measure(facts: PotentialFacts, potentials: Float32Array): void {
  const { threshold, histogram, near } = facts;
  const scale = Math.abs(threshold) || 1;
  const unit = UNIT * scale;
  for (const potential of potentials) {
    if (potential < facts.lowest) facts.lowest = potential;
    if (potential > facts.highest) facts.highest = potential;
    const distance = potential - threshold;
    const bin = Math.floor((distance / scale + 1) * BINS_PER_THRESHOLD);
    if (bin < 0) facts.below++;
    else if (bin >= BINS) facts.above++;
    else histogram[bin]!++;
    const units = Math.abs(distance) / unit;
    if (units <= NEAR_UNITS.at(-1)!) for (const place of near) if (units <= place.units) place.count++;
  }
  facts.count += potentials.length;
}
