/**
 * From a neuron and its options to what a kernel is called with: the variant's name, its numbers, and what it needs.
 */
import { fail } from "../../core/index.ts";
import type { Flags, NeuronDefinition } from "./define.ts";
import { neuronDefinition } from "./registry.ts";
import { printNeuron, type VariantChoice, type VariantFacts } from "./targets/cpp-neuron.ts";
import { dualParameterWords, partialOf, variableDual } from "./targets/derivative.ts";
import { float64Words, roundTo } from "./targets/number.ts";
import type { Reading } from "./vocabulary.ts";

export interface NeuronVariant {
  /** Name in the kernels, for example `LIFNode.hard0.input.full`. */
  name: string;
  kind: string;
  reading: Reading;
  /** Parameters in the kernel's order, rounded to the reading's format. */
  params: Float64Array;
  paramNames: readonly string[];
  stateNames: readonly string[];
  /** Values the forward pass can store, in the kernel's order. */
  savedNames: readonly string[];
  /** false: an integrator; its output is the sequence of its state. */
  fires: boolean;
  /** Which saved values the backward pass reads; the others may be 0 in both calls. */
  savedInBackward: readonly string[];
  readsInputInBackward: boolean;
  /** Learned values by checkpoint name, with the numbers `params` was made from. */
  learned: Readonly<Record<string, number>>;
  /** Gradients of the learned values from the kernel's `gradParams`. */
  learnedGradients(gradParams: Float64Array): Record<string, number>;
}

/** The chip reading runs forward only, so flags that change the gradient do not name its variant. */
export function variantName({ definition, flags, reading }: VariantChoice): string {
  if (reading === "chip") return `${definition.kind}.chip`;
  return [
    definition.kind,
    ...Object.keys(definition.flags).map((flag) => flags[flag]!),
    ...(reading === "half" ? ["half"] : []),
  ].join(".");
}

function choicesOfFlags(definition: NeuronDefinition): Flags[] {
  return Object.entries(definition.flags).reduce<Flags[]>(
    (known, [flag, values]) => known.flatMap((flags) => values.map((value) => ({ ...flags, [flag]: value }))),
    [{}],
  );
}

/** Every variant of a definition that the kernels are printed for. */
export function variantsOf(definition: NeuronDefinition): VariantChoice[] {
  return definition.readings.flatMap((reading) => {
    const flags = choicesOfFlags(definition).filter((chosen) => definition.legal?.(chosen) ?? true);
    return (reading === "chip" ? flags.slice(0, 1) : flags).map((chosen) => ({ definition, flags: chosen, reading }));
  });
}

const knownFacts = new Map<string, VariantFacts>();

function factsOf(choice: VariantChoice): VariantFacts {
  const name = variantName(choice);
  const facts = knownFacts.get(name) ?? printNeuron(choice).facts;
  knownFacts.set(name, facts);
  return facts;
}

/** The choice of variant that options make. */
export function choiceOf(kind: string, options: object, reading: Reading = "float32"): VariantChoice {
  const definition = neuronDefinition(kind);
  if (!definition.readings.includes(reading)) {
    fail("OPTION", {
      where: kind,
      expected: `one of the readings ${definition.readings.join(", ")}`,
      got: `"${reading}"`,
      hint: "This neuron is not defined in that arithmetic.",
    });
  }
  return { definition, flags: definition.flagsOf(options), reading };
}

/** Values of learned parameters before training. */
export function initialLearned(kind: string, options: object): Record<string, number> {
  const specs = neuronDefinition(kind).learned?.(options) ?? {};
  return Object.fromEntries(Object.entries(specs).map(([name, { initial }]) => [name, initial(options)]));
}

/**
 * Whether backward runs the neuron again over its input instead of reading what forward kept: one array less to write, to read and to hold.
 * The scan is bound by memory, except on the chip's grid, whose arithmetic is in double precision.
 */
function isRecomputed({ gridScale }: NeuronDefinition, { backward }: VariantFacts): boolean {
  return gridScale === undefined && backward !== null && backward.charged.length > 0;
}

/**
 * The variant of a neuron with validated options.
 * `learned`: current values of learned parameters by checkpoint name; by default their initial values.
 */
export function variantOf(
  kind: string,
  options: object,
  reading: Reading = "float32",
  learned: Readonly<Record<string, number>> = initialLearned(kind, options),
): NeuronVariant {
  const choice = choiceOf(kind, options, reading);
  const { definition } = choice;
  const facts = factsOf(choice);
  const recomputes = isRecomputed(choice.definition, facts);
  const round = roundTo(reading);
  const duals = definition.derive(
    dualParameterWords(float64Words),
    options,
    Object.fromEntries(Object.entries(learned).map(([name, value]) => [name, variableDual(name, value)])),
  );
  const rounded = facts.parameters.map((name) => {
    const { value } = duals[name]!;
    return definition.parameters[name]!.grid ? value : round(value);
  });
  return {
    name: variantName(choice),
    kind,
    reading,
    params: Float64Array.from(rounded),
    paramNames: facts.parameters,
    stateNames: facts.states,
    savedNames: facts.charged,
    fires: facts.fires,
    savedInBackward: recomputes ? [] : (facts.backward?.charged ?? []),
    readsInputInBackward: recomputes || (facts.backward?.x ?? false),
    learned,
    learnedGradients(gradParams) {
      const gradient = (name: string) =>
        facts.parameters.reduce((sum, parameter, i) => sum + gradParams[i]! * partialOf(duals[parameter]!, name), 0);
      return Object.fromEntries(Object.keys(learned).map((name) => [name, gradient(name)]));
    },
  };
}

/** Value of each state before the first step, by name. */
export function initialState(kind: string, options: object): Record<string, number> {
  const { state } = neuronDefinition(kind);
  return Object.fromEntries(Object.entries(state).map(([name, { initial }]) => [name, initial(options)]));
}

/** Threshold by which a surrogate scales itself, in the unit of its argument. Fails for integrators. */
export function surrogateThreshold(kind: string, options: object): number {
  const { threshold } = neuronDefinition(kind);
  return threshold?.(options) ?? fail("STATE", { where: kind, expected: "a neuron that fires", got: "an integrator" });
}

/** The same neuron with its learned values as fixed options: what graphs, chips and ONNX are given. */
export function freezeNeuron(
  kind: string,
  options: object,
  learned: Readonly<Record<string, number>> = initialLearned(kind, options),
): { kind: string; options: object } {
  return neuronDefinition(kind).freeze?.(options, learned) ?? { kind, options };
}

/**
 * Options of the same neuron measured from its reset potential ("shift" form): same spikes, potentials lower by vReset,
 * reset to and start at 0. Soft-reset neurons stay as they are; null where a neuron has no such form.
 */
export function shiftedOptions(kind: string, options: object): object | null {
  return neuronDefinition(kind).shifted?.(options) ?? null;
}
