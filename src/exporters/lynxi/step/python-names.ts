/** Names and literals of the generated Python: every value of the graph gets a variable, numbers of one element are written out. */
import { isFloatType, type OnnxModel, type OnnxTensor, tensorNumbers } from "../onnx/onnx-model.ts";
import type { LoweredState } from "./facts.ts";

/** Names that the module's text uses itself, and Python's own words that a layer could be called. */
const TAKEN = new Set(
  "False None True and as assert async await break class continue def del elif else except finally for from global if import in is lambda nonlocal not or pass raise return try while with yield self torch functional numpy load save compare_and_fire reset_with_decay".split(
    " ",
  ),
);

export class PythonNames {
  readonly #names = new Map<string, string>();
  readonly #used = new Set(TAKEN);
  readonly #numbers: ReadonlySet<string>;
  readonly stored: ReadonlyMap<string, OnnxTensor>;

  /** `states`: those that keep one variable through the step: what load gives, and what save takes. */
  constructor(model: OnnxModel, states: readonly LoweredState[]) {
    this.#numbers = writtenOut(model);
    this.stored = new Map(model.initializers.map((tensor) => [tensor.name, tensor]));
    for (const { name } of model.inputs) this.#names.set(name, this.fresh(name));
    for (const { input, output } of states) this.#names.set(output, this.#names.get(input)!);
  }

  /** Stored numbers that the module reads from its file. */
  get attributes(): OnnxTensor[] {
    return [...this.stored.values()].filter(({ name, type }) => isFloatType(type) && !this.#numbers.has(name));
  }

  /** The expression that reads a value. */
  read(value: string): string {
    const tensor = this.stored.get(value);
    if (!tensor) return this.variable(value);
    return this.#numbers.has(value) ? literal(tensorNumbers(tensor)[0]!) : `self.${this.variable(value)}`;
  }

  /** The variable, or for stored numbers the attribute. */
  variable(value: string): string {
    const known = this.#names.get(value);
    if (known) return known;
    const made = this.fresh(value);
    this.#names.set(value, made);
    return made;
  }

  /** A variable of its own for a value that the graph does not have. */
  fresh(stem: string): string {
    const plain = stem.replace(/\W/g, "_").replace(/^(?=\d)/, "_");
    let name = plain;
    for (let n = 2; this.#used.has(name); n++) name = `${plain}_${n}`;
    this.#used.add(name);
    return name;
  }
}

/** Operators that take a Python number as well as a tensor. */
const ELEMENTWISE = new Set(["Add", "Sub", "Mul", "Div", "Pow", "GreaterOrEqual", "Greater", "LessOrEqual", "Less"]);

/** Thresholds and decays: one number, read only by operators that take a number. */
function writtenOut(model: OnnxModel): Set<string> {
  const single = model.initializers.filter((tensor) => tensor.data.length === 1).map(({ name }) => name);
  const asTensor = new Set(model.nodes.filter(({ op }) => !ELEMENTWISE.has(op)).flatMap(({ inputs }) => inputs));
  return new Set(single.filter((name) => !asTensor.has(name)));
}

/** A number as Python writes it; float64, so the number of the graph exactly. */
export function literal(value: number): string {
  const text = Object.is(value, -0) ? "-0.0" : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** `(2, 3)`, `(2,)` */
export const tuple = (numbers: readonly number[]): string =>
  numbers.length === 1 ? `(${numbers[0]},)` : `(${numbers.join(", ")})`;

/** A text as a Python string. */
export const quoted = (text: string): string => JSON.stringify(text);
