/** Tensors on a device: where they lie, how they move, that operations stay with their operands and give the CPU's numbers. */
import { afterEach, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { devices } from "../../src/kernels/index.ts";
import {
  abs,
  add,
  argmax,
  avgPool,
  backward,
  backwardFrom,
  clamp,
  concat,
  conv2d,
  div,
  dropoutMask,
  linear,
  matmul,
  max,
  maximum,
  maxPool,
  mean,
  minimum,
  mse,
  mul,
  noGrad,
  permute,
  relu,
  repeatLeading,
  reshape,
  scope,
  sigmoid,
  slice,
  softmaxCrossEntropy,
  stack,
  sub,
  sum,
  Tensor,
  toChannelsLast,
  uniform,
  withDevice,
} from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { randomNumbers } from "../tensor/gradient.ts";
import { expectClose } from "../tolerance.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

/** Dense sums are made in another order, or in double precision: relative to the largest number. */
const OTHER_SUMS = 1e-5;

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("a tensor", () => {
  it("says where it lies, and is made where it is wanted", () => {
    scope(() => {
      expect(Tensor.from([1, 2], [2]).device).toBe("cpu");
      for (const name of [DEVICE, "cuda"]) {
        const x = Tensor.from([1, 2], [2], { device: name });
        expect(x.device).toBe(DEVICE);
        expect([...x.toArray()]).toEqual([1, 2]);
      }
      expect(Tensor.full([2], 3, { device: DEVICE }).device).toBe(DEVICE);
      expect(Tensor.zeros([2], { device: DEVICE, dtype: "int32" }).device).toBe(DEVICE);
      expect(Tensor.full([], 2.5, { device: DEVICE }).item()).toBe(2.5);
    });
  });

  it("moves there and back without changing a bit, in any type and layout", () => {
    scope(() => {
      const image = toChannelsLast(Tensor.from(randomNumbers(2 * 3 * 4 * 5), [2, 3, 4, 5]), 2);
      const others = [
        Tensor.from([1, -2, 3], [3], { dtype: "int32" }),
        Tensor.from([0x3c00, 0xc000], [2], { dtype: "float16" }),
        Tensor.from([], [0, 4]),
        repeatLeading(image, 3),
      ];
      for (const x of [image, ...others]) {
        const there = x.to(DEVICE);
        expect([there.device, there.shape, there.dtype, there.spatial]).toEqual([DEVICE, x.shape, x.dtype, x.spatial]);
        expect(there.toArray()).toEqual(x.toArray());
        const back = there.to("cpu");
        expect(back.device).toBe("cpu");
        expect(back.toArray()).toEqual(x.toArray());
      }
    });
  });

  it("shares its memory with what goes where it is already", () => {
    scope(() => {
      const x = Tensor.from([1], [1], { device: DEVICE });
      expect(x.to("cuda").storage).toBe(x.storage);
      expect(repeatLeading(x, 3).to(DEVICE).toArray()).toEqual(Float32Array.of(1, 1, 1));
    });
  });

  it("sends its gradient back to where it came from", () => {
    scope(() => {
      const x = Tensor.from([1, 2, 3], [3], { requiresGrad: true });
      const there = x.to(DEVICE);
      backward(sum(mul(there, there)));
      expect(x.grad!.device).toBe("cpu");
      expect([...x.grad!.toArray()]).toEqual([2, 4, 6]);
      expect(noGrad(() => x.to(DEVICE)).requiresGrad).toBe(false);
      x.dispose();
    });
  });

  it("that is relocated stays the same leaf, with its gradient, while who shares its memory stays behind", () => {
    const x = Tensor.from([1, 2], [2], { requiresGrad: true });
    const shared = x.detach();
    scope(() => backward(sum(mul(x, 3))));
    x.relocate(DEVICE);
    expect([x.device, x.grad!.device, shared.device]).toEqual([DEVICE, DEVICE, "cpu"]);
    expect([...x.grad!.toArray()]).toEqual([3, 3]);
    scope(() => backward(sum(mul(x, 2))));
    expect([...x.grad!.toArray()]).toEqual([5, 5]);
    for (const tensor of [x, shared]) tensor.dispose();
  });

  it("does not meet one of another device, and the message says what to do", () => {
    scope(() => {
      const [here, there] = [Tensor.ones([2]), Tensor.ones([2], { device: DEVICE })];
      const { code, message } = errorOf(() => add(here, there));
      expect(code).toBe("VALUE");
      expect(message).toBe(
        "devices: expected tensors of one device, got cpu and cuda:0. " +
          "Move one of them with tensor.to(device), or the network with network.to(device).",
      );
      expect([...add(here.to(DEVICE), there).toArray()]).toEqual([2, 2]);
    });
  });

  it("is refused on a device that is not there", () => {
    expect(errorOf(() => Tensor.ones([1], { device: "cuda:77" })).message).toMatch(/cuda:77.*spikeship info/s);
    expect(errorOf(() => withDevice("tpu", () => 0)).message).toMatch(/expected cpu, cuda/);
  });
});

describeOnDevice("withDevice", () => {
  it("decides where new tensors go, also nested, and ends with the call", () => {
    scope(() => {
      withDevice(DEVICE, () => {
        expect(Tensor.ones([2]).device).toBe(DEVICE);
        expect(uniform([3], new RandomStream(1)).device).toBe(DEVICE);
        withDevice("cpu", () => expect(Tensor.ones([2]).device).toBe("cpu"));
        expect(Tensor.ones([2]).device).toBe(DEVICE);
      });
      expect(() =>
        withDevice(DEVICE, () => {
          throw new Error("stop");
        }),
      ).toThrow("stop");
      expect(Tensor.ones([2]).device).toBe("cpu");
    });
  });
});

/** Operations on a, b `[2,3,4,4]` in (-1, 1), with every tensor that they make of numbers inside. Results compared after backward. */
const EXACT: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  add: (a, b) => add(a, b),
  "sub with a number": (a) => sub(1, a),
  "mul broadcast": (a, b) => mul(a, slice(b, 1, 0, 1)),
  div: (a, b) => div(a, add(b, 3)),
  "maximum with a number": (a) => maximum(a, 0.25),
  "minimum of two": (a, b) => minimum(a, b),
  clamp: (a) => clamp(a, -0.5, 0.5),
  abs: (a) => abs(a),
  relu: (a) => relu(a),
  max: (a) => max(a, [1]),
  "max of all": (a) => max(a),
  maxPool: (a) => maxPool(a, { kernelSize: 2 }),
  avgPool: (a) => avgPool(a, { kernelSize: 2 }),
  permute: (a) => permute(a, [3, 0, 2, 1]),
  "channels last": (a, b) => add(toChannelsLast(a, 2), b),
  concat: (a, b) => concat([a, b], 1),
  stack: (a, b) => stack([a, b], 2),
  "repeated and read": (a) => mul(repeatLeading(a, 2), 2),
};

