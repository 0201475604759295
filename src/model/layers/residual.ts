/**
 * Residual containers: two paths from one input, joined element by element. `SEWBlock` joins spikes behind the neurons
 * (Fang et al., "Deep Residual Learning in Spiking Neural Networks", 2021); `SpikingResBlock` adds before its last neuron.
 */
import { z } from "zod";
import { fail, formatShape, type Shape, sameShape } from "../../core/index.ts";
import { add, mul, roundFloat16, sub, type Tensor } from "../../tensor/index.ts";
import type { GraphBuilder } from "../graph.ts";
import type { ForwardContext, LayerDefinition } from "./define.ts";
import { Layer } from "./layer.ts";
import { layerFactory } from "./registry.ts";

const member = z.instanceof(Layer);
const paths = {
  path: member.describe("the layers that the block is made of, a Sequential"),
  shortcut: member.optional().describe("the other path; the input itself when it is not given"),
};

const sewOptions = z.strictObject({
  ...paths,
  connect: z
    .enum(["ADD", "AND", "IAND"])
    .default("ADD")
    .describe("how both paths are joined: sum, product, or (1 - path) times shortcut"),
});
export type SEWBlockOptions = z.infer<typeof sewOptions>;

const resOptions = z.strictObject({ ...paths, neuron: member.describe("fires on the sum of both paths") });
export type SpikingResBlockOptions = z.infer<typeof resOptions>;

interface Paths {
  path: Layer;
  shortcut?: Layer | undefined;
}

/** The common shape behind both paths. */
function joinedShape(input: Shape, { path, shortcut }: Paths, where: string): Shape {
  const [main, other] = [path.outputShape(input), shortcut?.outputShape(input) ?? input];
  if (!sameShape(main, other)) {
    const got = `${formatShape(main)} and ${formatShape(other)}`;
    const hint = "Give the shortcut a convolution with the same stride and channels.";
    fail("SHAPE", { where, expected: "paths that end in one shape", got, hint });
  }
  return main;
}

function forwardPaths(x: Tensor, { path, shortcut }: Paths, context: ForwardContext): [Tensor, Tensor] {
  return [path.forward(x, context), shortcut?.forward(x, context) ?? x];
}

/** Ids of the nodes behind both paths. */
function lowerPaths({ path, shortcut }: Paths, graph: GraphBuilder): [string, string] {
  const start = graph.current.id;
  path.definition.lower(path, graph);
  const main = graph.current.id;
  graph.resume(start);
  shortcut?.definition.lower(shortcut, graph);
  return [main, graph.current.id];
}

const members = ({ path, shortcut }: Paths): Record<string, Layer> => (shortcut ? { path, shortcut } : { path });

/** Input and output as the paths have them. */
export const sewBlockDefinition: LayerDefinition<SEWBlockOptions, z.input<typeof sewOptions>> = {
  kind: "SEWBlock",
  summary: "residual block that joins the spikes of both paths",
  options: sewOptions,
  sees: "any",
  // a product of spikes is a number of the input; a sum may leave the whole numbers that float16 holds
  shape: (input, o, where) => joinedShape(input, o, where),
  children: members,
  forward(x, { options: o }, context) {
    const [main, other] = forwardPaths(x, o, context);
    if (o.connect === "ADD") return add(main, other);
    return mul(o.connect === "AND" ? main : sub(1, main), other);
  },
  lower(layer, graph) {
    const { connect } = layer.options;
    const inputs = lowerPaths(layer.options, graph);
    const facts = { source: layer.path, shape: graph.current.shape, inputs };
    if (connect === "ADD") graph.add("add", facts);
    else graph.add("gate", { ...facts, inverted: connect === "IAND" });
  },
};

/** Input and output as the paths have them; the neuron fires on their sum. */
export const spikingResBlockDefinition: LayerDefinition<SpikingResBlockOptions, z.input<typeof resOptions>> = {
  kind: "SpikingResBlock",
  summary: "residual block whose last neuron fires on the sum of both paths",
  options: resOptions,
  sees: "any",
  rounds: false,
  shape: (input, o, where) => o.neuron.outputShape(joinedShape(input, o, where)),
  children: (o) => ({ ...members(o), neuron: o.neuron }),
  forward(x, { options: o }, context) {
    const sum = add(...forwardPaths(x, o, context));
    return o.neuron.forward(context.arithmetic === "float16" ? roundFloat16(sum) : sum, context);
  },
  lower(layer, graph) {
    const inputs = lowerPaths(layer.options, graph);
    graph.add("add", { source: layer.path, shape: graph.current.shape, inputs });
    layer.options.neuron.definition.lower(layer.options.neuron, graph);
  },
};

export const SEWBlock = layerFactory(sewBlockDefinition);
export const SpikingResBlock = layerFactory(spikingResBlockDefinition);
