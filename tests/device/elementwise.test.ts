/** Operations element by element on the device: the CPU's results bit for bit, for every kind of number and at odd sizes. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type BinaryOp, core, type UnaryOp } from "../../src/kernels/index.ts";
import { bytes, from, read, result } from "../kernels/buffers.ts";
import { onBoth } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { anyFloats, expectSameBits, replayed } from "./same-bits.ts";

const UNARY: UnaryOp[] = [
  ...(["neg", "exp", "log", "sqrt", "abs", "sign", "sigmoid", "tanh", "relu", "floor", "trunc", "roundEven"] as const),
  ...(["roundFloat16", "reciprocal", "square", "isFinite"] as const),
];
const BINARY: BinaryOp[] = ["add", "sub", "mul", "div", "max", "min", "greaterEqual", "greater", "equal"];

/** 0, around a group of four, and beyond one block of threads. */
const SIZES = [0, 1, 3, 4, 5, 1023, 4099];

function same(what: string, call: () => Float32Array): void {
  const [cpu, device] = onBoth(call);
  expectSameBits(device, cpu, what);
}

describeOnDevice("element operations on a device", () => {
  it("give the CPU's bits for every number, NaN and infinities among them", () => {
    for (const count of SIZES) {
      const [a, b] = [anyFloats(count, 1), anyFloats(count, 2)];
      for (const op of UNARY)
        same(`${op} of ${count}`, () => result(count, (out) => core().unary(op, from(a), out, count)));
      for (const op of BINARY) {
        same(`${op} of ${count}`, () => result(count, (out) => core().binary(op, from(a), from(b), out, count)));
        for (const [value, reversed] of [
          [0.7, false],
          [-3, true],
        ] as const) {
          same(`${op} of ${count} and ${value}`, () =>
            result(count, (out) => core().binaryScalar(op, from(a), value, reversed, out, count)),
          );
        }
      }
    }
  });

  it("clamp, fill and add multiples like the CPU, also in place", () => {
    for (const count of SIZES) {
      const [a, b] = [anyFloats(count, 3), anyFloats(count, 4)];
      same("fill", () => result(count, (out) => core().fill(out, count, -0)));
      same("clamp", () => result(count, (out) => core().clamp(from(a), -1, 0.5, out, count)));
      same("clampGrad", () => result(count, (out) => core().clampGrad(from(a), from(b), -1, 1, out, count)));
      same("axpy", () => {
        const y = from(b);
        core().axpy(0.3, from(a), y, count);
        return read(y);
      });
      same("binary in place", () => {
        const y = from(b);
        core().binary("sub", from(a), y, y, count);
        return read(y);
      });
    }
  });

  it("touch no element beyond the count they are given", () => {
    const [cpu, device] = onBoth(() => {
      const out = from(new Float32Array(12).fill(7));
      core().unary("neg", from(new Float32Array(12).fill(1)), out, 6);
      core().fill(out, 2, 3);
      return read(out);
    });
    expect([...device]).toEqual([3, 3, -1, -1, -1, -1, 7, 7, 7, 7, 7, 7]);
    expectSameBits(device, cpu, "a part of a buffer");
  });

  it("broadcast over any axes, whatever the sizes", () => {
    const axis = fc.record({ size: fc.constantFrom(1, 2, 3, 4, 5, 8, 12), a: fc.boolean(), b: fc.boolean() });
    fc.assert(
      fc.property(fc.array(axis, { maxLength: 5 }), fc.constantFrom(...BINARY), (axes, op) => {
        const strides = (side: "a" | "b") => {
          let stride = 1;
          const reversed = [...axes].reverse().map((one) => {
            const own = one[side] && one.size > 1 ? stride : 0;
            if (own > 0) stride *= one.size;
            return own;
          });
          return { strides: reversed.reverse(), count: stride };
        };
        const [a, b] = [strides("a"), strides("b")];
        const shape = axes.map((one) => one.size);
        const count = shape.reduce<number>((product, size) => product * size, 1);
        const [left, right] = [anyFloats(a.count, 5), anyFloats(b.count, 6)];
        same(`${op} over ${shape}`, () =>
          result(count, (out) => core().binaryBroadcast(op, from(left), a.strides, from(right), b.strides, out, shape)),
        );
      }),
      { numRuns: 150 },
    );
  });

  it("broadcast a transposed array, rows with gaps, and an empty array", () => {
    const x = anyFloats(8 * 12, 7);
    same("a transposed side", () =>
      result(96, (out) => core().binaryBroadcast("add", from(x), [1, 8], from(x), [12, 1], out, [8, 12])),
    );
    same("rows with gaps", () =>
      result(20, (out) => core().binaryBroadcast("mul", from(x), [6, 1], from(x), [9, 1], out, [5, 4])),
    );
    same("nothing", () =>
      result(0, (out) => core().binaryBroadcast("add", from(x), [1, 8], from(x), [12, 1], out, [0, 12])),
    );
  });

  it("convert between all element types as the CPU does", () => {
    const width = [4, 2, 4, 1];
    for (const count of [0, 1, 4, 7, 2051]) {
      for (let source = 0; source < 4; source++) {
        for (let target = 0; target < 4; target++) {
          const x = new Uint8Array(anyFloats(count, 8).buffer, 0, count * width[source]!);
          const [cpu, device] = onBoth(() => {
            const out = bytes(count * width[target]!);
            core().convert(source, from(x), target, out, count);
            const values = [Float32Array, Uint16Array, Int32Array, Uint8Array] as const;
            const read = new values[target]!(count);
            core().read(out, 0, read);
            return read;
          });
          expectSameBits(device, cpu, `${count} from type ${source} to ${target}`);
        }
      }
    }
  });

  it("converts every float16 number, and every float32 that lies near one, to the CPU's bits", () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const [cpu, device] = onBoth(() => result(65536, (out) => core().convert(1, from(halves), 0, out, 65536)));
    expectSameBits(device, cpu, "float16 to float32");
    const nearby = new Float32Array(65536 * 3);
    const bits = new Uint32Array(nearby.buffer);
    for (let i = 0; i < 65536; i++) {
      nearby[3 * i] = cpu[i]!;
      bits[3 * i + 1] = bits[3 * i]! + 0x1000;
      bits[3 * i + 2] = bits[3 * i]! + 0x1001;
    }
    const [onCpu, onDevice] = onBoth(() => {
      const out = bytes(nearby.length * 2);
      core().convert(0, from(nearby), 1, out, nearby.length);
      const values = new Uint16Array(nearby.length);
      core().read(out, 0, values);
      return values;
    });
    expectSameBits(onDevice, onCpu, "float32 to float16");
  });

  it("run again when a recorded step is replayed", () => {
    const x = anyFloats(1001, 9);
    const { out } = replayed(
      () => ({ x: from(x), out: from(new Float32Array(1001)) }),
      ({ x, out }) => {
        core().fill(out, 1001, 2);
        core().axpy(1, x, out, 1001);
        core().unary("tanh", out, out, 1001);
        core().binaryBroadcast("mul", out, [1], x, [0], out, [1001]);
      },
    );
    const expected = from(new Float32Array(1001).fill(2));
    core().axpy(1, from(x), expected, 1001);
    core().unary("tanh", expected, expected, 1001);
    core().binaryBroadcast("mul", expected, [1], from(x), [0], expected, [1001]);
    expectSameBits(read(out), read(expected), "a replayed step");
  });
});
