/**
 * The words as text, and the documentation page: equations printed from the definitions, options from their schemas.
 */
import { z } from "zod";
import { type FunctionWords, type SurrogateDefinition, surrogateDefinitions } from "../../surrogates/index.ts";
import { type Flags, type NeuronDefinition, stateNamesOf } from "../define.ts";
import { neuronDefinitions } from "../registry.ts";
import { variantsOf } from "../variant.ts";
import type { Words } from "../vocabulary.ts";
import { forwardStep } from "./step.ts";

/** A formula and how tightly its outermost operation binds: 0 comparison, 1 sum, 2 product, 3 atom. */
interface Formula {
  text: string;
  binds: number;
}

const atom = (text: string): Formula => ({ text, binds: 3 });
const inside = ({ text, binds }: Formula, atLeast: number) => (binds >= atLeast ? text : `(${text})`);
const call = (name: string, ...arguments_: Formula[]) =>
  atom(`${name}(${arguments_.map(({ text }) => text).join(", ")})`);
const infix =
  (sign: string, binds: number, rightBinds: number) =>
  (a: Formula, b: Formula): Formula => ({
    text: `${inside(a, binds)} ${sign} ${inside(b, rightBinds)}`,
    binds,
  });

/** The words as formulas. Charged values and the spike become lines of their own in `lines`. */
function formulaWords(lines: string[]): Words<Formula> & FunctionWords<Formula> {
  const line = (name: string, { text }: Formula): Formula => {
    lines.push(`${name} = ${text}`);
    return atom(name);
  };
  const add = infix("+", 1, 1);
  const mul = infix("*", 2, 2);
  return {
    constant: (value) => atom(`${Number(value.toPrecision(9))}`),
    add,
    sub: infix("-", 1, 2),
    mul,
    div: infix("/", 2, 3),
    negate: (a) => ({ text: `-${inside(a, 2)}`, binds: 1 }),
    absolute: (a) => atom(`|${a.text}|`),
    pick: (a, b, yes, no) => call("pick", { text: `${a.text} >= ${b.text}`, binds: 0 }, yes, no),
    powerOfTwo: (n) => atom(`2^${inside(n, 3)}`),
    decay: mul,
    exponential: (a) => call("exp", a),
    relu: (a) => call("relu", a),
    positive: (a) => call("positive", a),
    decayFixed: (state, decay) => call("shift12", mul(state, infix("-", 1, 2)(atom("4096"), decay))),
    toGrid: (x, scale) => call("trunc", mul(scale, x)),
    fromGrid: infix("/", 2, 3),
    throughReal: (i) => call("float32", i),
    addGrid: add,
    gate: mul,
    bound: (i, how) => call(how, i),
    charged: line,
    spike: ({ value, threshold, strict }) =>
      line("spike", { text: `1 if ${value.text} ${strict ? ">" : ">="} ${threshold.text} else 0`, binds: 0 }),
    hold: (a) => call("hold", a),
    straightThrough: (value) => value,
  };
}

/** The equations of one step, in order. The states after the step carry a prime. */
export function equations(definition: NeuronDefinition, flags: Flags): string[] {
  const lines: string[] = [];
  const names = (keys: string[]) => Object.fromEntries(keys.map((key) => [key, atom(key)]));
  const result = forwardStep(definition, flags, formulaWords(lines), {
    x: atom("x"),
    state: names(stateNamesOf(definition, flags)),
    parameters: names(Object.keys(definition.parameters)),
  });
  return [...lines, ...Object.entries(result.state).map(([name, { text }]) => `${name}' = ${text}`)];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [cells(header), cells(header.map(() => "---")), ...rows.map(cells), ""];
}

interface FieldSchema {
  description?: string;
  unit?: string;
  default?: unknown;
  type?: string;
  enum?: unknown[];
  anyOf?: FieldSchema[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
}

function range(field: FieldSchema): string {
  if (field.anyOf) return field.anyOf.map(range).join(" or ");
  if (field.enum) return field.enum.map(String).join(", ");
  const limits = [
    ...(field.minimum === undefined ? [] : [`from ${field.minimum}`]),
    ...(field.exclusiveMinimum === undefined ? [] : [`above ${field.exclusiveMinimum}`]),
    ...(field.maximum === undefined || field.maximum === Number.MAX_SAFE_INTEGER ? [] : [`to ${field.maximum}`]),
  ];
  return [field.type ?? "", ...limits].join(" ").trim();
}

function optionTable(schema: z.ZodType): string[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input" }) as {
    properties?: Record<string, FieldSchema>;
    required?: string[];
  };
  const withoutDefault = (name: string) => (required.includes(name) ? "required" : "none");
  const rows = Object.entries(properties).map(([name, field]) => [
    `\`${name}\``,
    field.description ?? "",
    field.unit ?? "",
    range(field),
    field.default === undefined ? withoutDefault(name) : `\`${JSON.stringify(field.default)}\``,
  ]);
  return table(["option", "meaning", "unit", "range", "default"], rows);
}

