/**
 * The surrogates by name: reading them from JSON, making them in SpikingJelly's style, and what the kernels are given.
 */
import { fail, nearestName, parseWith } from "../../core/index.ts";
import { float32Arithmetic } from "./arithmetic.ts";
import { atan } from "./atan.ts";
import type { SurrogateContext, SurrogateDefinition } from "./define.ts";
import { erf } from "./erf.ts";
import { lavaExponential } from "./lava-exponential.ts";
import { piecewiseQuadratic } from "./piecewise-quadratic.ts";
import { sigmoid } from "./sigmoid.ts";
import { softSign } from "./soft-sign.ts";

/** Every surrogate definition by kind. */
export const surrogateDefinitions = {
  Sigmoid: sigmoid,
  ATan: atan,
  PiecewiseQuadratic: piecewiseQuadratic,
  SoftSign: softSign,
  Erf: erf,
  LavaExponential: lavaExponential,
} as const;

export type SurrogateKind = keyof typeof surrogateDefinitions;

/** A surrogate with its options, as it stands in a network's JSON: `{ kind: "ATan", alpha: 2 }`. */
export type Surrogate = Readonly<{ kind: SurrogateKind } & Record<string, number | string>>;

export function surrogateDefinition(kind: SurrogateKind): SurrogateDefinition {
  return surrogateDefinitions[kind];
}

/** Reads `{ kind, ...options }`, fills in defaults; throws an OPTION error that names the field. */
export function parseSurrogate(json: unknown, where = "surrogate"): Surrogate {
  const kinds = Object.keys(surrogateDefinitions);
  if (typeof json !== "object" || json === null || !("kind" in json)) {
    fail("OPTION", { where, expected: 'an object such as { "kind": "ATan" }', got: JSON.stringify(json) ?? "nothing" });
  }
  const { kind, ...options } = json;
  if (typeof kind !== "string" || !kinds.includes(kind)) {
    const near = nearestName(String(kind), kinds);
    fail("OPTION", {
      where: `${where}: kind`,
      expected: kinds.join(", "),
      got: JSON.stringify(kind) ?? "nothing",
      ...(near ? { hint: `Did you mean "${near}"?` } : {}),
    });
  }
  const known = kind as SurrogateKind;
  const parsed = parseWith(surrogateDefinition(known).options, options, `${where} ${kind}`);
  return { kind: known, ...(parsed as Record<string, number>) };
}

type SurrogateFactories = { readonly [K in SurrogateKind]: (options?: Record<string, number>) => Surrogate };

/** `surrogate.ATan({ alpha: 2 })`. */
export const surrogate = Object.fromEntries(
  Object.keys(surrogateDefinitions).map((kind) => [kind, (options = {}) => parseSurrogate({ kind, ...options })]),
) as unknown as SurrogateFactories;

/** Name and numbers by which the kernels know a surrogate, for a neuron of the given threshold. */
export function surrogateCall(
  chosen: Surrogate,
  context: SurrogateContext,
): { surrogate: SurrogateKind; surrogateParams: Float64Array } {
  const { kind, ...options } = chosen;
  const definition = surrogateDefinition(kind);
  const values = definition.derive(options, context);
  const names = Object.keys(definition.parameters);
  return { surrogate: kind, surrogateParams: Float64Array.from(names, (name) => Math.fround(values[name]!)) };
}

/** The float32 function of a surrogate, as the kernels compute it: its derivative, or the primitive itself. */
export function surrogateFunction(
  chosen: Surrogate,
  context: SurrogateContext,
  what: "derivative" | "primitive" = "derivative",
): (x: number) => number {
  const definition = surrogateDefinition(chosen.kind);
  const { surrogateParams } = surrogateCall(chosen, context);
  const names = Object.keys(definition.parameters);
  const p = Object.fromEntries(names.map((name, i) => [name, surrogateParams[i]!]));
  return (x) => definition[what](float32Arithmetic, x, p);
}
