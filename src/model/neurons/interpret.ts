/**
 * A neuron over time in plain numbers: slow, obvious, the living definition that the kernels are compared with. Arrays
 * are `[T, E]` (T steps, E elements), states `[E]`, reals in float32. Gradients are added in the kernels' order, so
 * that they agree bit for bit; gradients of parameters are summed in another order and agree only closely.
 */
import type { Flags } from "./define.ts";
import { neuronDefinition } from "./registry.ts";
import { numberWords, roundEven, roundTo } from "./targets/number.ts";
import { backwardStep, forwardStep, learnedParameters, restart } from "./targets/step.ts";
import { choiceOf, type NeuronVariant } from "./variant.ts";

export interface InterpretedForward {
  /** All zero for an integrator. */
  spike: Float32Array;
  saved: Record<string, Float32Array>;
  stateSeqs: Record<string, Float32Array>;
  finalStates: Record<string, Float32Array>;
}

export interface GivenGradients {
  spike?: Float32Array;
  stateSeqs?: Record<string, Float32Array>;
  saved?: Record<string, Float32Array>;
  finalStates?: Record<string, Float32Array>;
}

export interface InterpretedBackward {
  x: Float32Array;
  initialStates: Record<string, Float32Array>;
  params: Float64Array;
}

/** The variant's numbers and the way between the edge (reals) and the inside (reals or grid numbers). */
function inside(variant: NeuronVariant, flags: Flags) {
  const definition = neuronDefinition(variant.kind);
  const { reading } = variant;
  const words = numberWords(reading);
  const parameters = Object.fromEntries(Object.keys(definition.parameters).map((name) => [name, Number.NaN]));
  variant.paramNames.forEach((name, i) => {
    parameters[name] = variant.params[i]!;
  });
  const grid = definition.gridScale ? parameters[definition.gridScale]! : null;
  const round = roundTo(reading);
  return {
    definition,
    flags,
    words,
    parameters,
    toInside: (value: number) => (grid === null ? round(value) : roundEven(value * grid)),
    toEdge: (value: number) => (grid === null ? value : words.fromGrid(value, grid)),
    gradientIn: (gradient: number) => (grid === null ? gradient : Math.fround(gradient * Math.fround(1 / grid))),
    gradientOut: (gradient: number) => (grid === null ? gradient : Math.fround(gradient * grid)),
    enter: reading === "half" ? round : (x: number) => x,
  };
}

type Inside = ReturnType<typeof inside>;

function insideOf(variant: NeuronVariant, options: object): Inside {
  return inside(variant, choiceOf(variant.kind, options, variant.reading).flags);
}

const rows = (names: readonly string[], size: number): Record<string, Float32Array> =>
  Object.fromEntries(names.map((name) => [name, new Float32Array(size)]));

const at = (arrays: Readonly<Record<string, Float32Array>>, i: number, map: (value: number) => number) =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, map(array[i]!)]));

/** Runs a variant forward from `initialStates` `[E]`. `options` are those the variant was made from. */
export function interpretForward(
  variant: NeuronVariant,
  options: object,
  steps: number,
  x: Float32Array,
  initialStates: Readonly<Record<string, Float32Array>>,
): InterpretedForward {
  const target = insideOf(variant, options);
  const elements = x.length / steps;
  const result: InterpretedForward = {
    spike: new Float32Array(x.length),
    saved: rows(variant.savedNames, x.length),
    stateSeqs: rows(variant.stateNames, x.length),
    finalStates: rows(variant.stateNames, elements),
  };
  for (let e = 0; e < elements; e++) {
    let state = at(initialStates, e, target.toInside);
    for (let t = 0; t < steps; t++) {
      const i = t * elements + e;
      const inputs = { x: target.enter(x[i]!), state, parameters: target.parameters };
      const next = forwardStep(target.definition, target.flags, target.words, inputs);
      state = { ...next.state };
      result.spike[i] = next.spike ?? 0;
      for (const [name, value] of next.charged) result.saved[name]![i] = target.toEdge(value);
      for (const name of variant.stateNames) result.stateSeqs[name]![i] = target.toEdge(state[name]!);
    }
    for (const name of variant.stateNames) result.finalStates[name]![e] = target.toEdge(state[name]!);
  }
  return result;
}

export interface BackwardRun {
  steps: number;
  x: Float32Array;
  initialStates: Readonly<Record<string, Float32Array>>;
  saved: Readonly<Record<string, Float32Array>>;
  gradients: GivenGradients;
  /** Derivative of the surrogate function. */
  surrogate(argument: number): number;
}

/** Runs a variant backward from what the forward run saved. */
export function interpretBackward(variant: NeuronVariant, options: object, run: BackwardRun): InterpretedBackward {
  const target = insideOf(variant, options);
  const elements = run.x.length / run.steps;
  const result: InterpretedBackward = {
    x: new Float32Array(run.x.length),
    initialStates: rows(variant.stateNames, elements),
    params: new Float64Array(variant.params.length),
  };
  for (let e = 0; e < elements; e++) {
    let carry = Object.fromEntries(
      variant.stateNames.map((name) => [name, target.gradientIn(run.gradients.finalStates?.[name]?.[e] ?? 0)]),
    );
    for (let t = run.steps - 1; t >= 0; t--) {
      const step = stepBack(variant, target, run, { t, e, elements }, carry);
      result.x[t * elements + e] = step.x ?? 0;
      carry = Object.fromEntries(variant.stateNames.map((name) => [name, step.state[name] ?? 0]));
      for (const name of learnedParameters(target.definition, target.flags)) {
        const index = variant.paramNames.indexOf(name);
        if (index >= 0) result.params[index]! += step.parameters[name] ?? 0;
      }
    }
    for (const name of variant.stateNames) result.initialStates[name]![e] = target.gradientOut(carry[name]!);
  }
  return result;
}

function stepBack(
  variant: NeuronVariant,
  target: Inside,
  run: BackwardRun,
  { t, e, elements }: { t: number; e: number; elements: number },
  carry: Readonly<Record<string, number>>,
) {
  const i = t * elements + e;
  const unknown = Object.fromEntries(variant.stateNames.map((name) => [name, Number.NaN]));
  const restartAt = (index: number) =>
    restart(target.definition, target.flags, target.words, {
      x: Number.NaN,
      state: unknown,
      parameters: target.parameters,
      charged: at(run.saved, index, target.toInside),
    });
  const before = t === 0 ? at(run.initialStates, e, target.toInside) : restartAt(i - elements).state;
  const { argument } = restartAt(i);
  const gradState = Object.fromEntries(
    variant.stateNames.map((name) => {
      const given = run.gradients.stateSeqs?.[name]?.[i];
      return [name, given === undefined ? carry[name]! : Math.fround(carry[name]! + target.gradientIn(given))];
    }),
  );
  return backwardStep(target.definition, target.flags, target.words, numberWords("float32"), {
    x: target.enter(run.x[i]!),
    state: before,
    parameters: target.parameters,
    charged: at(run.saved, i, target.toInside),
    slope: argument === undefined ? 0 : run.surrogate(argument),
    gradSpike: run.gradients.spike?.[i] ?? 0,
    gradState,
    gradCharged: Object.fromEntries(
      variant.savedNames.map((name) => [name, target.gradientIn(run.gradients.saved?.[name]?.[i] ?? 0)]),
    ),
  });
}
