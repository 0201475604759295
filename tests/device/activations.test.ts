/** Activations of 16 bits on the device against the CPU: every call of the core that has a form for them, at odd sizes too. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { DTYPES } from "../../src/core/index.ts";
import { type ActivationType, type BufferId, core, type PoolSpec } from "../../src/kernels/index.ts";
import { bytes, from, noise, read, readInts, room } from "../kernels/buffers.ts";
import { convSpecs, points, windows } from "../kernels/geometry.ts";
import { CUT_SUMS, onBoth, whole } from "./both.ts";
import { describeOnDevice } from "./device.ts";
import { anyFloats, expectSameBits, replayed } from "./same-bits.ts";

type Half = Exclude<ActivationType, "float32">;
const halves = fc.constantFrom<Half>("float16", "bfloat16");

/**
 * A sum in another order may be rounded to the other of two 16-bit neighbours: one last place of 8 or 11 significant bits, relative to the
 * number; beside it the sum's own error.
 */
const PLACE = { bfloat16: 2 ** -7, float16: 2 ** -10 };
const OTHER_ORDER = 1e-4 * CUT_SUMS;

/** Numbers of a type, made of floats where the buffers lie. */
function stored(type: Half, values: Float32Array): BufferId {
  const out = bytes(2 * values.length);
  core().convert(DTYPES.float32.id, from(values), DTYPES[type].id, out, values.length);
  return out;
}

function bits(buffer: BufferId): Uint16Array {
  const values = new Uint16Array(core().byteLength(buffer) / 2);
  core().read(buffer, 0, values);
  return values;
}

function floatsOf(type: Half, buffer: BufferId): Float32Array {
  const count = core().byteLength(buffer) / 2;
  const out = room(count);
  core().convert(DTYPES[type].id, buffer, DTYPES.float32.id, out, count);
  return read(out);
}

/** Bits of all results of a call that must be the CPU's. */
function same(what: string, body: () => (Uint16Array | Int32Array | Float32Array)[]): void {
  const [cpu, device] = onBoth(body);
  for (const [i, values] of cpu.entries()) expectSameBits(device[i]!, values, `${what}, result ${i}`);
}

/** Results whose sums meet in another order. `float`: results that are float32. */
function near(type: Half, what: string, body: () => { half: Float32Array[]; float: Float32Array[] }): void {
  const [cpu, device] = onBoth(body);
  const compare = (mine: Float32Array, theirs: Float32Array, share: number) => {
    expect(mine.length).toBe(theirs.length);
    for (const [i, value] of theirs.entries()) {
      const allowed = share * Math.abs(value) + OTHER_ORDER;
      if (!(Math.abs(mine[i]! - value) <= allowed)) expect.fail(`${what}: ${mine[i]} at ${i}, on the CPU ${value}`);
    }
  };
  for (const [i, values] of cpu.half.entries()) compare(device.half[i]!, values, PLACE[type]);
  for (const [i, values] of cpu.float.entries()) compare(device.float[i]!, values, 1e-5);
}

const poolSpecs: fc.Arbitrary<PoolSpec> = fc
  .record({
    window: windows({ maxStride: 3, halfPadding: false, ceil: true }),
    batch: fc.integer({ min: 1, max: 3 }),
    channels: fc.constantFrom(1, 3, 4, 8, 17),
    countIncludePad: fc.boolean(),
    divisor: fc.constantFrom(0, 3),
  })
  .map(({ window, ...rest }) => ({ ...window, ...rest }));

const convs = convSpecs({ maxStride: 2, halfPadding: false, ceil: true }, [1, 1, 2], [1, 3, 4, 8], [1, 2, 5, 8]);

