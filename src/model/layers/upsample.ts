/** Nearest-neighbour enlargement by whole factors (PyTorch's `Upsample` with mode "nearest"). */
import { z } from "zod";
import { positiveInteger, sizeOf } from "../../core/index.ts";
import { convTranspose, Tensor } from "../../tensor/index.ts";
import { graphArray } from "../graph.ts";
import type { LayerDefinition } from "./define.ts";
import { layerFactory } from "./registry.ts";
import { expectImage, perAxis, spread } from "./spatial.ts";

const options = z.strictObject({
  scaleFactor: perAxis(positiveInteger, 2).describe("how many times each pixel is repeated along an axis"),
  mode: z.literal("nearest").default("nearest").describe("each pixel becomes a block of equal pixels"),
});
export type UpsampleOptions = z.infer<typeof options>;

/** Input `[C,H,W]`, output `[C, H*f, W*f]`. Each channel is a transposed convolution with ones, which is exact and which chips have. */
export const upsampleDefinition: LayerDefinition<UpsampleOptions, z.input<typeof options>> = {
  kind: "Upsample",
  summary: "every pixel repeated",
  options,
  sees: "stateless",
  rounds: false,
  shape(input, o, where) {
    expectImage(input, 2, where);
    const factors = spread(o.scaleFactor, 2);
    return [input[0]!, ...input.slice(1).map((size, axis) => size * factors[axis]!)];
  },
  forward(x, { options: o }) {
    const factors = spread(o.scaleFactor, 2);
    const channels = x.shape[1]!;
    return convTranspose(x, Tensor.ones([channels, 1, ...factors]), null, { stride: factors, groups: channels });
  },
  lower(layer, graph) {
    const factors = spread(layer.options.scaleFactor, 2);
    const [channels = 1] = graph.current.shape;
    const shape = [channels, 1, ...factors];
    graph.add("convTranspose", {
      source: layer.path,
      shape: layer.outputShape(graph.current.shape),
      weight: graphArray(new Float32Array(sizeOf(shape)).fill(1), shape),
      bias: null,
      stride: factors,
      padding: [0, 0],
      outputPadding: [0, 0],
      dilation: [1, 1],
      groups: channels,
    });
  },
};

export const Upsample = layerFactory(upsampleDefinition);
