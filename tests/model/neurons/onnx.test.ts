/** The ONNX reading: the operator list of each neuron, and that executing it gives the definition's numbers. */
import { describe, expect, test } from "vitest";
import {
  initialState,
  interpretForward,
  type OnnxSink,
  onnxStep,
  parseNeuronOptions,
  shiftedOptions,
  variantOf,
} from "../../../src/model/neurons/index.ts";

/** A sink that lists operators and computes them at once in float32. */
class EagerSink implements OnnxSink {
  readonly operators: string[] = [];
  readonly values = new Map<string, number>();

  input(value: number): string {
    return this.keep(Math.fround(value));
  }
  constant(value: number): string {
    return this.keep(Math.fround(value));
  }
  add = (a: string, b: string) => this.node("Add", (x, y) => x + y, a, b);
  sub = (a: string, b: string) => this.node("Sub", (x, y) => x - y, a, b);
  mul = (a: string, b: string) => this.node("Mul", (x, y) => x * y, a, b);
  div = (a: string, b: string) => this.node("Div", (x, y) => x / y, a, b);
  negate = (a: string) => this.node("Neg", (x) => -x, a, a);
  exponential = (a: string) => this.node("Exp", (x) => Math.exp(x), a, a);
  relu = (a: string) => this.node("Relu", (x) => Math.max(x, 0), a, a);
  greaterOrEqual = (a: string, b: string) => this.node("GreaterOrEqual", (x, y) => Number(x >= y), a, b);
  greater = (a: string, b: string) => this.node("Greater", (x, y) => Number(x > y), a, b);
  cast = (a: string) => this.node("Cast", (x) => x, a, a);

  private keep(value: number): string {
    const name = `t${this.values.size}`;
    this.values.set(name, value);
    return name;
  }
  private node(operator: string, compute: (x: number, y: number) => number, a: string, b: string): string {
    this.operators.push(operator);
    return this.keep(Math.fround(compute(this.values.get(a)!, this.values.get(b)!)));
  }
}

/** Operators of the first and of a later step. */
function operators(kind: string, options: object): string[] {
  const sink = new EagerSink();
  const first = onnxStep(kind, options, sink, { x: sink.input(0.4), state: initialState(kind, options) });
  const count = sink.operators.length;
  onnxStep(kind, options, sink, { x: sink.input(0.4), state: first.state });
  return [sink.operators.slice(0, count).join(" "), sink.operators.slice(count).join(" ")];
}

/** From the Lynxi specification's table of forms: operators in order, per step. */
const FORMS: [string, object, string, string][] = [
  ["IFNode", { vReset: 0 }, "GreaterOrEqual Cast Sub Mul", "Add GreaterOrEqual Cast Sub Mul"],
  ["IFNode", { vReset: null }, "GreaterOrEqual Cast Sub", "Add GreaterOrEqual Cast Sub"],
  ["IFNode", { vReset: null, vThreshold: 0.7 }, "GreaterOrEqual Cast Mul Sub", "Add GreaterOrEqual Cast Mul Sub"],
  ["LIFNode", { vReset: 0 }, "Mul GreaterOrEqual Cast Sub Mul", "Mul Mul Add GreaterOrEqual Cast Sub Mul"],
  ["LIFNode", { vReset: null, decayInput: false }, "GreaterOrEqual Cast Sub", "Mul Add GreaterOrEqual Cast Sub"],
  [
    "LIFNode",
    { vReset: -0.3 },
    "Mul Add Add GreaterOrEqual Cast Sub Mul Mul Add",
    "Mul Mul Add Add GreaterOrEqual Cast Sub Mul Mul Add",
  ],
];

describe("the ONNX reading", () => {
  test.each(FORMS)(
    "%s %j has the operators of the specification, without decay and sum in a first step from 0",
    (kind, given, first, later) => {
      const [gotFirst, gotLater] = operators(kind, parseNeuronOptions(kind, given));
      expect(gotLater).toBe(later);
      expect(gotFirst).toBe(first);
    },
  );

  test("the shift form of a hard reset has the operators of a reset to 0", () => {
    const shifted = shiftedOptions("LIFNode", parseNeuronOptions("LIFNode", { vReset: -0.3 }))!;
    expect(operators("LIFNode", shifted)).toEqual(operators("LIFNode", parseNeuronOptions("LIFNode", {})));
  });

  test.each(FORMS)(
    "%s %j executed operator by operator gives the definition's spikes and potentials",
    (kind, given) => {
      const options = parseNeuronOptions(kind, given);
      const x = Float32Array.from({ length: 40 }, (_, t) => 2 * Math.sin(t * t) + 1);
      const start = initialState(kind, options);
      const variant = variantOf(kind, options);
      const expected = interpretForward(variant, options, x.length, x, { v: Float32Array.of(start.v!) });
      const sink = new EagerSink();
      let state: Parameters<typeof onnxStep>[3]["state"] = start;
      x.forEach((value, t) => {
        const step = onnxStep(kind, options, sink, { x: sink.input(value), state });
        state = step.state;
        const number = (named: string | number | undefined) =>
          typeof named === "string" ? sink.values.get(named) : named;
        expect(number(step.spike)).toBe(expected.spike[t]);
        expect(number(step.charged.get("charged"))).toBe(expected.saved.charged![t]);
        expect(number(step.state.v)).toBe(expected.stateSeqs.v![t]! + 0);
      });
      expect(expected.spike).toContain(1);
    },
  );

  test("rounds parameters to float16 in the half reading", () => {
    const sink = new EagerSink();
    const options = parseNeuronOptions("LIFNode", { tau: 3 });
    onnxStep("LIFNode", options, sink, { x: sink.input(1), state: { v: sink.input(1) }, reading: "half" });
    const { params } = variantOf("LIFNode", options, "half");
    expect([...sink.values.values()]).toEqual(expect.arrayContaining(Array.from(params)));
  });

  test("refuses a neuron of the integer grid by name, with the reason", () => {
    const options = parseNeuronOptions("CubaLIFNode", { currentDecay: 1, voltageDecay: 0 });
    const sink = new EagerSink();
    expect(() =>
      onnxStep("CubaLIFNode", options, sink, { x: sink.input(1), state: initialState("CubaLIFNode", options) }),
    ).toThrow(/CubaLIFNode in an ONNX graph.*"decayFixed".*12-bit/);
  });
});
