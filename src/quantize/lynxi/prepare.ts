/** The trainable float16 twin of a network, for Lynxi chips: batch norm folded, every result rounded to float16. */
import { type Layer, Network } from "../../model/index.ts";
import { copyLayer } from "../copy.ts";
import { Float16Sequential } from "./float16.ts";
import { foldBatchNorm } from "./fold.ts";

export interface LynxiPrepareOptions {
  /** Fold batch norms into the convolutions before them (default). Otherwise they stay layers with their own rounding. */
  foldBatchNorm?: boolean;
}

/** A new network with its own tensors, names as in the original. */
export function prepareForLynxi(network: Network, options: LynxiPrepareOptions = {}): Network {
  const fold = options.foldBatchNorm ?? true;
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
