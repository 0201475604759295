/**
 * What a surrogate function is: a smooth stand-in for the step function whose derivative replaces the derivative of the
 * spike. The argument is potential minus threshold.
 */
import type { z } from "zod";
import type { FunctionWords } from "./arithmetic.ts";

/** What a surrogate may know of the neuron it serves. */
export interface SurrogateContext {
  /** Firing threshold in the neuron's own unit. */
  threshold: number;
}

export interface SurrogateDefinition<O extends object = object, P extends string = string> {
  /** Name in code and JSON. */
  kind: string;
  summary: string;
  /** Where the formula is defined. */
  source: string;
  /** Strict zod object without `kind`. */
  options: z.ZodType<O>;
  /** Numbers the formulas read, in the order of the kernel; computed in float64, rounded once to float32. */
  parameters: Readonly<Record<P, string>>;
  derive(options: O, context: SurrogateContext): Record<P, number>;
  /** The function itself, rising; its derivative is `derivative` except at kinks. */
  primitive<E>(w: FunctionWords<E>, x: E, p: Readonly<Record<P, E>>): E;
  derivative<E>(w: FunctionWords<E>, x: E, p: Readonly<Record<P, E>>): E;
}

/** Checks the types of a definition; adds nothing. */
export function defineSurrogate<O extends object, P extends string>(
  definition: SurrogateDefinition<O, P>,
): SurrogateDefinition<O, P> {
  return definition;
}
