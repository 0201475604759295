/**
 * The words as C++ text, one `const` line for each operation. CUDA compiles the same text. Equal lines are printed
 * once, lines that no result needs are left out. The few operations C++ has no operator for are functions of
 * `neuron_scan_words.h`.
 */
import { fail } from "../../../core/index.ts";
import { exponential, type FunctionWords } from "../../surrogates/index.ts";
import type { Reading, Words } from "../vocabulary.ts";

/** Reals are `float`; grid numbers are `double`, which holds whole numbers up to 2^53. */
export type CppType = "float" | "double";

/** An expression: a literal, a leaf (argument or member) or the name of a printed line. */
export interface Cpp {
  code: string;
  type: CppType;
}

export function cppLiteral(value: number, type: CppType = "float"): Cpp {
  // Nine significant digits identify every float32, seventeen every float64.
  const digits = type === "float" ? Number(Math.fround(value).toPrecision(9)) : value;
  const text = Number.isInteger(digits) && Math.abs(digits) < 1e15 ? `${digits}.0` : `${digits}`;
  return { code: type === "float" ? `${text}f` : text, type };
}

interface Line {
  type: CppType;
  text: string;
  uses: readonly Cpp[];
}

/** Collects lines in order of use. */
export class CppLines {
  readonly #lines = new Map<string, Line>();
  readonly #names = new Map<string, Cpp>();

  /** The value of `text`, computed on a line of its own. */
  line(type: CppType, text: string, uses: readonly Cpp[]): Cpp {
    const known = this.#names.get(text);
    if (known) return known;
    const name = { code: `t${this.#lines.size + 1}`, type };
    this.#lines.set(name.code, { type, text, uses });
    this.#names.set(text, name);
    return name;
  }

  /** Leaves that results are made of, and the lines they need. */
  private reach(results: readonly Cpp[]): { needed: Set<string>; leaves: Set<string> } {
    const needed = new Set<string>();
    const leaves = new Set<string>();
    const visit = (value: Cpp): void => {
      const line = this.#lines.get(value.code);
      if (!line) leaves.add(value.code);
      else if (!needed.has(value.code)) {
        needed.add(value.code);
        line.uses.forEach(visit);
      }
    };
    results.forEach(visit);
    return { needed, leaves };
  }

  leaves(results: readonly Cpp[]): Set<string> {
    return this.reach(results).leaves;
  }

  /** The printed lines that the results need. */
  print(results: readonly Cpp[]): string[] {
    const { needed } = this.reach(results);
    return [...this.#lines]
      .filter(([name]) => needed.has(name))
      .map(([name, { type, text }]) => `const ${type} ${name} = ${text};`);
  }
}

/** Words that print to `lines`, in the number format of a reading. */
export function cppWords(lines: CppLines, reading: Reading): Words<Cpp> & FunctionWords<Cpp> {
  const call = (type: CppType, name: string, ...uses: Cpp[]): Cpp =>
    lines.line(type, `${name}(${uses.map(({ code }) => code).join(", ")})`, uses);
  const real = (text: string, uses: readonly Cpp[]): Cpp => {
    for (const { type, code } of uses) {
      if (type !== "float")
        fail("STATE", { where: `C++ line ${text}`, expected: "a real", got: `the grid number ${code}` });
    }
    return lines.line("float", reading === "half" ? `half(${text})` : text, uses);
  };
  const operation = (sign: string) => (a: Cpp, b: Cpp) => real(`${a.code} ${sign} ${b.code}`, [a, b]);
  const mul = operation("*");
  const words: Words<Cpp> & FunctionWords<Cpp> = {
    constant: (value) => cppLiteral(value),
    add: operation("+"),
    sub: operation("-"),
    mul,
    div: operation("/"),
    negate: (a) => lines.line("float", `-${a.code}`, [a]),
    absolute: (a) => call("float", "absolute", a),
    pick: (a, b, yes, no) => lines.line("float", `${a.code} >= ${b.code} ? ${yes.code} : ${no.code}`, [a, b, yes, no]),
    powerOfTwo: (n) => call("float", "power_of_two", n),
    decay: mul,
    exponential(a) {
      const plain = exponential(reading === "half" ? cppWords(lines, "float32") : words, a);
      return reading === "half" ? call("float", "half", plain) : plain;
    },
    relu: (a) => lines.line("float", `${a.code} > 0.0f ? ${a.code} : 0.0f`, [a]),
    positive: (a) => lines.line("float", `${a.code} > 0.0f ? 1.0f : 0.0f`, [a]),
    decayFixed: (state, decay) => call("double", "decay_fixed", state, decay),
    toGrid: (x, scale) => call("double", "to_grid", x, scale),
    fromGrid: (i, scale) => call("float", "from_grid", i, scale),
    throughReal: (i, scale) =>
      reading === "chip" ? i : call("double", "to_grid", call("float", "from_grid", i, scale), scale),
    addGrid: (a, b) => lines.line("double", `${a.code} + ${b.code}`, [a, b]),
    gate: (i, open) => call("double", "gate", i, open),
    bound: (i, how) => (reading === "chip" ? call("double", how === "wrap" ? "wrap24" : "saturate24", i) : i),
    charged: (_, value) => value,
    spike: ({ value, threshold, strict }) =>
      lines.line("float", `${value.code} ${strict ? ">" : ">="} ${threshold.code} ? 1.0f : 0.0f`, [value, threshold]),
    hold: (a) => a,
    straightThrough: (value) => value,
  };
  return words;
}
