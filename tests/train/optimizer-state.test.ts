/** Optimizers stop and continue bit for bit, refuse foreign state, and treat groups of parameters differently. */
import { describe, expect, it } from "vitest";
import { Tensor } from "../../src/tensor/index.ts";
import { Optimizer, type OptimizerInput } from "../../src/train/optimizers.ts";
import { errorOf } from "../error-of.ts";
import { parameter, run, setGrad } from "./optimizer-run.ts";

describe("state", () => {
  const configs: OptimizerInput[] = [
    { kind: "sgd", learningRate: 0.1 },
    { kind: "sgd", learningRate: 0.1, momentum: 0.9, nesterov: true },
    { kind: "adam", learningRate: 0.01, weightDecay: 0.1 },
    { kind: "adamw", learningRate: 0.01 },
  ];
  const gradients = [
    [0.3, -0.2],
    [0.1, 0.4],
    [-0.5, 0.2],
    [0.2, 0.1],
  ];

  it.each(configs)("of $kind continues bit for bit in a new optimizer", (config) => {
    const whole = run(config, [1, -1], gradients);
    const w = parameter(1, -1);
    const first = new Optimizer(config, new Map([["w", w]]));
    for (const gradient of gradients.slice(0, 2)) {
      setGrad(w, gradient);
      first.step();
    }
    const stored = new Map<string, Float32Array | number>();
    for (const [name, value] of first.state())
      stored.set(name, value instanceof Tensor ? (value.toArray() as Float32Array) : value);
    first.dispose();
    const second = new Optimizer(config, new Map([["w", w]]));
    second.load(stored);
    for (const [i, gradient] of gradients.slice(2).entries()) {
      setGrad(w, gradient);
      second.step();
      expect([...w.toArray()]).toEqual(whole[2 + i]);
    }
    second.zeroGrad();
    second.dispose();
    w.dispose();
  });

  it("counts the steps of each parameter by itself: one without gradient stands still", () => {
    const [a, b] = [parameter(1), parameter(1)];
    const optimizer = new Optimizer(
      { kind: "adam", learningRate: 0.1 },
      new Map([
        ["a", a],
        ["b", b],
      ]),
    );
    setGrad(a, [1]);
    optimizer.step();
    setGrad(b, [1]);
    optimizer.step();
    expect([...optimizer.state().keys()]).toEqual(["a/step", "a/mean", "a/variance", "b/step", "b/mean", "b/variance"]);
    expect([optimizer.state().get("a/step"), optimizer.state().get("b/step")]).toEqual([2, 1]);
    optimizer.zeroGrad();
    expect(a.grad).toBeNull();
    optimizer.dispose();
    a.dispose();
    b.dispose();
  });

  it("that does not fit is refused by name and changes nothing", () => {
    const w = parameter(1, 2);
    const optimizer = new Optimizer({ kind: "adam", learningRate: 0.1 }, new Map([["w", w]]));
    setGrad(w, [1, 1]);
    optimizer.step();
    const before = [...(optimizer.state().get("w/mean") as Tensor).toArray()];
    const message = (state: [string, Float32Array | number][]) => errorOf(() => optimizer.load(new Map(state))).message;
    const two = Float32Array.of(1, 1);
    expect(message([["v/step", 1]])).toContain('"v/step"');
    expect(
      message([
        ["w/step", 1],
        ["w/mean", two],
      ]),
    ).toContain('"w/variance": expected 2 numbers, got none');
    expect(
      message([
        ["w/step", 1],
        ["w/mean", new Float32Array(3)],
        ["w/variance", two],
      ]),
    ).toContain("got 3 numbers");
    expect(
      message([
        ["w/step", 0.5],
        ["w/mean", two],
        ["w/variance", two],
      ]),
    ).toContain("a whole number from 1, got 0.5");
    expect([...(optimizer.state().get("w/mean") as Tensor).toArray()]).toEqual(before);
    optimizer.zeroGrad();
    optimizer.dispose();
    w.dispose();
  });
});

describe("groups", () => {
  it("give parameters their own rate and decay by the beginning of their names", () => {
    const [conv, norm] = [parameter(4), parameter(4)];
    const groups = [{ prefix: "norm", rateFactor: 0.5, weightDecay: 0 }];
    const optimizer = new Optimizer(
      { kind: "sgd", learningRate: 1, weightDecay: 0.25, groups },
      new Map([
        ["conv.w", conv],
        ["norm.w", norm],
      ]),
    );
    setGrad(conv, [1]);
    setGrad(norm, [1]);
    optimizer.step();
    expect([conv.item(), norm.item()]).toEqual([2, 3.5]);
    optimizer.learningRate = 0;
    optimizer.step();
    expect([conv.item(), norm.item()]).toEqual([2, 3.5]);
    optimizer.zeroGrad();
    optimizer.dispose();
    conv.dispose();
    norm.dispose();
  });

  it("that fit no parameter are refused with the names there are", () => {
    const w = parameter(1);
    const config: OptimizerInput = { kind: "sgd", learningRate: 1, groups: [{ prefix: "fc" }] };
    expect(errorOf(() => new Optimizer(config, new Map([["conv.w", w]]))).message).toContain('one of conv.w, got "fc"');
    w.dispose();
  });
});
