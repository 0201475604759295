/** Convolutions on the device, forward and gradients, against the CPU. */
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { type ConvSpec, core, devices } from "../../src/kernels/index.ts";
import { bytes, floats, from, noise, read, result, room, worstDifference } from "../kernels/buffers.ts";
import { convSpecs, points } from "../kernels/geometry.ts";
import { CUT_SUMS, onBoth, precisions, whole, withoutNegativeZero } from "./both.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

/**
 * Float32 sums of products below 1 in two orders, as in tests/kernels/dense.test.ts: about n * 2^-24 = 1e-4 for the 2,000 terms of the
 * longest sums here. A wrong index errs by about 1.
 */
const OTHER_ORDER = 1e-4;

type Numbers = (count: number, seed: number) => Float32Array;

const exactNumbers: Numbers = (count, seed) => whole(noise(count, seed), 4);

const specs = convSpecs(
  { maxStride: 3, halfPadding: false, ceil: true },
  [1, 1, 2, 3],
  [1, 2, 3, 4, 8, 17],
  [1, 2, 5, 16],
);

const counts = (spec: ConvSpec) => ({
  x: spec.batch * points(spec.input) * spec.inChannels,
  weight: (spec.outChannels * spec.inChannels * points(spec.kernel)) / spec.groups,
  y: spec.batch * points(spec.output) * spec.outChannels,
});

/** Output, and gradients of input, weight and bias. */
function everything(spec: ConvSpec, numbers: Numbers, withBias: boolean): Float32Array[] {
  const count = counts(spec);
  const [x, weight, gradY] = [from(numbers(count.x, 7)), from(numbers(count.weight, 8)), from(numbers(count.y, 10))];
  const bias = withBias ? from(numbers(spec.outChannels, 9)) : 0;
  const gradBias = withBias ? room(spec.outChannels) : 0;
  return [
    result(count.y, (out) => core().convForward(spec, x, weight, bias, out)),
    result(count.x, (out) => core().convBackwardData(spec, gradY, weight, out)),
    result(count.weight, (out) => core().convBackwardWeights(spec, x, gradY, out, gradBias)),
    ...(withBias ? [read(gradBias)] : []),
  ];
}

afterEach(() => core().setPrecision("float32"));

describeOnDevice("a convolution on a device", () => {
  it("gives the CPU's numbers over 1, 2 and 3 axes with stride, padding, dilation and groups, exactly where sums are exact", () => {
    fc.assert(
      fc.property(specs, fc.boolean(), precisions, (spec, withBias, precision) => {
        core().setPrecision(precision);
        const [exactCpu, exactDevice] = onBoth(() => withoutNegativeZero(everything(spec, exactNumbers, withBias)));
        expect(exactDevice, JSON.stringify(spec)).toEqual(exactCpu);
        const [cpu, device] = onBoth(() => everything(spec, noise, withBias));
        device.forEach((values, which) => {
          expect(worstDifference(values, cpu[which]!), `${which} ${JSON.stringify(spec)}`).toBeLessThan(
            OTHER_ORDER * CUT_SUMS,
          );
        });
      }),
      { numRuns: 120 },
    );
  });

  it("whose windows lie in padding alone is the bias", () => {
    const spec: ConvSpec = {
      batch: 1,
      inChannels: 1,
      outChannels: 2,
      groups: 1,
      input: [0],
      kernel: [2],
      stride: [1],
      padding: [1],
      dilation: [1],
      output: [1],
    };
    const [cpu, device] = onBoth(() => {
      const [x, weight, gradWeight, gradBias] = [bytes(0), floats([1, 2, 3, 4]), room(4), room(2)];
      core().convBackwardWeights(spec, x, floats([5, 6]), gradWeight, gradBias);
      return [
        result(2, (out) => core().convForward(spec, x, weight, floats([7, 8]), out)),
        read(gradWeight),
        read(gradBias),
      ];
    });
    expect(device).toEqual(cpu);
    expect([...device[0]!]).toEqual([7, 8]);
  });

  it("of no images has gradients of zero", () => {
    const [cpu, device] = onBoth(() => {
      const [nothing, gradWeight, gradBias] = [bytes(0), room(4), room(2)];
      const spec: ConvSpec = {
        batch: 0,
        inChannels: 1,
        outChannels: 2,
        groups: 1,
        input: [3],
        kernel: [2],
        stride: [1],
        padding: [0],
        dilation: [1],
        output: [2],
      };
      core().convBackwardWeights(spec, nothing, nothing, gradWeight, gradBias);
      return [read(gradWeight), read(gradBias)];
    });
    expect(device).toEqual(cpu);
    expect(device.map((values) => [...values])).toEqual([
      [0, 0, 0, 0],
      [0, 0],
    ]);
  });

  it("is recorded with its gradients, and replayed on the numbers of the moment", () => {
    const spec: ConvSpec = {
      batch: 2,
      inChannels: 4,
      outChannels: 6,
      groups: 2,
      input: [7, 5],
      kernel: [3, 3],
      stride: [2, 1],
      padding: [1, 1],
      dilation: [1, 1],
      output: [4, 5],
    };
    const count = counts(spec);
    const [first, second] = [1, 20].map((seed) => exactNumbers(count.x, seed)) as [Float32Array, Float32Array];
    const [x, weight] = [first, exactNumbers(count.weight, 2)].map((values) => {
      devices().current = DEVICE;
      return from(values);
    }) as [number, number];
    const [y, gradX, gradWeight, gradBias] = [count.y, count.x, count.weight, 6].map(room) as [
      number,
      number,
      number,
      number,
    ];
    const run = () => {
      core().convForward(spec, x, weight, 0, y);
      core().convBackwardData(spec, y, weight, gradX);
      core().convBackwardWeights(spec, x, y, gradWeight, gradBias);
    };
    const now = () => [y, gradX, gradWeight, gradBias].map(read);
    core().write(x, 0, second);
    run();
    const expected = now();
    core().write(x, 0, first);
    core().beginCapture(0);
    run();
    const graph = core().endCapture();
    core().write(x, 0, second);
    core().replay(graph);
    expect(now()).toEqual(expected);
    core().forget(graph);
    devices().current = "cpu";
  });
});
