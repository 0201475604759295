/** What a neuron definition holds: everything that is true of the neuron anywhere, once. */
import type { z } from "zod";
import type { ParameterWords, Reading, Words } from "./vocabulary.ts";

/**
 * Static choices and their values: they select which variant of the step is printed, and appear in its name in this
 * order.
 */
export type FlagValues = Readonly<Record<string, readonly string[]>>;
export type FlagsOf<V extends FlagValues> = { readonly [K in keyof V]: V[K][number] };
export type Flags = Readonly<Record<string, string>>;

export interface StateSpec<O extends object> {
  /** What it is and its unit. */
  meaning: string;
  /** Value before the first step, in the unit of the edge (reals). */
  initial(options: O): number;
  /** Which variants have it; by default all. */
  only?(flags: Flags): boolean;
}

export interface KernelParameter {
  meaning: string;
  /** A whole number on the grid, held in float64. Others are reals. */
  grid?: true;
  /** Follows a learned value, so the kernel sums its gradient. */
  learned?: boolean | ((flags: Flags) => boolean);
}

export interface LearnedValue<O extends object> {
  meaning: string;
  initial(options: O): number;
}

export interface StepInputs<E, S extends string> {
  /** Input of this step. */
  x: E;
  /** States after the step before. */
  state: Readonly<Record<S, E>>;
}

export interface StepResult<E, S extends string> {
  /** Absent where the neuron is only an integrator. */
  spike?: E;
  state: Record<S, E>;
}

export interface NeuronDefinition<
  O extends object = object,
  S extends string = string,
  P extends string = string,
  V extends FlagValues = FlagValues,
> {
  /** Name in code, JSON, messages and chip tables. */
  kind: string;
  summary: string;
  /** Paper, or system and file, that defines the equations. */
  source: string;
  /** Strict zod object; every field described. */
  options: z.ZodType<O>;
  readings: readonly Reading[];
  flags: V;
  /** Which combinations of flags exist; by default all. The first of each flag's values must be among them. */
  legal?(flags: Flags): boolean;
  flagsOf(options: NoInfer<O>): FlagsOf<V>;
  state: Readonly<Record<S, StateSpec<NoInfer<O>>>>;
  /** Numbers the step reads. */
  parameters: Readonly<Record<P, KernelParameter>>;
  /** Scalars that training may change, by their checkpoint name. */
  learned?(options: NoInfer<O>): Readonly<Record<string, LearnedValue<NoInfer<O>>>>;
  /** Parameters from options and learned values; in float64, so a target rounds each once. */
  derive<E>(w: ParameterWords<E>, options: NoInfer<O>, learned: Readonly<Record<string, E>>): Record<P, E>;
  step<E>(w: Words<E>, inputs: StepInputs<E, S>, p: Readonly<Record<P, E>>, flags: FlagsOf<V>): StepResult<E, S>;
  /** The parameter that holds the grid's scale, when states and charged values are grid numbers. */
  gridScale?: NoInfer<P>;
  /** Firing threshold and unit of the surrogate's argument. Absent for integrators. */
  threshold?(options: NoInfer<O>): number;
  /** Surrogate function of layers whose options name none, where it is not the usual one. */
  defaultSurrogate?(options: NoInfer<O>): { kind: string } | null;
  /** The same neuron with its learned values written into fixed options, for graphs and chips. */
  freeze?(options: NoInfer<O>, learned: Readonly<Record<string, number>>): { kind: string; options: object };
  /**
   * Options of the neuron seen from its reset potential: same spikes, states lower by vReset, reset to 0. Only where
   * that holds.
   */
  shifted?(options: NoInfer<O>): NoInfer<O>;
}

/** Names of the states that a variant has, in declared order. */
export function stateNamesOf({ state }: NeuronDefinition, flags: Flags): string[] {
  return Object.keys(state).filter((name) => state[name]!.only?.(flags) ?? true);
}

/** Checks the types of a definition; adds nothing. */
export function defineNeuron<O extends object, S extends string, P extends string, const V extends FlagValues>(
  definition: NeuronDefinition<O, S, P, V>,
): NeuronDefinition<O, S, P, V> {
  return definition;
}
