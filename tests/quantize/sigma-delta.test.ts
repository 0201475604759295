/** Sigma-delta neurons in training: what they send, and both gradients. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { SigmaDelta } from "../../src/quantize/index.ts";
import { backwardFrom, scope, Tensor } from "../../src/tensor/index.ts";
import { close, context, inMode } from "./plain-numbers.ts";

describe("sigma-delta neurons", () => {
  it("send changes from the threshold on, and keep the rest for later", () => {
    const neuron = inMode(SigmaDelta({ part: "delta", threshold: 0.5 }), "m");
    scope(() => {
      const x = Tensor.from([0.25, 0.5, 1, 1, 0.75, 0], [6, 1, 1]);
      const sent = [...neuron.forward(x, context).toArray()].map((value) => value + 0);
      expect(sent).toEqual([0, 0.5, 0.5, 0, 0, -1]);
    });
    neuron.dispose();
  });

  it("have the derivative where the function is smooth: by differences of whole message steps", () => {
    const STEP = 1 / 4096;
    const inputs = [0.5, 0.25, -0.125, 0.75];
    const loss = [1, -2, 3, 0.5];
    const neuron = inMode(SigmaDelta({ threshold: 0, channels: 1 }), "m");
    neuron.initialize(new RandomStream(0));
    const value = (given: number[]) =>
      scope(() => {
        neuron.reset();
        const output = neuron.forward(Tensor.from(given, [4, 1, 1]), context).toArray();
        return loss.reduce((total, weight, t) => total + weight * output[t]!, 0);
      });
    const differences = inputs.map((_, t) => {
      const moved = (by: number) => inputs.map((x, i) => (i === t ? x + by : x));
      return (value(moved(STEP)) - value(moved(-STEP))) / (2 * STEP);
    });
    scope(() => {
      neuron.reset();
      const x = Tensor.from(inputs, [4, 1, 1], { requiresGrad: true });
      backwardFrom([[neuron.forward(x, context), Tensor.from(loss, [4, 1, 1])]]);
      close(x.grad, differences, "x");
    });
    neuron.dispose();
  });
});

describe("slayer's gradient of a sigma-delta neuron", () => {
  it("is that of the rectified sum's changes, sent or not", () => {
    const inputs = [0.5, -0.25, 0.125, -0.75, 0.5];
    const loss = [1, -2, 3, 0.5, -1];
    const neuron = inMode(SigmaDelta({ threshold: 0.4, reference: "slayer" }), "m");
    let total = 0;
    const open = inputs.map((x) => {
      total += x;
      return total > 0 ? 1 : 0;
    });
    expect(new Set(open).size).toBe(2);
    const ofActivation = loss.map((g, t) => (g - (loss[t + 1] ?? 0)) * open[t]!);
    const expected = ofActivation.map((_, t) => ofActivation.slice(t).reduce((a, b) => a + b, 0));
    scope(() => {
      const x = Tensor.from(inputs, [5, 1, 1], { requiresGrad: true });
      const sent = neuron.forward(x, context);
      expect([...sent.toArray()].filter((value) => value === 0).length).toBeGreaterThan(0);
      backwardFrom([[sent, Tensor.from(loss, [5, 1, 1])]]);
      close(x.grad, expected, "x");
    });
    neuron.dispose();
  });
});
