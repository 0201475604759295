/**
 * The words as ONNX nodes, through a small interface that an exporter implements. Constants are folded only where one
 * side is 0 or 1 or both are numbers, so the operator list is exactly that of the definition; the first step from a zero state loses its
 * decay and its `Add`.
 */
import { fail } from "../../../core/index.ts";
import { neuronDefinition } from "../registry.ts";
import { choiceOf, variantOf } from "../variant.ts";
import type { Reading, Words } from "../vocabulary.ts";
import { numberWords, roundTo } from "./number.ts";
import { forwardStep } from "./step.ts";

/** Adds nodes to a graph. Values are the sink's own names of tensors. */
export interface OnnxSink {
  /** A scalar constant of the graph's float type. */
  constant(value: number): string;
  add(a: string, b: string): string;
  sub(a: string, b: string): string;
  mul(a: string, b: string): string;
  div(a: string, b: string): string;
  negate(a: string): string;
  exponential(a: string): string;
  relu(a: string): string;
  greaterOrEqual(a: string, b: string): string;
  greater(a: string, b: string): string;
  /** A boolean tensor as 0 and 1 of the graph's float type. */
  cast(condition: string): string;
}

/** A tensor's name, or a number that is the same everywhere. */
export type OnnxValue = string | number;

function refused(kind: string, word: string, reason: string): never {
  fail("TARGET", {
    where: `${kind} in an ONNX graph`,
    expected: "words that ONNX operators can say",
    got: `"${word}"`,
    hint: `${reason} Replace the neuron before exporting.`,
  });
}

/** The words over a sink. `kind` is named where a word is refused. */
export function onnxWords(sink: OnnxSink, kind: string, reading: Reading): Words<OnnxValue> {
  const named = (value: OnnxValue) => (typeof value === "number" ? sink.constant(value) : value);
  const integers = "It counts on an integer grid with 12-bit decays, which float operators would only approximate.";
  const refuse = (word: string) => () => refused(kind, word, integers);
  const numbers = numberWords(reading);
  /** Two numbers are computed here, with the rounding that the operator would have; a tensor makes a node. */
  const folded =
    (compute: (a: number, b: number) => number, operation: (a: string, b: string) => string) =>
    (a: OnnxValue, b: OnnxValue): OnnxValue =>
      typeof a === "number" && typeof b === "number" ? compute(a, b) : operation(named(a), named(b));
  const add = folded(numbers.add, sink.add.bind(sink));
  const sub = folded(numbers.sub, sink.sub.bind(sink));
  const mul = folded(numbers.mul, sink.mul.bind(sink));
  const div = folded(numbers.div, sink.div.bind(sink));
  const times = (a: OnnxValue, b: OnnxValue): OnnxValue => {
    if (a === 0 || b === 0) return 0;
    if (a === 1) return b;
    return b === 1 ? a : mul(a, b);
  };
  return {
    constant: roundTo(reading),
    add: (a, b) => (a === 0 ? b : b === 0 ? a : add(a, b)),
    sub: (a, b) => (b === 0 ? a : sub(a, b)),
    mul: times,
    div: (a, b) => (b === 1 ? a : div(a, b)),
    negate: (a) => (typeof a === "number" ? -a : sink.negate(a)),
    decay: times,
    exponential: (a) => (typeof a === "number" ? numbers.exponential(a) : sink.exponential(a)),
    relu: (a) => (typeof a === "number" ? numbers.relu(a) : sink.relu(a)),
    positive: (a) => (typeof a === "number" ? numbers.positive(a) : sink.cast(sink.greater(a, sink.constant(0)))),
    decayFixed: refuse("decayFixed"),
    toGrid: refuse("toGrid"),
    fromGrid: refuse("fromGrid"),
    throughReal: refuse("throughReal"),
    addGrid: refuse("addGrid"),
    gate: refuse("gate"),
    bound: refuse("bound"),
    charged: (_, value) => value,
    spike: ({ value, threshold, strict }) =>
      sink.cast(
        strict ? sink.greater(named(value), named(threshold)) : sink.greaterOrEqual(named(value), named(threshold)),
      ),
    hold: (a) => a,
    straightThrough: (value) => value,
  };
}

export interface OnnxStep {
  spike: OnnxValue;
  state: Readonly<Record<string, OnnxValue>>;
  /** The values before firing, by name. */
  charged: ReadonlyMap<string, OnnxValue>;
}

/**
 * Adds one step of a neuron. `state`: tensors or numbers of the step before (`initialState` for the first). Parameters
 * are rounded to the reading's format; throws a TARGET error for neurons whose words ONNX lacks.
 */
export function onnxStep(
  kind: string,
  options: object,
  sink: OnnxSink,
  { x, state, reading = "float32" }: { x: string; state: Readonly<Record<string, OnnxValue>>; reading?: Reading },
): OnnxStep {
  const definition = neuronDefinition(kind);
  const words = onnxWords(sink, kind, reading);
  // A definition outside this reading is refused by its first impossible word, which says more than "not defined".
  const offered = definition.readings.includes(reading) ? reading : "float32";
  const { params, paramNames } = variantOf(kind, options, offered);
  const parameters = Object.fromEntries(paramNames.map((name, i): [string, OnnxValue] => [name, params[i]!]));
  const {
    spike,
    state: next,
    charged,
  } = forwardStep<OnnxValue>(definition, choiceOf(kind, options, offered).flags, words, {
    x,
    state,
    parameters,
  });
  return { spike: spike ?? 0, state: next, charged };
}
