/**
 * The C++ structs of one neuron variant: the step forward and the step backward, which `neuron_scan` is generic over.
 * Members are the variant's parameters; states and charged values are arrays in declared order.
 */
import { fail } from "../../../core/index.ts";
import { type Flags, type NeuronDefinition, stateNamesOf } from "../define.ts";
import type { Reading } from "../vocabulary.ts";
import { type Cpp, CppLines, type CppType, cppWords } from "./cpp.ts";
import { backwardStep, forwardStep, learnedParameters, restart } from "./step.ts";

/** A variant: a definition with its static choices made. */
export interface VariantChoice {
  definition: NeuronDefinition;
  flags: Flags;
  reading: Reading;
}

/** What the kernel and its callers must know of a variant besides its code. */
export interface VariantFacts {
  /** Parameters that the variant reads, in declared order. */
  parameters: string[];
  states: string[];
  /** Values the forward pass can store, in the order in which they are computed. */
  charged: string[];
  fires: boolean;
  /** What the backward pass reads; absent in readings that only run forward. */
  backward: { x: boolean; charged: string[]; states: string[]; learned: string[] } | null;
}

interface Leaves {
  x: Cpp;
  state: Record<string, Cpp>;
  parameters: Record<string, Cpp>;
}

interface Printed {
  facts: VariantFacts;
  /** Bodies without their struct's name, so that equal ones can be found. */
  forward: string;
  backward: string | null;
}

const FLOAT = (code: string): Cpp => ({ code, type: "float" });

/** `{ v: state[0], ... }` */
function array(names: readonly string[], variable: string, type: CppType): Record<string, Cpp> {
  return Object.fromEntries(names.map((name, i) => [name, { code: `${variable}[${i}]`, type }]));
}

function register({ gridScale }: NeuronDefinition): CppType {
  return gridScale ? "double" : "float";
}

/** The input and states of the step as C++ names; the half reading rounds the input where it comes in. */
function leaves({ definition, flags, reading }: VariantChoice, lines: CppLines): Leaves {
  const x = FLOAT("x");
  const parameters = Object.entries(definition.parameters).map(([name, { grid }]) => [
    name,
    { code: name, type: grid ? "double" : "float" },
  ]);
  return {
    x: reading === "half" ? lines.line("float", "half(x)", [x]) : x,
    state: array(stateNamesOf(definition, flags), "state", register(definition)),
    parameters: Object.fromEntries(parameters),
  };
}

/** A member function: its signature and a body that assigns results to targets. */
function memberFunction(signature: string, lines: CppLines, results: readonly (readonly [string, Cpp])[]): string {
  const body = [
    ...lines.print(results.map(([, value]) => value)),
    ...results.map(([target, value]) => `${target} = ${value.code};`),
  ];
  return [`  NEURON_WORD void ${signature} const {`, ...body.map((line) => `    ${line}`), "  }"].join("\n");
}

function members({ definition }: VariantChoice, parameters: readonly string[]): string[] {
  const typed = parameters.map((name) => ({ name, type: definition.parameters[name]?.grid ? "double" : "float" }));
  const fields = typed.map(({ name, type }) => `  ${type} ${name};`);
  const values = typed.map(({ name, type }, i) =>
    type === "float" ? `${name}(static_cast<float>(p[${i}]))` : `${name}(p[${i}])`,
  );
  // a neuron without numbers of its own has nothing to initialise
  if (typed.length === 0) return ["  NEURON_CONSTRUCTOR explicit NAME(const double*) {}"];
  return [...fields, `  NEURON_CONSTRUCTOR explicit NAME(const double* p) : ${values.join(", ")} {}`];
}

function parameterNames({ definition }: VariantChoice, used: readonly Set<string>[]): string[] {
  const isUsed = (name: string) => name === definition.gridScale || used.some((leavesUsed) => leavesUsed.has(name));
  return Object.keys(definition.parameters).filter(isUsed);
}

function constants(choice: VariantChoice, facts: Record<string, number | boolean>): string[] {
  const type = register(choice.definition);
  const all = { is_half: choice.reading === "half", is_grid: type === "double", ...facts };
  const text = Object.entries(all).map(([name, value]) =>
    typeof value === "boolean"
      ? `static constexpr bool ${name} = ${value};`
      : `static constexpr int ${name} = ${value};`,
  );
  return [`using Register = ${type};`, ...text].map((line) => `  ${line}`);
}

function printForward(choice: VariantChoice) {
  const { definition, flags, reading } = choice;
  const lines = new CppLines();
  const inputs = leaves(choice, lines);
  const result = forwardStep(definition, flags, cppWords(lines, reading), inputs);
  const states = stateNamesOf(definition, flags);
  const results: [string, Cpp][] = [
    ...states.map((name, i): [string, Cpp] => [`next[${i}]`, result.state[name]!]),
    ...[...result.charged.values()].map((value, i): [string, Cpp] => [`charged[${i}]`, value]),
    ...(result.spike ? [["spike", result.spike] as [string, Cpp]] : []),
  ];
  const signature = "step(float x, const Register* state, Register* next, Register* charged, float& spike)";
  const values = results.map(([, value]) => value);
  return {
    states,
    charged: [...result.charged.keys()],
    fires: result.spike !== undefined,
    leaves: lines.leaves(values),
    // A neuron that does not fire still has the argument, which the caller ignores.
    text: memberFunction(
      signature,
      lines,
      result.spike ? results : [...results, ["spike", cppWords(lines, reading).constant(0)]],
    ),
  };
}