/** Variants that compute different things; those that differ only in the gradient share their equations. */
function forwardVariants(definition: NeuronDefinition): Map<string, Flags[]> {
  const groups = new Map<string, Flags[]>();
  for (const { flags } of variantsOf(definition).filter(({ reading }) => reading === definition.readings[0])) {
    const text = equations(definition, flags)
      .join("\n")
      .replaceAll(/hold\((\w+)\)/g, "$1");
    groups.set(text, [...(groups.get(text) ?? []), flags]);
  }
  return groups;
}

/** Flags on which all members of a group agree, while others differ. */
function describeGroup(group: readonly Flags[], definition: NeuronDefinition): string {
  return Object.keys(definition.flags)
    .filter((flag) => group.every((flags) => flags[flag] === group[0]![flag]))
    .map((flag) => `${flag} ${group[0]![flag]}`)
    .join(", ");
}

function neuronSection(definition: NeuronDefinition): string[] {
  const states = Object.entries(definition.state).map(([name, { meaning }]) => [`\`${name}\``, meaning]);
  const parameters = Object.entries(definition.parameters).map(([name, { meaning, grid }]) => [
    `\`${name}\``,
    meaning,
    grid ? "whole number" : "real",
  ]);
  const groups = [...forwardVariants(definition)];
  const equationsOf = groups.flatMap(([text, flags]) => [
    ...(groups.length > 1 ? [`${describeGroup(flags, definition)}:`, ""] : []),
    "```",
    text,
    "```",
    "",
  ]);
  return [
    `## ${definition.kind}`,
    "",
    definition.summary,
    `Readings: ${definition.readings.join(", ")}. Source: ${definition.source}.`,
    "",
    ...optionTable(definition.options),
    ...table(["state", "meaning"], states),
    ...table(["in the equations", "meaning", "kind"], parameters),
    ...equationsOf,
  ];
}

function surrogateSection(definition: SurrogateDefinition): string[] {
  return [
    `### ${definition.kind}`,
    "",
    `\`${definition.summary}\``,
    `Source: ${definition.source}.`,
    "",
    ...optionTable(definition.options),
  ];
}

const INTRODUCTION = `# Neurons and surrogate functions

Generated by \`npm run gen\` from \`src/model/neurons\` and \`src/model/surrogates\`; do not edit.

Each neuron is one step function over a small vocabulary (\`vocabulary.ts\`). The equations below, the C++ kernels, their
derivatives, the chip's integers and the ONNX nodes are readings of that one function. A prime marks a state after the
step; \`x\` is the input of the step.

- Every operation rounds its result: to float32, or to float16 in the \`half\` reading.
- \`charged\` is the potential before firing. \`spike\` is 1 or 0; in backward its derivative is that of the surrogate
  function.
- \`float32\` hands a current on as a real in training, as the frameworks do; the chip hands on the integer. They differ
  above 2^24.
- \`exp\` is computed in float32 by the same polynomial everywhere and rounded once; other programs' may differ in the
  last bit. \`relu\` is the number itself above 0, else 0.
- \`trunc\` cuts toward zero. \`shift12\` is a right shift by 12 bits toward zero. \`wrap\` and \`saturate\` are the limits
  of a 24-bit register in the \`chip\` reading, and do nothing in training. All of them count as the identity in backward.
`;

/** The page \`docs/neurons.md\`. */
export function neuronPage(): string {
  return [
    INTRODUCTION,
    ...Object.values(neuronDefinitions).flatMap((definition) => neuronSection(definition)),
    "## Surrogate functions",
    "",
    "The argument x is potential minus threshold. The derivative of the function replaces that of the spike.",
    "",
    ...Object.values(surrogateDefinitions).flatMap((definition) => surrogateSection(definition)),
  ]
    .join("\n")
    .trimEnd()
    .concat("\n");
}