/** The same with sums, whose order may be another, or functions whose last bit may differ. */
const CLOSE: Record<string, (a: Tensor, b: Tensor) => Tensor> = {
  sum: (a) => sum(a, [0, 2, 3]),
  "mean of all": (a) => mean(a),
  sigmoid: (a) => sigmoid(a),
  mse: (a, b) => mse(a, b),
  crossEntropy: (a) =>
    softmaxCrossEntropy(
      reshape(a, [8, 12]),
      withDevice(a.device, () => Tensor.from([0, 1, 2, 3, 4, 5, 6, 11], [8], { dtype: "int32" })),
    ),
  matmul: (a, b) => matmul(reshape(a, [12, 8]), reshape(b, [8, 12])),
  linear: (a, b) => linear(reshape(a, [12, 8]), reshape(b, [12, 8])),
  conv2d: (a, b) => conv2d(a, reshape(b, [8, 3, 2, 2]), null, { padding: 1 }),
};

/** Result and gradients of both inputs, in row-major order. */
function outcome(operation: (a: Tensor, b: Tensor) => Tensor, device: string): ArrayLike<number>[] {
  return scope(() => {
    const shape = [2, 3, 4, 4];
    const leaf = (skip: number) =>
      Tensor.from(randomNumbers(96 + skip).slice(skip), shape, { device, requiresGrad: true });
    const [a, b] = [leaf(0), leaf(96)];
    const y = operation(a, b);
    expect(y.device).toBe(device);
    backwardFrom([[y, Tensor.from(randomNumbers(y.size), y.shape, { device })]]);
    const results = [y.toArray(), ...[a, b].flatMap(({ grad }) => (grad ? [grad.toArray()] : []))];
    for (const { grad } of [a, b]) if (grad) expect(grad.device).toBe(device);
    for (const x of [a, b]) x.dispose();
    return results;
  });
}

describeOnDevice("operations on a device", () => {
  it.each(Object.keys(EXACT))("%s gives the CPU's bits, forward and backward", (name) => {
    expect(outcome(EXACT[name]!, DEVICE)).toEqual(outcome(EXACT[name]!, "cpu"));
  });

  it.each(Object.keys(CLOSE))("%s gives the CPU's numbers up to the order of sums", (name) => {
    const stored = outcome(CLOSE[name]!, "cpu");
    for (const [i, got] of outcome(CLOSE[name]!, DEVICE).entries())
      expectClose(got, stored[i]!, OTHER_SUMS, `${name} ${i}`);
  });

  it("draw the same random numbers as on the CPU", () => {
    const draw = (device: string) =>
      scope(() =>
        withDevice(device, () => {
          const random = new RandomStream(5, 2);
          return [uniform([100], random).toArray(), dropoutMask([4, 3, 5, 5], 0.3, random, 2).toArray()];
        }),
      );
    expect(draw(DEVICE)).toEqual(draw("cpu"));
  });

  it("answer questions with numbers", () => {
    scope(() => {
      const x = Tensor.from([1, 5, 2, 4], [2, 2], { device: DEVICE });
      expect([...argmax(x, 1).toArray()]).toEqual([1, 1]);
      expect(mean(x).item()).toBe(3);
    });
  });
});

describe("without a device", () => {
  it("everything lies on the CPU, and asking so costs no device", () => {
    const x = Tensor.ones([2], { device: "cpu" });
    const y = x.to("cpu");
    expect([x.device, y.device, y.storage === x.storage]).toEqual(["cpu", "cpu", true]);
    for (const tensor of [x, y]) tensor.dispose();
  });
});
