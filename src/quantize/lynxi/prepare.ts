/** The trainable float16 twin of a network, for Lynxi chips: batch norm folded, every result rounded to float16. */
import { z } from "zod";
import { fail, parseWith } from "../../core/index.ts";
import {
  copyLayer,
  isSpikingNeuron,
  Layer,
  mapMembers,
  Network,
  neuronDefinition,
  Sequential,
} from "../../model/index.ts";
import { Float16Sequential, float16SequentialDefinition } from "./float16.ts";
import { foldBatchNorm, foldsInto } from "./fold.ts";

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

/** A new network with its own tensors, names as in the original. Neurons without a float16 reading are refused. */
export function prepareForLynxi(network: Network, options: LynxiPrepareOptions = {}): Network {
  const { foldBatchNorm: fold } = parseWith(optionsSchema, options.options ?? {}, "Lynxi prepare options");
  for (const layer of network.layers()) expectHalf(layer);
  return new Network({
    inputShape: network.inputShape,
    steps: network.steps,
    encoder: network.encoder,
    root: Float16Sequential(isSequence(network.root) ? members(network.root, fold) : { 0: copyLayer(network.root) }),
  });
}

const isSequence = ({ kind }: Layer) => kind === "Sequential" || kind === float16SequentialDefinition.kind;

function expectHalf(layer: Layer): void {
  if (!isSpikingNeuron(layer) || neuronDefinition(layer.kind).readings.includes("half")) return;
  fail("TARGET", {
    where: `Lynxi, ${layer.label}`,
    expected: "a neuron with a float16 reading, such as IFNode or LIFNode",
    got: layer.kind,
    hint: "Its integer arithmetic is Loihi's: prepare the network it was made from.",
  });
}

function members(container: Layer, fold: boolean): Record<string, Layer> {
  const prepared: [string, Layer][] = [];
  for (const [name, child] of container.children) {
    const before = prepared.at(-1);
    if (fold && before && foldsInto(before[1], child)) {
      const weighted = before[1];
      before[1] = foldBatchNorm(weighted, child);
      weighted.dispose();
    } else prepared.push([name, preparedLayer(child, fold)]);
  }
  return Object.fromEntries(prepared);
}

/** Norms are folded in the members of every container, residual blocks included. */
function preparedLayer(layer: Layer, fold: boolean): Layer {
  if (isSequence(layer)) return Sequential(members(layer, fold));
  if (layer.children.size === 0) return copyLayer(layer);
  return new Layer(
    layer.definition,
    mapMembers(layer.options, (member) => preparedLayer(member, fold)),
  );
}

/** True when a network computes in float16 already. */
export function isPreparedForLynxi(network: Network): boolean {
  return network.root.kind === float16SequentialDefinition.kind;
}
