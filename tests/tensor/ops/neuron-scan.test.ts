import { describe, expect, it } from "vitest";
import { initialLearned, type NeuronKind, parseNeuronOptions, variantOf } from "../../../src/model/neurons/index.ts";
import { surrogate, surrogateCall } from "../../../src/model/surrogates/index.ts";
import {
  backwardFrom,
  concat,
  memoryStats,
  type NeuronScan,
  type NeuronScanResult,
  neuronScan,
  noGrad,
  reshape,
  scope,
  slice,
  Tensor,
  toChannelsLast,
} from "../../../src/tensor/index.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, leaf, randomNumbers, values } from "../gradient.ts";

/** float32 arithmetic of a few steps against double precision. */
const TOLERANCE = 2e-6;
const call = surrogateCall(surrogate.ATan({ alpha: 2 }), { threshold: 1 });
const ATAN = { name: call.surrogate, params: call.surrogateParams };
/** Derivative of the ATan surrogate with alpha 2. */
const atanSlope = (u: number) => 1 / (1 + (Math.PI * u) ** 2);

function run(kind: NeuronKind, options: object, x: Tensor, more: Partial<NeuronScan> = {}): NeuronScanResult {
  const variant = variantOf(kind, parseNeuronOptions(kind, options));
  return neuronScan({ x, initialStates: variant.stateNames.map(() => 0), variant, surrogate: ATAN, ...more });
}

const column = (...numbers: number[]) => ({ shape: [numbers.length, 1], data: numbers });

describe("a neuron over time", () => {
  it("integrates, fires at the threshold and resets, computed by hand", () => {
    const input = column(0.5, 0.25, 0.25, 0.75, 0.5);
    expect(values((x) => run("IFNode", {}, x!).spike, input).data).toEqual([0, 0, 1, 0, 1]);
    const states = (x: Tensor) => run("IFNode", {}, x, { storeStateSeqs: true }).stateSeqs[0]!;
    expect(values((x) => states(x!), input)).toEqual({ shape: [5, 1], data: [0.5, 0.75, 0, 0.75, 0] });
    const charged = (x: Tensor) => run("IFNode", {}, x, { storeSaved: true }).saved[0]!;
    expect(values((x) => charged(x!), input).data).toEqual([0.5, 0.75, 1, 0.75, 1.25]);
    const final = (x: Tensor) => run("IFNode", { vReset: null }, x).finalStates[0]!;
    expect(values((x) => final(x!), input)).toEqual({ shape: [1], data: [0.25] });
  });

  it("starts from given states, and leaves them as they were", () => {
    scope(() => {
      const v = Tensor.from([0.9, 0.1], [2]);
      const { spike, finalStates } = run("IFNode", {}, Tensor.from([0.1, 0.1], [1, 2]), { initialStates: [v] });
      expect([...spike.toArray()]).toEqual([1, 0]);
      expectClose(finalStates[0]!.toArray(), [0, 0.2], TOLERANCE);
      expectClose(v.toArray(), [0.9, 0.1], TOLERANCE);
    });
  });

  it("keeps the layout of its input", () => {
    scope(() => {
      const x = toChannelsLast(Tensor.ones([3, 2, 4, 5, 5]), 2);
      const result = run("LIFNode", {}, x, { storeStateSeqs: true, storeSaved: true });
      expect(result.spike.shape).toEqual(x.shape);
      expect(result.finalStates[0]!.shape).toEqual([2, 4, 5, 5]);
      for (const tensor of [result.spike, ...result.finalStates, ...result.stateSeqs, ...result.saved]) {
        expect(tensor.spatial).toBe(2);
      }
    });
  });

  it("gives the same spikes, states and gradients in every layout", () => {
    const inputs = [
      { shape: [4, 2, 3, 2, 2], spatial: 2 },
      { shape: [2, 3, 2, 2], spatial: 2 },
    ];
    for (const pick of [(r: NeuronScanResult) => r.spike, (r: NeuronScanResult) => r.finalStates[0]!]) {
      expectSameInEveryLayout((x, v) => pick(run("LIFNode", {}, x!, { initialStates: [v!] })), inputs);
    }
  });

  it("reads a tensor whose channel axis is time in plain order", () => {
    expectSameInEveryLayout((x) => run("IFNode", {}, x!).spike, [{ shape: [4, 2, 3], spatial: 2 }]);
  });

  it("computes the same in pieces as in one scan, values and gradients", () => {
    const numbers = randomNumbers(5 * 6, 3);
    const results = [[5], [2, 3], [1, 1, 1, 1, 1]].map((lengths) =>
      scope(() => {
        const x = leaf(numbers, [5, 6]);
        const spikes: Tensor[] = [];
        let state: Tensor | number = 0;
        let start = 0;
        for (const length of lengths) {
          const piece = run("LIFNode", {}, slice(x, 0, start, start + length), { initialStates: [state] });
          spikes.push(piece.spike);
          state = piece.finalStates[0]!;
          start += length;
        }
        const all = concat(spikes, 0);
        backwardFrom([[all, Tensor.from(randomNumbers(30, 4), [5, 6])]]);
        return { spikes: all.toArray(), grad: x.grad!.toArray() };
      }),
    );
    for (const result of results.slice(1)) expect(result).toEqual(results[0]);
    expect(new Set(results[0]!.spikes)).toEqual(new Set([0, 1]));
  });
});

