/** Element operations against the same formula in JavaScript's double precision. */
import { Float16Array } from "@petamoriken/float16";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BinaryOp, core, type UnaryOp } from "../../src/kernels/index.ts";
import { bytes, floats, from, noise, read, result, room } from "./buffers.ts";

/** The functions are computed in double precision and rounded once: at most the last bit differs from JavaScript's, by its error. */
const ONE_ROUNDING = 2 ** -23;

const special = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-30, -1e-30, 1e-45, 3e38, -3e38, 88, -88, 103, -104, 500];
const nonFinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
/** Longer than the threshold for two threads, and no multiple of any vector length. */
const LONG = 70_001;

const roundEven = (x: number) => {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};

const unary: Record<UnaryOp, (x: number) => number> = {
  neg: (x) => -x,
  exp: Math.exp,
  log: Math.log,
  sqrt: Math.sqrt,
  abs: Math.abs,
  sign: Math.sign,
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  relu: (x) => Math.max(x, 0),
  floor: Math.floor,
  trunc: Math.trunc,
  roundEven,
  roundFloat16: (x) => Float16Array.of(x)[0]!,
  reciprocal: (x) => 1 / x,
  square: (x) => x * x,
  isFinite: (x) => (Number.isFinite(x) ? 1 : 0),
};

const binary: Record<BinaryOp, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  max: Math.max,
  min: Math.min,
  greaterEqual: (a, b) => (a >= b ? 1 : 0),
  greater: (a, b) => (a > b ? 1 : 0),
  equal: (a, b) => (a === b ? 1 : 0),
};

function expectClose(got: ArrayLike<number>, expected: ArrayLike<number>, label: string): void {
  expect(got.length).toBe(expected.length);
  for (let i = 0; i < got.length; i++) {
    const want = Math.fround(expected[i]!);
    const same =
      Object.is(got[i], want) || got[i] === want || Math.abs(got[i]! - want) <= Math.abs(want) * ONE_ROUNDING;
    // Below 2^-126 the last bit is worth 2^-149.
    if (!same && !(Math.abs(got[i]! - want) <= 2 ** -149)) {
      expect.fail(`${label} [${i}]: expected ${want}, got ${got[i]}`);
    }
  }
}

describe("unary operations", () => {
  for (const [op, formula] of Object.entries(unary) as [UnaryOp, (x: number) => number][]) {
    it(`${op} agrees with its formula on ordinary and special numbers`, () => {
      const values = Float32Array.from([...special, ...nonFinite, ...noise(LONG).map((x) => x * 20)]);
      const out = result(values.length, (buffer) => core().unary(op, from(values), buffer, values.length));
      expectClose(out, Array.from(values, formula), op);
    });
  }

  it("works in place", () => {
    const x = floats([1, -2, 3]);
    core().unary("neg", x, x, 3);
    expect([...read(x)]).toEqual([-1, 2, -3]);
  });
});

