/** Surrogates by themselves: reading options, the elementary functions, and derivative against primitive. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  arctangent,
  complementaryError,
  exponential,
  float32Arithmetic,
  parseSurrogate,
  type SurrogateKind,
  surrogate,
  surrogateCall,
  surrogateDefinitions,
  surrogateFunction,
} from "../../../src/model/surrogates/index.ts";

const kinds = Object.keys(surrogateDefinitions) as SurrogateKind[];

describe("surrogate options", () => {
  test("are read from JSON with SpikingJelly's defaults", () => {
    expect(parseSurrogate({ kind: "Sigmoid" })).toEqual({ kind: "Sigmoid", alpha: 4 });
    expect(parseSurrogate({ kind: "ATan", alpha: 3 })).toEqual({ kind: "ATan", alpha: 3 });
    expect(surrogate.ATan({ alpha: 3 })).toEqual(parseSurrogate({ kind: "ATan", alpha: 3 }));
    expect(surrogate.LavaExponential()).toEqual({ kind: "LavaExponential", tauGrad: 1, scaleGrad: 1 });
  });

  test("name what is wrong and the nearest known name", () => {
    expect(() => parseSurrogate({ kind: "Atan" })).toThrow(/kind: expected .*ATan.*Did you mean "ATan"/);
    expect(() => parseSurrogate({ kind: "ATan", alhpa: 2 })).toThrow(/alhpa.*Did you mean "alpha"/);
    expect(() => parseSurrogate({ kind: "Erf", alpha: 0 })).toThrow(/Erf: alpha/);
    expect(() => parseSurrogate("ATan")).toThrow(/an object such as/);
    expect(() => parseSurrogate(undefined)).toThrow(/nothing/);
  });

  test("reach the kernel as float32 numbers that depend on the neuron's threshold where they must", () => {
    const { surrogate: name, surrogateParams } = surrogateCall(surrogate.LavaExponential(), { threshold: 0.6875 });
    expect(name).toBe("LavaExponential");
    // By hand: t = 100 * 0.6875 = 68.75, s = 0.1: rate 1/t, height s/(2t), half s/2.
    expect(Array.from(surrogateParams)).toEqual([1 / 68.75, 0.1 / 137.5, 0.05].map(Math.fround));
  });
});

/** Two units in the last place of a float32. */
const EXPONENTIAL_ERROR = 2 * 2 ** -23;
/** Below the references' absolute tolerance of 1e-6, with the float32 roundings of the surrounding formula. */
const ANGLE_ERROR = 4e-7;
/** Formula 7.1.26 is good to 1.5e-7; the rest is float32. */
const ERROR_FUNCTION_ERROR = 5e-7;

describe("elementary functions in float32", () => {
  const w = float32Arithmetic;

  test("exp is right to two units in the last place and 0 far below", () => {
    fc.assert(
      fc.property(fc.float({ min: -87, max: 88, noNaN: true }), (x) => {
        expect(Math.abs(exponential(w, x) / Math.exp(x) - 1)).toBeLessThanOrEqual(EXPONENTIAL_ERROR);
      }),
      { numRuns: 2000 },
    );
    expect([exponential(w, 0), exponential(w, -100), exponential(w, Number.NEGATIVE_INFINITY)]).toEqual([1, 0, 0]);
    expect(exponential(w, Number.NaN)).toBeNaN();
  });

  test("atan is right to 4e-7 everywhere", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (x) => {
        expect(Math.abs(arctangent(w, x) - Math.atan(x))).toBeLessThanOrEqual(ANGLE_ERROR);
      }),
      { numRuns: 2000 },
    );
  });

  test("erfc is right to 5e-7 where its integral says so", () => {
    // Simpson's rule for 2/sqrt(pi) times the integral of exp(-t^2), 2000 intervals: error far below the tolerance.
    const erf = (x: number) => {
      const n = 2000;
      let sum = 1 + Math.exp(-x * x);
      for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * Math.exp(-(((i * x) / n) ** 2));
      return ((2 / Math.sqrt(Math.PI)) * (sum * x)) / (3 * n);
    };
    for (const x of [-4, -2.5, -1, -0.3, 0, 0.1, 0.5, 1, 1.7, 3]) {
      expect(Math.abs(complementaryError(w, Math.fround(x)) - (1 - erf(Math.fround(x))))).toBeLessThanOrEqual(
        ERROR_FUNCTION_ERROR,
      );
    }
  });
});

/** Central difference over 2/64 of functions with curvature below 10, in float32 arithmetic. */
const DIFFERENCE_STEP = 1 / 64;
const DIFFERENCE_ERROR = 4e-3;

describe.each(kinds)("%s", (kind) => {
  const context = { threshold: 0.01 };
  const primitive = surrogateFunction(parseSurrogate({ kind }), context, "primitive");
  const derivative = surrogateFunction(parseSurrogate({ kind }), context);

  test("has the slope of its primitive away from kinks", () => {
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), (value) => {
        const x = Math.fround(value);
        const kinks = [-1, 0, 1].some((kink) => Math.abs(x - kink) < 2 * DIFFERENCE_STEP);
        fc.pre(!kinks);
        const slope = (primitive(x + DIFFERENCE_STEP) - primitive(x - DIFFERENCE_STEP)) / (2 * DIFFERENCE_STEP);
        expect(Math.abs(derivative(x) - slope)).toBeLessThanOrEqual(DIFFERENCE_ERROR);
      }),
    );
  });

  test("has a primitive that rises, and a derivative that is even and never negative", () => {
    for (let x = 0; x < 5; x += 0.11) {
      const point = Math.fround(x);
      expect(derivative(point)).toBeGreaterThanOrEqual(0);
      expect(derivative(-point)).toBe(derivative(point));
      expect(primitive(Math.fround(point + 0.1))).toBeGreaterThanOrEqual(primitive(point));
    }
  });
});
