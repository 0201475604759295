/** One trace of each neuron that anyone can redo on paper. All numbers are exact in float32. */
import { describe, expect, test } from "vitest";
import {
  initialState,
  interpretForward,
  parseNeuronOptions,
  type Reading,
  variantOf,
} from "../../../src/model/neurons/index.ts";
import { nativeForward } from "./native-scan.ts";

interface Trace {
  spike: number[];
  chargedCurrent?: number[];
  charged?: number[];
  state: Record<string, number[]>;
}

/** One neuron over time, by the definition and by the native core, which must agree. */
function trace(
  kind: string,
  given: object,
  x: number[],
  { reading = "float32", learned }: { reading?: Reading; learned?: Record<string, number> } = {},
): Trace {
  const options = parseNeuronOptions(kind, given);
  const variant = variantOf(kind, options, reading, learned);
  const start = Object.fromEntries(
    Object.entries(initialState(kind, options)).map(([name, v]) => [name, Float32Array.of(v)]),
  );
  const run = interpretForward(variant, options, x.length, Float32Array.from(x), start);
  expect(nativeForward(variant, x.length, Float32Array.from(x), start)).toEqual(run);
  const lists = (arrays: Record<string, Float32Array>) =>
    Object.fromEntries(Object.entries(arrays).map(([name, values]) => [name, Array.from(values)]));
  return { spike: Array.from(run.spike), ...lists(run.saved), state: lists(run.stateSeqs) };
}

describe("IFNode", () => {
  test("fires when the potential equals the threshold, and starts again from 0", () => {
    // 0.5; 0.5 + 0.5 = 1 fires; 0.75; 0.75 + 0.5 = 1.25 fires
    expect(trace("IFNode", {}, [0.5, 0.5, 0.75, 0.5])).toEqual({
      spike: [0, 1, 0, 1],
      charged: [0.5, 1, 0.75, 1.25],
      state: { v: [0.5, 0, 0.75, 0] },
    });
  });

  test("with vReset starts at it and returns to it", () => {
    // -0.5 + 1 = 0.5; 0.5 + 0.5 = 1 fires, back to -0.5; -0.5 + 0.25 = -0.25
    expect(trace("IFNode", { vReset: -0.5 }, [1, 0.5, 0.25])).toEqual({
      spike: [0, 1, 0],
      charged: [0.5, 1, -0.25],
      state: { v: [0.5, -0.5, -0.25] },
    });
  });

  test("with soft reset keeps what is above the threshold", () => {
    // 2.5 fires, 2 stays; 2 fires, 1.5 stays (threshold 0.5)
    expect(trace("IFNode", { vReset: null, vThreshold: 0.5 }, [2.5, 0])).toEqual({
      spike: [1, 1],
      charged: [2.5, 2],
      state: { v: [2, 1.5] },
    });
  });
});

describe("LIFNode", () => {
  test("loses half of its potential per step at tau 2 and takes half of the input", () => {
    // 0.5 * 1; 0.25 + 0.5 = 0.75; 0.375 + 1 = 1.375 fires; 0 + 0.5
    expect(trace("LIFNode", {}, [1, 1, 2, 1])).toEqual({
      spike: [0, 0, 1, 0],
      charged: [0.5, 0.75, 1.375, 0.5],
      state: { v: [0.5, 0.75, 0, 0.5] },
    });
  });

  test("takes the whole input with decayInput off", () => {
    // tau 4: 0.75 v + x. 0.5; 0.375 + 0.5 = 0.875; 0.65625 + 0.5 = 1.15625 fires
    expect(trace("LIFNode", { tau: 4, decayInput: false }, [0.5, 0.5, 0.5]).charged).toEqual([0.5, 0.875, 1.15625]);
  });

  test("leaks toward vReset, not toward 0", () => {
    // v + (x - (v - vReset)) / 2 with vReset -1, start -1: x = 0 stays at -1; x = 2: -1 + 1 = 0; x = 0: 0 - 0.5 = -0.5
    expect(trace("LIFNode", { vReset: -1 }, [0, 2, 0]).state.v).toEqual([-1, 0, -0.5]);
  });
});

describe("ParametricLIFNode", () => {
  test("is LIFNode at tau 2 before training and follows its learned value", () => {
    const x = [1, 1, 2, 1];
    expect(trace("ParametricLIFNode", {}, x)).toEqual(trace("LIFNode", {}, x));
    // sigmoid(w) = 1/4 at w = -ln 3: h = 0.75 v + 0.25 x: 0.25; 0.1875 + 0.25 = 0.4375
    expect(trace("ParametricLIFNode", {}, [1, 1], { learned: { w: -Math.log(3) } }).charged).toEqual([0.25, 0.4375]);
  });
});

describe("CubaLIFNode", () => {
  const options = { currentDecay: 0.5, voltageDecay: 0.25 };
  test("counts in 4096ths of a unit and cuts toward zero", () => {
    // Grid units, s = 4096. current: 4096, 2048, 1024.
    // voltage: 4096 is not above 4096; 3072 + 2048 = 5120 fires; 0 + 1024
    const { spike, chargedCurrent, charged, state } = trace("CubaLIFNode", options, [1, 0, 0]);
    expect([chargedCurrent, charged].map((values) => values!.map((v) => v * 4096))).toEqual([
      [4096, 2048, 1024],
      [4096, 5120, 1024],
    ]);
    expect(spike).toEqual([0, 1, 0]);
    expect(state.voltage).toEqual([1, 0, 0.25]);
  });

  test("shifts negative states toward zero too", () => {
    // -1 * 2048 / 4096 = -0.5 becomes 0, 3 * 2048 / 4096 = 1.5 becomes 1
    const current = (x: number) =>
      trace("CubaCurrent", { currentDecay: 0.5 }, [x / 4096, 0]).state.current!.map((v) => v * 4096);
    expect(current(-1)).toEqual([-1, 0]);
    expect(current(3)).toEqual([3, 1]);
    expect(current(-3)).toEqual([-3, -1]);
  });

  test("on the chip adds the input shifted left by 6 bits, wraps the current and saturates the voltage", () => {
    // Integers of the chip: u = 131072 * 64 = 2^23 stays; + 64 = 2^23 + 64 wraps to -2^23 + 64.
    const chip = { currentDecay: 0, voltageDecay: 0, scale: 1, vThreshold: 131072 };
    const { chargedCurrent, charged, spike } = trace("CubaLIFNode", chip, [131072, 1], { reading: "chip" });
    expect(chargedCurrent!.map((v) => v * 64)).toEqual([2 ** 23, 64 - 2 ** 23]);
    expect(charged!.map((v) => v * 64)).toEqual([2 ** 23 - 1, 63]);
    expect(spike).toEqual([0, 0]);
  });

  test("adds its bias to the voltage at every step", () => {
    // bias 0.5 unit = 2048 grid steps: 2048, 4096 (equal, does not fire), 6144 fires
    const { charged, spike } = trace("CubaLIFNode", { currentDecay: 1, voltageDecay: 0, bias: 0.5 }, [0, 0, 0]);
    expect(charged).toEqual([0.5, 1, 1.5]);
    expect(spike).toEqual([0, 0, 1]);
  });
});
