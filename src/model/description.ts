/** Networks as JSON: the schema that configs and checkpoints share, and the way from JSON to a network. */
import { z } from "zod";
import { parseWith, positiveInteger } from "../core/index.ts";
import { encoderDefinitions, encoderFromDescription } from "./encoders/index.ts";
import { type LayerRegistry, layerFromDescription } from "./layers/registry.ts";
import { createNetwork, type Network, type NetworkParts } from "./network.ts";

const layerJson: z.ZodType<{ kind: string; [option: string]: unknown }> = z.looseObject({ kind: z.string() });

/** JSON description of a network, as it stands in configs and checkpoints. */
export const networkSchema = z.strictObject({
  inputShape: z.array(positiveInteger).min(1).describe("shape of one sample: [C,H,W] or [F]"),
  steps: positiveInteger.describe("number of time-steps T"),
  encoder: layerJson.default({ kind: "ConstantEncoder" }).describe("how a sample becomes a sequence"),
  root: layerJson.describe("the layers: usually a Sequential"),
});
export type NetworkDescription = z.infer<typeof networkSchema>;

/** Makes a network and its initial parameters from its JSON description. */
export function networkFromDescription(description: unknown, registry: LayerRegistry, seed = 0): Network {
  return createNetwork(partsFromDescription(description, registry), seed);
}

/** The parts of a network, without tensors. `where` begins every message about what is wrong in the description. */
export function partsFromDescription(description: unknown, registry: LayerRegistry, where = "network"): NetworkParts {
  const { inputShape, steps, encoder, root } = parseWith(networkSchema, description, where);
  return {
    inputShape,
    steps,
    encoder: encoderFromDescription(encoder, encoderDefinitions, `${where}.encoder`),
    root: layerFromDescription(root, registry, `${where}.root`),
  };
}
