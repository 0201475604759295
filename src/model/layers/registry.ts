/** A registry of layers is a value: it is composed in one place (`src/layers.ts`) and passed to whatever reads network descriptions. */
import { fail, nearestName, parseWith } from "../../core/index.ts";
import type { LayerDefinition } from "./define.ts";
import { Layer } from "./layer.ts";
import { mapMembers } from "./members.ts";

export type LayerRegistry = ReadonlyMap<string, LayerDefinition>;

export function layerRegistry(...lists: readonly (readonly LayerDefinition[])[]): LayerRegistry {
  const registry = new Map<string, LayerDefinition>();
  for (const definition of lists.flat()) {
    const { kind } = definition;
    if (registry.has(kind))
      fail("OPTION", { where: "layer registry", expected: "every kind once", got: `"${kind}" twice` });
    registry.set(kind, definition);
  }
  return registry;
}

/** A layer in a JSON description: `{ "kind": "Conv2d", ...options }`. */
export interface LayerDescription {
  kind: string;
  [option: string]: unknown;
}

/** Builds a layer (and its members) from JSON. Unknown kinds and options are refused with the nearest name. */
export function layerFromDescription(description: unknown, registry: LayerRegistry, where = "network"): Layer {
  if (!isDescription(description)) {
    const got = JSON.stringify(description) ?? "nothing";
    fail("OPTION", { where, expected: 'a layer such as { "kind": "Conv2d", ... }', got });
  }
  const { kind, ...options } = description;
  const definition = registry.get(kind);
  if (!definition) {
    const near = nearestName(kind, [...registry.keys()]);
    fail("OPTION", {
      where,
      expected: `one of ${[...registry.keys()].join(", ")}`,
      got: `"${kind}"`,
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  return makeLayer(definition, withMembers(options, registry, where), `${where} (${kind})`);
}

function isDescription(value: unknown): value is LayerDescription {
  return value !== null && typeof value === "object" && "kind" in value && typeof value.kind === "string";
}

/** Options in which containers name one member; `layers` names several. */
const MEMBERS = ["synapse", "recurrent", "neuron", "norm", "path", "shortcut"];

/** Builds the members of a container, which come before the container itself. */
function withMembers(
  options: Record<string, unknown>,
  registry: LayerRegistry,
  where: string,
): Record<string, unknown> {
  const built = { ...options };
  const build = (member: unknown, name: string) => layerFromDescription(member, registry, `${where}.${name}`);
  const { layers } = options;
  if (Array.isArray(layers)) built.layers = layers.map((member, i) => build(member, `${i}`));
  else if (layers !== null && typeof layers === "object") {
    built.layers = Object.fromEntries(Object.entries(layers).map(([name, member]) => [name, build(member, name)]));
  }
  for (const name of MEMBERS) if (options[name] !== undefined) built[name] = build(options[name], name);
  return built;
}

/** Validates options against the entry and makes the layer. */
export function makeLayer<O extends object, I>(
  definition: LayerDefinition<O, I>,
  options: unknown,
  where = definition.kind,
): Layer<O> {
  return new Layer(definition, parseWith(definition.options, options ?? {}, where));
}

/** A layer entry as a function of its options, which may be left out where all have defaults. */
export type LayerFactory<O extends object, I> = ((
  ...options: object extends I ? [options?: I] : [options: I]
) => Layer<O>) & {
  definition: LayerDefinition<O, I>;
};

/** The factory of an entry, for use in code: `Conv2d({ inChannels: 1, outChannels: 16, kernelSize: 3 })`. */
export function layerFactory<O extends object, I>(definition: LayerDefinition<O, I>): LayerFactory<O, I> {
  const make = (options?: I) => makeLayer(definition, options);
  return Object.assign(make as (...options: object extends I ? [options?: I] : [options: I]) => Layer<O>, {
    definition,
  });
}

/** JSON description of a layer, the inverse of `layerFromDescription`. */
export function describeLayer(layer: Layer): LayerDescription {
  return { kind: layer.kind, ...mapMembers(layer.options, describeLayer) };
}
