/** The trainable float16 twin of a network, for Lynxi chips: batch norm folded, every result rounded to float16. */
import { z } from "zod";
import { parseWith } from "../../core/index.ts";
import { type Layer, Network } from "../../model/index.ts";
import { copyLayer } from "../copy.ts";
import { Float16Sequential, float16SequentialDefinition } from "./float16.ts";
import { foldBatchNorm } from "./fold.ts";

const optionsSchema = z.strictObject({
  foldBatchNorm: z
    .boolean()
    .default(true)
    .describe("fold batch norms into the convolutions before them; otherwise they stay layers with their own rounding"),
});

export interface LynxiPrepareOptions {
  /** As a config holds them: `{ "foldBatchNorm": true }`. */
  options?: Record<string, unknown>;
}

/** A new network with its own tensors, names as in the original. */
export function prepareForLynxi(network: Network, options: LynxiPrepareOptions = {}): Network {
  const { foldBatchNorm: fold } = parseWith(optionsSchema, options.options ?? {}, "Lynxi prepare options");
  return new Network({
    inputShape: network.inputShape,
    steps: network.steps,
    encoder: network.encoder,
    root: Float16Sequential(members(network.root, fold)),
  });
}

function members(container: Layer, fold: boolean): Record<string, Layer> {
  const children = container.kind === "Sequential" ? [...container.children] : [["0", container] as [string, Layer]];
  const prepared: [string, Layer][] = [];
  for (const [name, child] of children) {
    const before = prepared.at(-1);
    if (fold && child.kind === "BatchNorm2d" && before?.[1].kind === "Conv2d") {
      const conv = before[1];
      before[1] = foldBatchNorm(conv, child);
      conv.dispose();
    } else if (child.kind === "Sequential") {
      prepared.push([name, Float16Sequential(members(child, fold)) as unknown as Layer]);
    } else {
      prepared.push([name, copyLayer(child)]);
    }
  }
  return Object.fromEntries(prepared);
}

/** True when a network computes in float16 already. */
export function isPreparedForLynxi(network: Network): boolean {
  return network.root.kind === float16SequentialDefinition.kind;
}