/** The states that follow from charged values, and the surrogate's argument. */
function printRestart(choice: VariantChoice, charged: readonly string[], readStates: readonly string[]) {
  const { definition, flags, reading } = choice;
  const lines = new CppLines();
  const stored = array(charged, "charged", register(definition));
  const inputs = { ...leaves(choice, lines), charged: stored };
  const { state, argument } = restart(definition, flags, cppWords(lines, reading), inputs);
  const states = stateNamesOf(definition, flags);
  const restored = states.filter((name) => readStates.includes(name));
  const stateResults = restored.map((name): [string, Cpp] => [`state[${states.indexOf(name)}]`, state[name]!]);
  const values = [...stateResults.map(([, value]) => value), ...(argument ? [argument] : [])];
  const used = lines.leaves(values);
  if ([...used].some((leaf) => leaf === "x" || leaf.startsWith("state["))) {
    fail("STATE", {
      where: `definition of ${definition.kind}`,
      expected: "charged values and parameters alone behind `charged`",
      got: [...used].join(", "),
    });
  }
  const text = [memberFunction("restore(const Register* charged, Register* state)", lines, stateResults)];
  if (argument)
    text.push(memberFunction("argument(const Register* charged, float& argument)", lines, [["argument", argument]]));
  return { text, leaves: used };
}

function printBackward(choice: VariantChoice, charged: readonly string[]) {
  const { definition, flags, reading } = choice;
  const lines = new CppLines();
  const inputs = leaves(choice, lines);
  const states = stateNamesOf(definition, flags);
  const result = backwardStep(definition, flags, cppWords(lines, reading), cppWords(lines, "float32"), {
    ...inputs,
    charged: array(charged, "charged", register(definition)),
    slope: FLOAT("slope"),
    gradSpike: FLOAT("g_spike"),
    gradState: array(states, "g_next", "float"),
    gradCharged: array(charged, "g_charged", "float"),
  });
  const zero = cppWords(lines, "float32").constant(0);
  // A learned parameter that this variant's flags leave unread has no gradient, and no place among its parameters.
  const learned = learnedParameters(definition, flags).filter((name) => result.parameters[name] !== undefined);
  const results: [string, Cpp][] = [
    ["g_x", result.x ?? zero],
    ...states.map((name, i): [string, Cpp] => [`g_state[${i}]`, result.state[name] ?? zero]),
    ...learned.map((name, i): [string, Cpp] => [`g_parameter[${i}]`, result.parameters[name] ?? zero]),
  ];
  const used = lines.leaves(results.map(([, value]) => value));
  const signature =
    "step(float x, const Register* state, const Register* charged, float slope, float g_spike, const float* g_next, " +
    "const float* g_charged, float& g_x, float* g_state, float* g_parameter)";
  return { learned, leaves: used, text: memberFunction(signature, lines, results) };
}

function readNames(names: readonly string[], variable: string, used: readonly Set<string>[]): string[] {
  return names.filter((_, i) => used.some((leavesUsed) => leavesUsed.has(`${variable}[${i}]`)));
}

const mask = (names: readonly string[], chosen: readonly string[]) =>
  names.reduce((bits, name, i) => bits + (chosen.includes(name) ? 2 ** i : 0), 0);

/** The structs of a variant and what they need. */
export function printNeuron(choice: VariantChoice): Printed {
  const forward = printForward(choice);
  const { states, charged, fires } = forward;
  if (choice.reading === "chip") {
    const parameters = parameterNames(choice, [forward.leaves]);
    const body = [
      ...constants(choice, { parameters: parameters.length, states: states.length, stored: charged.length, fires }),
      ...members(choice, parameters),
      forward.text,
    ];
    return { facts: { parameters, states, charged, fires, backward: null }, forward: body.join("\n"), backward: null };
  }
  const step = printBackward(choice, charged);
  const readStates = readNames(states, "state", [step.leaves]);
  const again = printRestart(choice, charged, readStates);
  const used = [step.leaves, again.leaves];
  const parameters = parameterNames(choice, [forward.leaves, ...used]);
  const readCharged = readNames(charged, "charged", used);
  const backward = { x: step.leaves.has("x"), charged: readCharged, states: readStates, learned: step.learned };
  const sizes = { parameters: parameters.length, states: states.length, stored: charged.length, fires };
  const reads = {
    reads_x: backward.x,
    reads_stored: mask(charged, readCharged),
    reads_states: mask(states, readStates),
  };
  const indices = step.learned.map((name) => parameters.indexOf(name));
  // The -1 keeps the array from being empty.
  const places = [...indices, -1].join(", ");
  const learned = `  static constexpr int learned = ${indices.length}, learned_index[] = {${places}};`;
  return {
    facts: { parameters, states, charged, fires, backward },
    forward: [...constants(choice, sizes), ...members(choice, parameters), forward.text].join("\n"),
    backward: [
      ...constants(choice, { ...sizes, ...reads }),
      learned,
      ...members(choice, parameters),
      ...again.text,
      step.text,
    ].join("\n"),
  };
}
