/** Layers one after the other (PyTorch's `Sequential`), numbered or named. */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import type { ForwardContext, LayerDefinition } from "./define.ts";
import { Layer } from "./layer.ts";
import { makeLayer } from "./registry.ts";

const member = z.instanceof(Layer);
const isNumber = (name: string) => /^\d+$/.test(name);

/** JavaScript keeps names in the order they were written, but puts numbers first: a mixture would silently run in another order. */
const oneKindOfName = (members: object) => new Set(Object.keys(members).map(isNumber)).size <= 1;

const options = z.strictObject({
  layers: z
    .union([
      z.array(member),
      z
        .record(z.string().regex(/^[A-Za-z0-9_]+$/), member)
        .refine(oneKindOfName, { message: "numbers and words mixed as names of layers" }),
    ])
    .describe(
      "members in order: a list (named 0, 1, ...) or an object whose names appear in checkpoint keys (all words, or all numbers)",
    ),
});
export type SequentialOptions = z.infer<typeof options>;

export const sequentialDefinition: LayerDefinition<SequentialOptions> = {
  kind: "Sequential",
  summary: "layers one after the other",
  options,
  sees: "any",
  rounds: false,
  children: ({ layers }) => Object.fromEntries(Object.entries(layers)),
  shape(input, o) {
    return Object.values(o.layers).reduce((shape, layer) => layer.outputShape(shape), input);
  },
  forward: (x, layer, context) => forwardThrough(layer, x, context),
  lower(layer, graph) {
    for (const child of layer.children.values()) child.definition.lower(child, graph);
  },
};

/** Runs the members of a container one after the other. */
export function forwardThrough(
  container: { children: ReadonlyMap<string, Layer> },
  x: Tensor,
  context: ForwardContext,
): Tensor {
  let current = x;
  for (const child of container.children.values()) {
    const next = child.forward(current, context);
    // what backward needs is held by the tape; everything else can go now
    if (current !== x && current !== next) current.dispose();
    current = next;
  }
  return current;
}

/** `Sequential([Conv2d(...), IFNode()])` or `Sequential({ features: Sequential([...]), head: Linear(...) })`. */
export const Sequential = (layers: Layer[] | Record<string, Layer>): Layer<SequentialOptions> =>
  makeLayer(sequentialDefinition, { layers });
