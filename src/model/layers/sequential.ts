/** Layers one after the other (PyTorch's `Sequential`), numbered or named. */
import { z } from "zod";
import type { Tensor } from "../../tensor/index.ts";
import type { LayerDefinition } from "./define.ts";
import { Layer } from "./layer.ts";
import { describeLayer, layerFactory } from "./registry.ts";

const member = z.instanceof(Layer);
const options = z.strictObject({
  layers: z
    .union([z.array(member), z.record(z.string().regex(/^[A-Za-z0-9_]+$/), member)])
    .describe("members in order: a list (named 0, 1, ...) or an object whose names appear in checkpoint keys"),
});
export type SequentialOptions = z.infer<typeof options>;

export const sequentialDefinition: LayerDefinition<SequentialOptions> = {
  kind: "Sequential",
  summary: "layers one after the other",
  options,
  sees: "any",
  children: (o) => ({ ...o.layers }) as Record<string, Layer>,
  shape(input, o) {
    return Object.values(o.layers).reduce((shape, layer: Layer) => layer.outputShape(shape), input);
  },
  forward(x, layer, context) {
    let current: Tensor = x;
    for (const child of layer.children.values()) {
      const next = child.forward(current, context);
      // what backward needs is held by the tape; everything else can go now
      if (current !== x && current !== next) current.dispose();
      current = next;
    }
    return current;
  },
  lower(layer, graph) {
    for (const child of layer.children.values()) child.definition.lower(child, graph);
  },
  describe(layer) {
    const described = [...layer.children].map(([name, child]) => [name, describeLayer(child)] as const);
    return { layers: Array.isArray(layer.options.layers) ? described.map(([, d]) => d) : Object.fromEntries(described) };
  },
};

const factory = layerFactory(sequentialDefinition);

/** `Sequential([Conv2d(...), IFNode()])` or `Sequential({ features: Sequential([...]), head: Linear(...) })`. */
// biome-ignore lint/suspicious/noExplicitAny: members may be layers of any option type
export const Sequential = (layers: Layer<any>[] | Record<string, Layer<any>>): Layer<SequentialOptions> => factory({ layers });
