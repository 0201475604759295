/**
 * A penalty on membrane potentials close to the threshold. A spike flips between two arithmetics when the potential lies nearer to the
 * threshold than what rounding, and flips in the layers before, move it; fewer potentials there, fewer flips. It knows no chip.
 */
import { z } from "zod";
import { isSpikingLayer, type Layer, type Network } from "../model/index.ts";
import { abs, add, keep, mean, relu, scale, sub, type Tensor } from "../tensor/index.ts";

export const marginSchema = z.strictObject({
  layers: z
    .enum(["last", "all"])
    .default("last")
    .describe("last: the layer whose spikes are the answer; all: every spiking layer, which costs time in large ones"),
  width: z
    .number()
    .positive()
    .default(0.3)
    .describe("distance from the threshold, in units of the threshold, from which on a potential costs nothing"),
  weight: z.number().positive().default(0.1).describe("weight of the penalty beside the loss on rates"),
});
export type MarginConfig = z.infer<typeof marginSchema>;

/** Gathers the penalties of the layers of one forward pass. */
export class MarginLoss {
  readonly #penalties: Tensor[] = [];
  readonly #last: Layer | undefined;

  constructor(
    readonly config: MarginConfig,
    network: Network,
  ) {
    this.#last = network.layers().filter(isSpikingLayer).at(-1);
  }

  /** What the forward pass calls for each spiking layer. */
  readonly charged = (layer: Layer, potential: Tensor, threshold: number): void => {
    if (this.config.layers === "all" || layer === this.#last) this.add(potential, threshold);
  };

  /** Mean over all potentials H of max(0, 1 - |H - threshold| / (width * |threshold|)): 1 on the threshold, 0 outside the margin. */
  add(potential: Tensor, threshold: number): void {
    const width = this.config.width * (Math.abs(threshold) || 1);
    const distance = scale(abs(sub(potential, threshold)), 1 / width);
    this.#penalties.push(keep(mean(relu(sub(1, distance)))));
  }

  /** loss + weight * mean of the layers' penalties. Frees what `add` kept. */
  addedTo(loss: Tensor): Tensor {
    const [first, ...others] = this.#penalties;
    if (!first) return loss;
    const sum = others.reduce((total, penalty) => add(total, penalty), first);
    const total = add(loss, scale(sum, this.config.weight / this.#penalties.length));
    for (const penalty of this.#penalties) penalty.dispose();
    return total;
  }
}
