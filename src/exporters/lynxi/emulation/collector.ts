/** Puts the results of calls together to results of samples, and drops what belongs to the filling of the last call. */

import type { ExecutorResult } from "../artefact/executor-result.ts";
import type { GraphLayout } from "../lowering/layout.ts";
import type { NonFinite } from "./emulator.ts";

export interface OnnxRun {
  /** `[samples, F]`: rates where the graph ends in a mean over time. */
  rates: Float32Array;
  /** Output before the mean, `[T, samples, F]`, of graphs that end in a sequence. */
  sequence: Float32Array | null;
  features: number;
  /** Spikes `[T, samples, L]` of each wanted value. */
  spikes: Map<string, Float32Array>;
  nonFinite: NonFinite[];
}

export class Collector {
  readonly #spikes = new Map<string, Float32Array>();
  readonly #nonFinite = new Map<string, number>();
  #rates: Float32Array | null = null;
  #sequence: Float32Array | null = null;
  #features = 0;

  constructor(
    readonly layout: GraphLayout,
    readonly samples: number,
    readonly wanted: readonly string[],
  ) {}

  add(first: number, count: number, { outputs, nonFinite }: ExecutorResult): void {
    const output = outputs.get(this.layout.output)!;
    const { steps, batch } = this.layout;
    const rows = output.shape[0]! / count;
    this.#features = output.data.length / output.shape[0]!;
    if (rows === batch) {
      this.#rates ??= new Float32Array(this.samples * this.#features);
      this.place(this.#rates, output.data, 1, first, count);
    } else {
      this.#sequence ??= new Float32Array(steps * this.samples * this.#features);
      this.place(this.#sequence, output.data, steps, first, count);
    }
    for (const name of this.wanted) {
      const { data } = outputs.get(name)!;
      const perSample = data.length / (count * steps * batch);
      const whole = this.#spikes.get(name) ?? new Float32Array(steps * this.samples * perSample);
      this.#spikes.set(name, whole);
      this.place(whole, data, steps, first, count);
    }
    for (const { node, count: numbers } of nonFinite)
      this.#nonFinite.set(node, (this.#nonFinite.get(node) ?? 0) + numbers);
  }

  /** `[calls, steps, N, F]` into `[steps, samples, F]`. */
  private place(whole: Float32Array, part: Float32Array, steps: number, first: number, count: number): void {
    const { batch } = this.layout;
    const features = whole.length / (steps * this.samples);
    for (let call = 0; call < count; call++) {
      const from = (first + call) * batch;
      const length = Math.min(batch, this.samples - from) * features;
      for (let t = 0; t < steps; t++) {
        const source = (call * steps + t) * batch * features;
        whole.set(part.subarray(source, source + length), (t * this.samples + from) * features);
      }
    }
  }

  result(): OnnxRun {
    return {
      rates: this.#rates ?? meanOverTime(this.#sequence ?? new Float32Array(0), this.layout.steps),
      sequence: this.#sequence,
      features: this.#features,
      spikes: this.#spikes,
      nonFinite: [...this.#nonFinite].map(([node, count]) => ({ node, count })),
    };
  }
}

function meanOverTime(sequence: Float32Array, steps: number): Float32Array {
  const length = sequence.length / steps;
  const rates = new Float32Array(length);
  for (let i = 0; i < sequence.length; i++) rates[i % length]! += sequence[i]!;
  return rates.map((sum) => sum / steps);
}