describeOnDevice("activations of 16 bits on a device", () => {
  it("are converted to the CPU's bits, from and to every type", () => {
    const types = Object.values(DTYPES);
    const pair = fc.tuple(fc.constantFrom(...types), fc.constantFrom(...types));
    fc.assert(
      fc.property(pair, fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 99 }), ([a, b], count, seed) => {
        same(`${a.id} to ${b.id}`, () => {
          const [first, second, back] = [bytes(count * a.bytes), bytes(count * b.bytes), room(count)];
          core().convert(0, from(anyFloats(count, seed).map((x) => (x < 255 && x >= 0 ? x : 3))), a.id, first, count);
          core().convert(a.id, first, b.id, second, count);
          core().convert(b.id, second, 0, back, count);
          return [read(back)];
        });
      }),
      { numRuns: 150 },
    );
    const special = anyFloats(5000, 3).filter((value) => !Number.isNaN(value));
    for (const type of ["float16", "bfloat16"] as const) same(type, () => [bits(stored(type, special))]);
  });

  it("are added, subtracted, multiplied, filled and summed with the CPU's bits", () => {
    fc.assert(
      fc.property(halves, fc.integer({ min: 1, max: 3000 }), (type, count) => {
        same(`${type} ${count}`, () => {
          const [a, b] = [stored(type, noise(count, 1)), stored(type, noise(count, 2))];
          const outs = (["add", "sub", "mul", "greaterEqual"] as const).map((op) => {
            const out = bytes(2 * count);
            core().binary(op, a, b, out, count, type);
            return bits(out);
          });
          const [filled, sum] = [bytes(2 * count), room(1)];
          core().fill(filled, count, 0.3, type);
          const few = stored(type, whole(noise(count, 3), 4));
          core().reduce("sum", few, 1, count, 1, sum, type);
          // in place, as gradients are added
          core().binary("add", a, b, a, count, type);
          return [...outs, bits(filled), read(sum), bits(a)];
        });
      }),
      { numRuns: 40 },
    );
  });

  it("are pooled with the CPU's bits, forward and backward", () => {
    fc.assert(
      fc.property(poolSpecs, fc.constantFrom("max", "avg", "sum"), halves, (spec, op, type) => {
        const [inputs, outputs] = [
          spec.batch * points(spec.input) * spec.channels,
          spec.batch * points(spec.output) * spec.channels,
        ];
        same(`${op} ${type} of ${JSON.stringify(spec)}`, () => {
          const [y, gradX] = [bytes(2 * outputs), bytes(2 * inputs)];
          const winners = op === "max" ? bytes(4 * outputs) : 0;
          core().poolForward(op, spec, stored(type, noise(inputs, 1)), y, winners, type);
          core().poolBackward(op, spec, stored(type, noise(outputs, 2)), winners, gradX, type);
          return [bits(y), bits(gradX), ...(winners ? [readInts(winners)] : [])];
        });
      }),
      { numRuns: 80 },
    );
  });

  it("are pooled with the CPU's bits where threads take four channels each", () => {
    const both = (size: number) => [size, size];
    const spec: PoolSpec = {
      ...{ batch: 2, channels: 64, input: both(64), kernel: both(3), stride: both(1), padding: both(1) },
      ...{ dilation: both(1), output: both(64), countIncludePad: false, divisor: 0 },
    };
    const count = 2 * 64 * 64 * 64;
    for (const type of ["float16", "bfloat16"] as const) {
      same(type, () => {
        const [y, gradX, winners] = [bytes(2 * count), bytes(2 * count), bytes(4 * count)];
        core().poolForward("max", spec, stored(type, noise(count, 1)), y, winners, type);
        core().poolBackward("max", spec, y, winners, gradX, type);
        return [bits(y), bits(gradX)];
      });
    }
  });

  it.each([
    [1, 5],
    [513, 130],
    [900, 64],
    [5000, 3],
  ])("are normalised (%i rows of %i channels) like the CPU's, forward and backward", (rows, channels) => {
    for (const type of ["float16", "bfloat16"] as const) {
      near(type, `${type} ${rows}x${channels}`, () => {
        const all = rows * channels;
        const [x, gradY] = [stored(type, noise(all, 1)), stored(type, noise(all, 2))];
        const [weight, bias] = [from(noise(channels, 3)), from(noise(channels, 4))];
        const [mean, variance, affine] = [room(channels), room(channels), room(2 * channels)];
        const [y, gradX, gradWeight, gradBias] = [bytes(2 * all), bytes(2 * all), room(channels), room(channels)];
        // a large epsilon: one row has variance 0, whose root would blow up what differs
        core().batchNormTrain(rows, channels, 0.1, x, weight, bias, mean, variance, affine, type);
        core().channelAffine(rows, channels, x, affine, y, type);
        const gradients = [gradX, gradWeight, gradBias] as const;
        core().batchNormBackward(true, rows, channels, 0.1, x, gradY, mean, variance, weight, ...gradients, type);
        return {
          half: [floatsOf(type, y), floatsOf(type, gradX)],
          float: [mean, variance, affine, gradWeight, gradBias].map(read),
        };
      });
    }
  });

  it("are convolved, with a bias and both gradients, like the CPU's", () => {
    fc.assert(
      fc.property(convs, halves, (spec, type) => {
        const x = spec.batch * points(spec.input) * spec.inChannels;
        const y = spec.batch * points(spec.output) * spec.outChannels;
        const weights = (spec.outChannels * spec.inChannels * points(spec.kernel)) / spec.groups;
        near(type, `${type} ${JSON.stringify(spec)}`, () => {
          const [input, gradY] = [stored(type, noise(x, 1)), stored(type, noise(y, 2))];
          const [weight, bias] = [from(noise(weights, 3)), from(noise(spec.outChannels, 4))];
          const [out, gradX] = [bytes(2 * y), bytes(2 * x)];
          const [gradWeight, gradBias] = [room(weights), room(spec.outChannels)];
          core().convForward(spec, input, weight, bias, out, type);
          core().convBackwardData(spec, gradY, weight, gradX, type);
          core().convBackwardWeights(spec, input, gradY, gradWeight, gradBias, type);
          return { half: [floatsOf(type, out), floatsOf(type, gradX)], float: [read(gradWeight), read(gradBias)] };
        });
      }),
      { numRuns: 60 },
    );
  });

  it("are multiplied by matrices like the CPU's, in every mixture of types that a linear layer has", () => {
    const size = fc.integer({ min: 1, max: 40 });
    fc.assert(
      fc.property(size, size, size, halves, (rows, inputs, outputs, type) => {
        near(type, `${type} ${rows}x${inputs} to ${outputs}`, () => {
          const [x, gradY] = [stored(type, noise(rows * inputs, 1)), stored(type, noise(rows * outputs, 2))];
          const [weight, bias] = [from(noise(inputs * outputs, 3)), from(noise(outputs, 4))];
          const [y, gradX, gradWeight] = [bytes(2 * rows * outputs), bytes(2 * rows * inputs), room(inputs * outputs)];
          core().linearForward(rows, inputs, outputs, x, weight, bias, y, type);
          core().matmul(false, false, rows, inputs, outputs, gradY, weight, gradX, false, type, "float32", type);
          core().matmul(true, false, outputs, inputs, rows, gradY, x, gradWeight, false, type, type, "float32");
          return { half: [floatsOf(type, y), floatsOf(type, gradX)], float: [read(gradWeight)] };
        });
      }),
      { numRuns: 60 },
    );
  });

  it("run again when a recorded step is replayed", () => {
    const count = 33;
    const made = replayed(
      () => ({ a: stored("bfloat16", noise(count, 1)), out: bytes(2 * count), sum: room(1) }),
      ({ a, out, sum }) => {
        core().binary("mul", a, a, out, count, "bfloat16");
        core().reduce("sum", out, 1, count, 1, sum, "bfloat16");
      },
    );
    same("replayed", () => {
      const a = stored("bfloat16", noise(count, 1));
      const out = bytes(2 * count);
      core().binary("mul", a, a, out, count, "bfloat16");
      return [bits(out)];
    });
    expect(bits(made.out)).toHaveLength(count);
    expect(Number.isFinite(read(made.sum)[0])).toBe(true);
  });
});