describe("binary operations", () => {
  const a = Float32Array.from([...special, ...nonFinite, ...nonFinite, ...noise(LONG, 2)]);
  const b = Float32Array.from([...special].reverse().concat(nonFinite, [...nonFinite].reverse(), ...noise(LONG, 3)));

  for (const [op, formula] of Object.entries(binary) as [BinaryOp, (a: number, b: number) => number][]) {
    it(`${op} agrees with its formula, with arrays and with a number on either side`, () => {
      const n = a.length;
      const x = from(a);
      const y = from(b);
      expectClose(
        result(n, (out) => core().binary(op, x, y, out, n)),
        a.map((value, i) => formula(value, b[i]!)),
        op,
      );
      for (const value of [0.25, -3, Number.NaN]) {
        expectClose(
          result(n, (out) => core().binaryScalar(op, x, value, false, out, n)),
          a.map((element) => formula(element, value)),
          `${op} number right`,
        );
        expectClose(
          result(n, (out) => core().binaryScalar(op, x, value, true, out, n)),
          a.map((element) => formula(value, element)),
          `${op} number left`,
        );
      }
    });
  }

  it("broadcasts like NumPy over any strides", () => {
    const axis = fc.record({ size: fc.integer({ min: 1, max: 5 }), a: fc.boolean(), b: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(axis, { maxLength: 5 }),
        fc.constantFrom(...(Object.keys(binary) as BinaryOp[])),
        (axes, op) => {
          const shape = axes.map(({ size }) => size);
          const layout = (repeated: (entry: (typeof axes)[number]) => boolean) => {
            const strides: number[] = [];
            let count = 1;
            for (const entry of [...axes].reverse()) {
              strides.unshift(repeated(entry) ? 0 : count);
              if (!repeated(entry)) count *= entry.size;
            }
            return { strides, count };
          };
          const left = layout((entry) => entry.a);
          const right = layout((entry) => entry.b);
          const x = noise(left.count, 5);
          const y = noise(right.count, 6);
          const total = shape.reduce((product, size) => product * size, 1);
          const expected = Array.from({ length: total }, (_, flat) => {
            let rest = flat;
            let i = 0;
            let j = 0;
            for (let k = shape.length - 1; k >= 0; k--) {
              const index = rest % shape[k]!;
              rest = (rest - index) / shape[k]!;
              i += index * left.strides[k]!;
              j += index * right.strides[k]!;
            }
            return binary[op](x[i]!, y[j]!);
          });
          const got = result(total, (out) =>
            core().binaryBroadcast(op, from(x), left.strides, from(y), right.strides, out, shape),
          );
          expectClose(got, expected, op);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("broadcasts over an empty axis without touching anything", () => {
    const x = floats([1]);
    expect(() => core().binaryBroadcast("add", x, [0, 1], x, [0, 1], bytes(0), [0, 1])).not.toThrow();
  });
});

describe("clamp, axpy, fill", () => {
  it("clamps to both ends, keeps NaN, and passes the gradient on the ends", () => {
    const x = floats([-2, -1, 0, 1, 2, Number.NaN]);
    const grad = floats([10, 20, 30, 40, 50, 60]);
    expect([...result(6, (out) => core().clamp(x, -1, 1, out, 6))]).toEqual([-1, -1, 0, 1, 1, Number.NaN]);
    expect([...result(6, (out) => core().clampGrad(x, grad, -1, 1, out, 6))]).toEqual([0, 20, 30, 40, 0, 0]);
  });

  it("adds a multiple", () => {
    const y = floats([1, 2, 3]);
    core().axpy(-0.5, floats([2, 4, 6]), y, 3);
    expect([...read(y)]).toEqual([0, 0, 0]);
  });

  it("fills exactly the count it is given", () => {
    const out = room(LONG + 1);
    core().fill(out, LONG, 0.1);
    const values = read(out);
    expect(values.subarray(0, LONG).every((value) => value === Math.fround(0.1))).toBe(true);
    expect(values[LONG]).toBeNaN();
  });
});

describe("float16", () => {
  /** Every float16 number, and the float32 numbers halfway to the next and just beside that: all places where rounding turns. */
  function turningPoints(): Float32Array {
    const numbers: number[] = [];
    const bits = new Uint32Array(1);
    const view = new Float32Array(bits.buffer);
    for (const value of new Float16Array(Uint16Array.from({ length: 0x7c01 }, (_, i) => i).buffer)) {
      view[0] = value;
      const first = bits[0]!;
      // In float32 the gap between two float16 numbers has 13 bits, fewer steps apart in the subnormal range.
      const exponent = Math.max(-14, Math.floor(Math.log2(value || 2 ** -24)));
      view[0] = value + 2 ** (exponent - 11);
      const middle = bits[0]!;
      for (const pattern of [first, first + 1, middle - 1, middle, middle + 1]) {
        bits[0] = pattern;
        numbers.push(view[0]!, -view[0]!);
      }
    }
    return Float32Array.from([...numbers, 65519, 65520, 65521, 1e30, Number.NaN, 2 ** -25, 2 ** -26, 1e-45]);
  }

  it("rounds every turning point as an independent implementation does", () => {
    const values = turningPoints();
    const expected = Float32Array.from(Float16Array.from(values));
    const got = result(values.length, (out) => core().unary("roundFloat16", from(values), out, values.length));
    const wrong = values.findIndex((_, i) => !Object.is(got[i], expected[i]));
    expect(wrong, `${values[wrong]} -> ${got[wrong]} instead of ${expected[wrong]}`).toBe(-1);
  });

  it("converts to and from the 16 bits", () => {
    const values = turningPoints();
    const expected = new Uint16Array(Float16Array.from(values).buffer);
    const half = bytes(values.length * 2);
    core().convert(0, from(values), 1, half, values.length);
    const patterns = new Uint16Array(values.length);
    core().read(half, 0, patterns);
    const isNaN16 = (pattern: number) => (pattern & 0x7fff) > 0x7c00;
    const wrong = values.findIndex(
      (_, i) => patterns[i] !== expected[i] && !(isNaN16(patterns[i]!) && isNaN16(expected[i]!)),
    );
    expect(wrong, `${values[wrong]}`).toBe(-1);
    const back = result(values.length, (out) => core().convert(1, half, 0, out, values.length));
    expect(back).toEqual(Float32Array.from(Float16Array.from(values)));
  });

  it("reads every 16-bit pattern", () => {
    const patterns = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const got = result(65536, (out) => core().convert(1, from(patterns), 0, out, 65536));
    const expected = Float32Array.from(new Float16Array(patterns.buffer));
    const wrong = patterns.findIndex((_, i) => !Object.is(got[i], expected[i]));
    expect(wrong).toBe(-1);
  });
});

describe("conversion", () => {
  it("cuts fractions, saturates and turns NaN into 0", () => {
    const x = floats([1.9, -1.9, 300, -5, 3e9, -3e9, Number.NaN, 255.5]);
    const ints = bytes(32);
    core().convert(0, x, 2, ints, 8);
    const whole = new Int32Array(8);
    core().read(ints, 0, whole);
    expect([...whole]).toEqual([1, -1, 300, -5, 2147483647, -2147483648, 0, 255]);
    const octets = bytes(8);
    core().convert(0, x, 3, octets, 8);
    const small = new Uint8Array(8);
    core().read(octets, 0, small);
    expect([...small]).toEqual([1, 0, 255, 0, 255, 0, 0, 255]);
    expect([...result(8, (out) => core().convert(3, octets, 0, out, 8))]).toEqual([1, 0, 255, 0, 255, 0, 0, 255]);
    expect([...result(8, (out) => core().convert(2, ints, 0, out, 8))]).toEqual(Array.from(whole, Math.fround));
  });

  it("goes between whole numbers and float16 too", () => {
    const half = bytes(6);
    core().convert(2, from(Int32Array.of(3, -7, 100000)), 1, half, 3);
    expect([...result(3, (out) => core().convert(1, half, 0, out, 3))]).toEqual([3, -7, Number.POSITIVE_INFINITY]);
  });
});
