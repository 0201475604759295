/**
 * One step of a neuron over any target, forward and backward: which values go in and come out, in which order gradients
 * are added. Kernels, the interpreter and the printed code all follow it.
 */
import type { Flags, NeuronDefinition } from "../define.ts";
import type { Words } from "../vocabulary.ts";
import { Adjoints, constantDual, type Dual, dualWords, variableDual } from "./derivative.ts";

export type Named<E> = Readonly<Record<string, E>>;

export interface ForwardInputs<E> {
  x: E;
  state: Named<E>;
  parameters: Named<E>;
}

export interface ForwardResult<E> {
  spike: E | undefined;
  state: Named<E>;
  charged: Map<string, E>;
}

/** A step forward, with its charged values in the order in which they are computed. */
export function forwardStep<E>(
  definition: NeuronDefinition,
  flags: Flags,
  words: Words<E>,
  { x, state, parameters }: ForwardInputs<E>,
): ForwardResult<E> {
  const charged = new Map<string, E>();
  const recording: Words<E> = {
    ...words,
    charged(name, value) {
      const marked = words.charged(name, value);
      charged.set(name, marked);
      return marked;
    },
  };
  const result = definition.step(recording, { x, state }, parameters, flags);
  return { spike: result.spike, state: result.state, charged };
}

/** What follows from the charged values alone: the states after the step and the argument of the surrogate. */
export function restart<E>(
  definition: NeuronDefinition,
  flags: Flags,
  words: Words<E>,
  inputs: ForwardInputs<E> & { charged: Named<E> },
): { state: Named<E>; argument: E | undefined } {
  let argument: E | undefined;
  const restarting: Words<E> = {
    ...words,
    charged: (name) => inputs.charged[name]!,
    spike(facts) {
      argument = facts.argument ?? words.sub(facts.value, facts.threshold);
      return words.spike(facts);
    },
  };
  const { state } = definition.step(restarting, inputs, inputs.parameters, flags);
  return { state, argument };
}

export interface BackwardInputs<E> extends ForwardInputs<E> {
  charged: Named<E>;
  /** Derivative of the surrogate function at the spike's argument. */
  slope: E;
  gradSpike: E;
  /** Gradients of the states after the step. */
  gradState: Named<E>;
  /** Gradients that losses give the charged values directly. */
  gradCharged: Named<E>;
}

export interface BackwardResult<E> {
  x: E | undefined;
  /** Gradients of the states before the step; undefined where none flows. */
  state: Readonly<Record<string, E | undefined>>;
  /** Gradients of the learned parameters. */
  parameters: Readonly<Record<string, E | undefined>>;
}

function parameterDuals<E>(definition: NeuronDefinition, flags: Flags, parameters: Named<E>): Record<string, Dual<E>> {
  const learned = new Set(learnedParameters(definition, flags));
  return Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [
      name,
      learned.has(name) ? variableDual(`parameter ${name}`, value) : constantDual(value),
    ]),
  );
}

/** Names of the parameters whose gradients a variant sums. */
export function learnedParameters(definition: NeuronDefinition, flags: Flags): string[] {
  return Object.entries(definition.parameters)
    .filter(([, { learned = false }]) => (typeof learned === "function" ? learned(flags) : learned))
    .map(([name]) => name);
}

/** A step backward: the gradients of input, previous states and learned parameters. */
export function backwardStep<E>(
  definition: NeuronDefinition,
  flags: Flags,
  values: Words<E>,
  gradients: Words<E>,
  inputs: BackwardInputs<E>,
): BackwardResult<E> {
  const marks: { name: string; partials: Dual<E>["partials"] }[] = [];
  const hooks = { charged: (name: string) => inputs.charged[name]!, slope: () => inputs.slope };
  const words = dualWords(values, gradients, hooks, (name, partials) => marks.push({ name, partials }));
  const state = Object.fromEntries(
    Object.entries(inputs.state).map(([name, value]) => [name, variableDual(`state ${name}`, value)]),
  );
  const parameters = parameterDuals(definition, flags, inputs.parameters);
  const result = definition.step(words, { x: variableDual("x", inputs.x), state }, parameters, flags);

  const adjoints = new Adjoints<E>(gradients);
  if (result.spike) adjoints.flow(inputs.gradSpike, result.spike.partials);
  for (const [name, dual] of Object.entries(result.state)) adjoints.flow(inputs.gradState[name]!, dual.partials);
  for (const { name, partials } of marks.reverse()) {
    adjoints.flow(adjoints.add(`charged ${name}`, inputs.gradCharged[name]!), partials);
  }
  return {
    x: adjoints.get("x"),
    state: mapNames(Object.keys(inputs.state), (name) => adjoints.get(`state ${name}`)),
    parameters: mapNames(learnedParameters(definition, flags), (name) => adjoints.get(`parameter ${name}`)),
  };
}

function mapNames<T>(names: readonly string[], value: (name: string) => T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, value(name)]));
}