describe("the gradient of a neuron", () => {
  it("uses the surrogate at the spike, computed by hand", () => {
    scope(() => {
      const x = leaf([0.25, 0.5], [2, 1]);
      const { spike } = run("IFNode", { detachReset: true }, x);
      backwardFrom([[spike, Tensor.from([2, 3], [2, 1])]]);
      // u: 0.25 - 1 and 0.75 - 1; without a spike the first input passes to the second step unchanged
      const expected = [2 * atanSlope(-0.75) + 3 * atanSlope(-0.25), 3 * atanSlope(-0.25)];
      expectClose(x.grad!.toArray(), expected, TOLERANCE);
    });
  });

  // With the reset detached, potentials are smooth functions of the input as long as no spike comes or goes within a step.
  const STEP = 2 ** -9;
  /** More than a step of the input can move a potential over all time-steps. */
  const MARGIN = 0.04;
  const start = { shape: [2, 3], data: randomNumbers(6, 9, -0.5, 0.5) };

  /** The first drawn input that makes both spikes and silence, and no potential near the threshold. */
  function inputAwayFromThreshold(kind: NeuronKind, options: object) {
    for (let seed = 1; ; seed++) {
      const data = randomNumbers(24, seed, -0.5, 1.5);
      const fits = scope(() => {
        const more = { initialStates: [Tensor.from(start.data, start.shape)], storeSaved: true };
        const { saved, spike } = run(kind, options, Tensor.from(data, [4, 2, 3]), more);
        const spikes = new Set(spike.toArray()).size;
        return spikes === 2 && saved[0]!.toArray().every((h) => Math.abs(h - 1) > MARGIN);
      });
      if (fits) return { shape: [4, 2, 3], data };
    }
  }

  const PICKS: Record<string, (result: NeuronScanResult) => Tensor> = {
    "the final state": (result) => result.finalStates[0]!,
    "every state": (result) => result.stateSeqs[0]!,
    "every potential before reset": (result) => result.saved[0]!,
  };

  it.each(Object.keys(PICKS))("flows from %s to input and initial state as finite differences say", (name) => {
    for (const kind of ["IFNode", "LIFNode"] as const) {
      for (const vReset of [0, 0.25, null]) {
        const options = { detachReset: true, vReset, ...(kind === "LIFNode" ? { tau: 2.5 } : {}) };
        const more = { storeStateSeqs: true, storeSaved: true };
        expectGradients(
          (x, v) => PICKS[name]!(run(kind, options, x!, { initialStates: [v!], ...more })),
          [inputAwayFromThreshold(kind, options), start],
          STEP,
        );
      }
    }
  });

  it("flows to learned values as finite differences say", () => {
    const options = parseNeuronOptions("ParametricLIFNode", { detachReset: true, vReset: null });
    const names = Object.keys(initialLearned("ParametricLIFNode", options));
    const w = initialLearned("ParametricLIFNode", options)[names[0]!]!;
    const withLearned = (x: Tensor, value: Tensor) => {
      const variant = variantOf("ParametricLIFNode", options, "float32", { [names[0]!]: value.item() });
      const gradients = (gradParams: Float64Array) => names.map((name) => variant.learnedGradients(gradParams)[name]!);
      const learned = { tensors: [value], gradients };
      const initialStates = [Tensor.from(start.data, start.shape)];
      return scope(() => neuronScan({ x, initialStates, variant, surrogate: ATAN, learned }).finalStates[0]!);
    };
    const input = inputAwayFromThreshold("ParametricLIFNode", options);
    expectGradients((x, value) => withLearned(x!, value!), [input, { shape: [], data: [w] }], STEP);
  });

  it("saves nothing without recording", () => {
    scope(() => {
      const x = leaf(randomNumbers(4 * 1000), [4, 1000]);
      const bytesOf = (body: () => NeuronScanResult) => {
        const before = memoryStats().liveBytes;
        return scope(() => {
          body();
          return memoryStats().liveBytes - before;
        });
      };
      const extraBytes = (kind: NeuronKind, options: object) =>
        bytesOf(() => run(kind, options, x)) - bytesOf(() => noGrad(() => run(kind, options, x)));
      // a potential for each step
      expect(extraBytes("CubaLIFNode", { currentDecay: 0.5, voltageDecay: 0.5 })).toBeGreaterThanOrEqual(4 * 4 * 1000);
      // computed again from the input
      expect(extraBytes("IFNode", {})).toBeLessThan(4 * 4 * 1000);
    });
  });
});

