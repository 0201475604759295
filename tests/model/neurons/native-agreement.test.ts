/** The generated kernels against the number target of the same definitions, bit for bit, for every variant. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { core } from "../../../src/kernels/index.ts";
import {
  type GivenGradients,
  initialState,
  interpretBackward,
  interpretForward,
  type NeuronVariant,
  parseNeuronOptions,
  surrogateThreshold,
  variantOf,
} from "../../../src/model/neurons/index.ts";
import {
  parseSurrogate,
  type SurrogateKind,
  surrogateCall,
  surrogateDefinitions,
  surrogateFunction,
} from "../../../src/model/surrogates/index.ts";
import { EVERY_VARIANT } from "./every-variant.ts";
import { nativeBackward, nativeForward, nativeSurrogate } from "./native-scan.ts";

/**
 * Sums of parameter gradients run in double precision in two orders: they agree to some thousand units in the last
 * place.
 */
const SUM_TOLERANCE = 1e-10;

/**
 * Numbers near the threshold, and the ones that break arithmetic: exact fractions, subnormal float16, large, both
 * zeros.
 */
const value = fc.oneof(
  { weight: 8, arbitrary: fc.float({ min: -2, max: 2, noNaN: true }) },
  { weight: 3, arbitrary: fc.integer({ min: -128, max: 128 }).map((i) => i / 64) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1, 0.7, 1e-5, -6e-8, 70000, -3000.25, 1e-20) },
);

const run = fc
  .record({ steps: fc.integer({ min: 1, max: 6 }), elements: fc.integer({ min: 1, max: 40 }) })
  .chain(({ steps, elements }) =>
    fc.record({
      steps: fc.constant(steps),
      elements: fc.constant(elements),
      x: fc.array(value, { minLength: steps * elements, maxLength: steps * elements }),
      gradient: fc.array(value, { minLength: steps * elements, maxLength: steps * elements }),
      start: fc.float({ min: Math.fround(-0.5), max: Math.fround(0.6), noNaN: true }),
      extras: fc.boolean(),
    }),
  );

function states(variant: NeuronVariant, elements: number, start: number): Record<string, Float32Array> {
  return Object.fromEntries(
    variant.stateNames.map((name, k) => [
      name,
      Float32Array.from({ length: elements }, (_, i) => start + (i % 7) / 64 - k / 8),
    ]),
  );
}

function gradients(variant: NeuronVariant, gradient: Float32Array, elements: number, extras: boolean): GivenGradients {
  const shifted = (by: number) => gradient.map((_, i) => gradient[(i + by) % gradient.length]!);
  const given: GivenGradients = variant.fires ? { spike: gradient } : {};
  if (!extras && variant.fires) return given;
  return {
    ...given,
    stateSeqs: Object.fromEntries(variant.stateNames.map((name, k) => [name, shifted(k + 1)])),
    saved: Object.fromEntries(variant.savedNames.map((name, k) => [name, shifted(k + 3)])),
    finalStates: Object.fromEntries(variant.stateNames.map((name, k) => [name, shifted(k + 5).slice(0, elements)])),
  };
}

/** Surrogates take turns over the variants, so that each pair of kernels meets. */
const surrogateKinds = Object.keys(surrogateDefinitions) as SurrogateKind[];

