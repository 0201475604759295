/** Delays by channel: values by hand, gradients by differences and by the blend between whole steps that the delay's gradient belongs to. */
import { describe, expect, it } from "vitest";
import { backwardFrom, delaySteps, scope, Tensor } from "../../../src/tensor/index.ts";
import { errorOf } from "../../error-of.ts";
import { expectClose, expectGradients, expectSameInEveryLayout, randomNumbers, values } from "../gradient.ts";

const sequence = { shape: [5, 2, 3, 2, 2], spatial: 2 };
const delays = [0, 1.75, 6];

describe("delaySteps", () => {
  it("moves each channel by whole steps, and lets zeros enter", () => {
    const got = values((x) => delaySteps(x!, Tensor.from([0, 1.9, 2, 9], [4])), {
      shape: [3, 1, 4],
      data: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    });
    expect(got).toEqual({ shape: [3, 1, 4], data: [1, 0, 0, 0, 5, 2, 0, 0, 9, 6, 3, 0] });
  });

  it("has the gradient of its finite differences, in every layout", () => {
    const operation = (x: Tensor) => delaySteps(x, Tensor.from(delays, [3]));
    expectGradients(operation, [sequence]);
    expectSameInEveryLayout(operation, [sequence]);
  });

  it("gives a delay the derivative of a blend between its whole step and the next", () => {
    const [steps, channels] = [7, 3];
    const data = randomNumbers(steps * channels, 4);
    const weights = randomNumbers(steps * channels, 5);
    const at = (t: number, c: number) => (t < 0 ? 0 : data[t * channels + c]!);
    const expected = delays.map((delay, c) => {
      const whole = Math.trunc(delay);
      return Array.from({ length: steps }, (_, t) => {
        const [now, next] = [at(t - whole, c), at(t - whole - 1, c)];
        return weights[t * channels + c]! * (next - now);
      }).reduce((a, b) => a + b, 0);
    });
    scope(() => {
      const delay = Tensor.from(delays, [channels], { requiresGrad: true });
      const y = delaySteps(Tensor.from(data, [steps, 1, channels]), delay);
      backwardFrom([[y, Tensor.from(weights, y.shape)]]);
      // sums of a few float32 products
      expectClose(delay.grad!.toArray(), expected, 1e-6);
    });
  });

  it("refuses delays that do not fit the channels", () => {
    scope(() => {
      const { message } = errorOf(() => delaySteps(Tensor.zeros([3, 1, 4]), Tensor.zeros([3])));
      expect(message).toContain("one delay for each of 4 channels");
    });
  });
});