describe("an integrator", () => {
  it("gives its state's sequence instead of spikes, with gradients", () => {
    const options = parseNeuronOptions("CubaCurrent", { currentDecay: 0.25 });
    const variant = variantOf("CubaCurrent", options);
    expect(variant.fires).toBe(false);
    const states = (x: Tensor) =>
      neuronScan({
        x,
        initialStates: variant.stateNames.map(() => 0),
        variant,
        surrogate: { name: "", params: new Float64Array() },
      });
    scope(() => {
      const x = leaf([1, 0, 0, 0], [4, 1]);
      const result = states(x);
      expect(result.spike.toArray()).toEqual(result.stateSeqs[0]!.toArray());
      backwardFrom([[result.spike, Tensor.ones([4, 1])]]);
      // a later input reaches fewer steps
      const grad = x.grad!.toArray();
      expect(grad[0]).toBeGreaterThan(grad[3]!);
    });
  });
});

describe("refusals of a neuron", () => {
  it("names states and inputs that do not fit", () => {
    scope(() => {
      const x = Tensor.ones([2, 3]);
      expect(() => run("IFNode", {}, x, { initialStates: [] })).toThrow(/expected initial states v, got 0 of them/);
      expect(() => run("IFNode", {}, x, { initialStates: [Tensor.ones([4])] })).toThrow(
        /state v: expected shape \[3\], got \[4\]. Reset the network \(resetNet\)/,
      );
      expect(() => run("IFNode", {}, reshape(Tensor.ones([1]), []))).toThrow(/expected an input with a time axis/);
      const learned = { tensors: [x], gradients: () => [] };
      expect(() => run("IFNode", {}, x, { learned })).toThrow(/expected learned values of one element, got \[2,3\]/);
    });
  });
});
