/** Votes of equal classes: the mean over neighbouring outputs (SpikingJelly's `VotingLayer`). */
import { z } from "zod";
import { fail, formatShape, positiveInteger } from "../../core/index.ts";
import { avgPool, reshape } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";

const options = z.strictObject({ votingSize: positiveInteger.default(10).describe("outputs that vote for one class") });
export type VotingOptions = z.infer<typeof options>;

/** Input `[F]`, output `[F / votingSize]`. */
export const votingLayerDefinition: LayerDefinition<VotingOptions, z.input<typeof options>> = {
  kind: "VotingLayer",
  summary: "mean of every votingSize neighbouring outputs",
  options,
  sees: "stateless",
  shape(input, { votingSize }, where) {
    if (input.length !== 1 || input[0]! % votingSize !== 0) {
      const hint = "Put a Flatten before it, or change the size of the layer before.";
      fail("SHAPE", { where, expected: `a multiple of ${votingSize} features`, got: formatShape(input), hint });
    }
    return [input[0]! / votingSize];
  },
  forward(x, { options: { votingSize } }) {
    const [batch = 0, features = 0] = x.shape;
    const votes = avgPool(reshape(x, [batch, 1, features]), { kernelSize: votingSize });
    return reshape(votes, [batch, features / votingSize]);
  },
  lower(layer, graph) {
    graph.add("voting", {
      source: layer.path,
      shape: layer.outputShape(graph.current.shape),
      size: layer.options.votingSize,
    });
  },
};

export const VotingLayer = layerFactory(votingLayerDefinition);