describe("native neuron kernels", () => {
  test.each(EVERY_VARIANT)(
    "compute $name as the definition does, bit for bit, forward and backward",
    ({ kind, options, reading }) => {
      const variant = variantOf(kind, options, reading);
      let turn = 0;
      fc.assert(
        fc.property(run, ({ steps, elements, x: inputs, gradient: grads, start, extras }) => {
          const x = Float32Array.from(inputs);
          const gradient = Float32Array.from(grads);
          const initialStates = states(variant, elements, start);
          const expected = interpretForward(variant, options, steps, x, initialStates);
          const got = nativeForward(variant, steps, x, initialStates);
          expect(got).toEqual(expected);
          if (reading === "chip") return;

          const given = gradients(variant, gradient, elements, extras);
          const chosen = parseSurrogate({ kind: surrogateKinds[turn++ % surrogateKinds.length]! });
          const context = { threshold: variant.fires ? surrogateThreshold(kind, options) : 1 };
          const back = { steps, x, initialStates, saved: expected.saved, gradients: given };
          const expectedGradients = interpretBackward(variant, options, {
            ...back,
            surrogate: surrogateFunction(chosen, context),
          });
          const gotGradients = nativeBackward(variant, {
            ...back,
            ...(variant.fires ? { surrogate: surrogateCall(chosen, context) } : {}),
          });
          const fromSaved = nativeBackward(variant, {
            ...back,
            ...(variant.fires ? { surrogate: surrogateCall(chosen, context) } : {}),
            givesSaved: true,
          });
          expect(fromSaved.x).toEqual(gotGradients.x);
          expect(fromSaved.initialStates).toEqual(gotGradients.initialStates);
          expect(gotGradients.x).toEqual(expectedGradients.x);
          expect(gotGradients.initialStates).toEqual(expectedGradients.initialStates);
          expectedGradients.params.forEach((sum, i) => {
            if (!Number.isFinite(sum)) expect(gotGradients.params[i]).toBe(sum);
            else
              expect(Math.abs(gotGradients.params[i]! - sum)).toBeLessThanOrEqual(
                SUM_TOLERANCE * largestTerm(gradient, x) * x.length,
              );
          });
        }),
        { numRuns: 25 },
      );
    },
  );

  /** Bound of one term of a parameter gradient. */
  function largestTerm(gradient: Float32Array, x: Float32Array): number {
    const largest = (values: Float32Array) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 1);
    return largest(gradient) * largest(x) * 10;
  }

  test("give the same bits for one thread and for two, on a scan large enough to be shared and streamed", () => {
    const options = parseNeuronOptions("ParametricLIFNode", {});
    const variant = variantOf("ParametricLIFNode", options);
    const [steps, elements] = [4, 600_001];
    const x = Float32Array.from({ length: steps * elements }, (_, i) => Math.sin(i) * 1.5 + 0.4);
    const gradient = x.map((v) => Math.fround(v * v - 1));
    const initialStates = { v: new Float32Array(elements).fill(initialState("ParametricLIFNode", options).v!) };
    const surrogate = surrogateCall(parseSurrogate({ kind: "ATan" }), { threshold: 1 });
    const threads = core().info().threads;
    const results = [1, 2].map((count) => {
      core().setThreads(count);
      const forward = nativeForward(variant, steps, x, initialStates);
      const backward = nativeBackward(variant, {
        steps,
        x,
        initialStates,
        saved: forward.saved,
        gradients: { spike: gradient },
        surrogate,
      });
      return { forward, backward };
    });
    core().setThreads(threads);
    expect(results[1]!.backward.params).toEqual(results[0]!.backward.params);
    const same = (a: Float32Array, b: Float32Array) =>
      Buffer.compare(Buffer.from(a.buffer), Buffer.from(b.buffer)) === 0;
    expect(same(results[1]!.forward.spike, results[0]!.forward.spike)).toBe(true);
    expect(same(results[1]!.backward.x, results[0]!.backward.x)).toBe(true);
    expect(results[0]!.forward.spike.some((spike) => spike === 1)).toBe(true);
  });

  test("refuse a variant that does not exist by its name", () => {
    const variant = { ...variantOf("IFNode", parseNeuronOptions("IFNode", {})), name: "IFNode.sideways" };
    expect(() => nativeForward(variant, 1, new Float32Array(3), { v: new Float32Array(3) })).toThrow(
      /IFNode\.sideways/,
    );
  });
});

describe("native surrogate functions", () => {
  test.each(surrogateKinds.flatMap((kind) => (["derivative", "primitive"] as const).map((what) => ({ kind, what }))))(
    "compute the $what of $kind as the definition does, bit for bit",
    ({ kind, what }) => {
      const argument = fc.oneof(fc.float({ min: -4, max: 4 }), fc.float(), fc.constantFrom(0, -0, 1, -1, 0.5, 30, -30));
      fc.assert(
        fc.property(
          fc.array(argument, { minLength: 1, maxLength: 100 }),
          fc.constantFrom(0.4, 1, 2.5),
          (values, scale) => {
            const options = kind === "LavaExponential" ? { kind, tauGrad: scale / 100 } : { kind, alpha: scale };
            const chosen = parseSurrogate(options);
            const x = Float32Array.from(values);
            const { surrogateParams } = surrogateCall(chosen, { threshold: 1 });
            const name = what === "derivative" ? kind : `${kind}.primitive`;
            expect(nativeSurrogate(name, surrogateParams, x)).toEqual(
              x.map(surrogateFunction(chosen, { threshold: 1 }, what)),
            );
          },
        ),
      );
    },
  );
});
