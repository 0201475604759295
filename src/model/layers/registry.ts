/** A registry of layers is a value: it is composed in one place (`src/index.ts`) and passed to whatever reads network descriptions. */
import { fail, nearestName, parseWith } from "../../core/index.ts";
import type { LayerDefinition } from "./define.ts";
import { Layer } from "./layer.ts";

// biome-ignore lint/suspicious/noExplicitAny: a registry holds entries of every option type; options are validated by the entry itself
export type AnyLayerDefinition = LayerDefinition<any>;

export type LayerRegistry = ReadonlyMap<string, AnyLayerDefinition>;

export function layerRegistry(...lists: readonly (readonly AnyLayerDefinition[])[]): LayerRegistry {
  return new Map(lists.flat().map((definition) => [definition.kind, definition]));
}

/** A layer in a JSON description: `{ "kind": "Conv2d", ...options }`. */
export interface LayerDescription {
  kind: string;
  [option: string]: unknown;
}

/** Builds a layer (and its members) from JSON. Unknown kinds and options are refused with the nearest name. */
export function layerFromDescription(description: unknown, registry: LayerRegistry, where = "network"): Layer {
  if (description === null || typeof description !== "object" || !("kind" in description)) {
    fail("OPTION", { where, expected: 'a layer such as { "kind": "Conv2d", ... }', got: JSON.stringify(description) ?? "nothing" });
  }
  const { kind, ...options } = description as LayerDescription;
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

/** Containers name their members under `layers`, `synapse` and `neuron`; those are built first. */
function withMembers(options: Record<string, unknown>, registry: LayerRegistry, where: string): Record<string, unknown> {
  const built = { ...options };
  const build = (member: unknown, name: string) => layerFromDescription(member, registry, `${where}.${name}`);
  if (Array.isArray(built.layers)) built.layers = built.layers.map((member, i) => build(member, `${i}`));
  else if (built.layers && typeof built.layers === "object") {
    built.layers = Object.fromEntries(Object.entries(built.layers).map(([name, member]) => [name, build(member, name)]));
  }
  for (const name of ["synapse", "neuron", "norm"]) {
    if (built[name] && typeof built[name] === "object") built[name] = build(built[name], name);
  }
  return built;
}

/** Validates options against the entry and makes the layer. */
export function makeLayer<O extends object>(
  definition: LayerDefinition<O>,
  options: unknown,
  where = definition.kind,
): Layer<O> {
  return new Layer(definition, parseWith(definition.options, options ?? {}, where));
}

/** What `defineLayer` returns: call it with options to make a layer. */
export type LayerFactory<O extends object> = ((options?: unknown) => Layer<O>) & { definition: LayerDefinition<O> };

/** The factory of an entry, for use in code: `Conv2d({ inChannels: 1, outChannels: 16, kernelSize: 3 })`. */
export function layerFactory<O extends object>(definition: LayerDefinition<O>): LayerFactory<O> {
  return Object.assign((options?: unknown) => makeLayer(definition, options), { definition });
}

/** JSON description of a layer, the inverse of `layerFromDescription`. */
export function describeLayer(layer: Layer): LayerDescription {
  return { kind: layer.kind, ...(layer.definition.describe?.(layer) ?? layer.options) };
}
