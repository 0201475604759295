import { describe, expect, it } from "vitest";
import {
  add,
  backward,
  clearTape,
  keep,
  memoryStats,
  mul,
  scope,
  select,
  square,
  sum,
  Tensor,
} from "../../src/tensor/index.ts";

const live = () => memoryStats().liveBuffers;
const vector = () => Tensor.from([1, 2, 3], [3]);

describe("scope", () => {
  it("frees every tensor made inside", () => {
    const before = live();
    const inside = scope(() => {
      const tensor = vector();
      mul(tensor, tensor);
      expect(live()).toBe(before + 2);
      return tensor.size;
    });
    expect(inside).toBe(3);
    expect(live()).toBe(before);
  });

  it("keeps what is returned, alone or inside arrays, sets, maps and plain objects", () => {
    const before = live();
    const result = scope(() => {
      vector();
      return { one: vector(), list: [vector()], map: new Map([["a", vector()]]), set: new Set([vector()]), text: "x" };
    });
    const all = [result.one, ...result.list, ...result.map.values(), ...result.set];
    expect(live()).toBe(before + 4);
    expect(all.map((tensor) => tensor.disposed)).toEqual([false, false, false, false]);
    for (const tensor of all) tensor.dispose();
    expect(live()).toBe(before);
  });

  it("passes what is returned to the scope outside", () => {
    const before = live();
    scope(() => {
      const inner = scope(() => vector());
      expect(inner.disposed).toBe(false);
      expect(live()).toBe(before + 1);
    });
    expect(live()).toBe(before);
  });

  it("leaves tensors from outside alone, even when they are returned", () => {
    const tensor = vector();
    expect(scope(() => tensor)).toBe(tensor);
    expect(tensor.disposed).toBe(false);
    tensor.dispose();
  });

  it("keeps a kept tensor through every open scope", () => {
    const before = live();
    const kept = scope(() => {
      const list: Tensor[] = [];
      scope(() => {
        list.push(keep(vector()));
      });
      return list.length === 1 ? { hidden: () => list[0]! } : null;
    })!.hidden();
    expect(kept.disposed).toBe(false);
    kept.dispose();
    expect(live()).toBe(before);
  });

  it("frees everything, the tape included, when an exception passes", () => {
    const before = live();
    const parameter = Tensor.from([1, 2], [2], { requiresGrad: true });
    expect(() =>
      scope(() => {
        scope(() => mul(parameter, parameter));
        mul(add(parameter, 1), parameter);
        throw new Error("stop");
      }),
    ).toThrow("stop");
    expect(live()).toBe(before + 1);
    parameter.dispose();
    expect(live()).toBe(before);
  });

  it("frees what the tape recorded inside when nothing returned needs it", () => {
    const parameter = Tensor.from([1, 2], [2], { requiresGrad: true });
    const before = live();
    scope(() => {
      mul(parameter, parameter);
    });
    expect(live()).toBe(before);
    parameter.dispose();
  });

  it("keeps what the tape recorded inside while a returned tensor needs it", () => {
    const parameter = Tensor.from([1, 2], [2], { requiresGrad: true });
    const loss = scope(() => sum(mul(add(parameter, 1), parameter)));
    backward(loss);
    // derivative of (x + 1) x
    expect([...parameter.grad!.toArray()]).toEqual([3, 5]);
    loss.dispose();
    parameter.dispose();
  });

  it("frees what was recorded inside after backward() emptied the tape of the scope outside", () => {
    const parameter = Tensor.from([1, 2], [2], { requiresGrad: true });
    const before = live();
    scope(() => {
      const loss = sum(mul(parameter, parameter));
      scope(() => {
        backward(loss);
        mul(add(parameter, 1), parameter);
      });
      // only the loss and the gradient
      expect(live()).toBeLessThanOrEqual(before + 3);
      expect(loss.item()).toBe(5);
    });
    expect(live()).toBe(before + 1);
    parameter.dispose();
  });

  it("refuses an asynchronous body", () => {
    expect(() => scope(async () => 1)).toThrow(
      /scope\(\): expected a function that is done when it returns, got a promise/,
    );
  });

  it("keeps memory that the tape shares when the tensor itself is disposed", () => {
    const before = live();
    const parameter = Tensor.from([1, 2], [2], { requiresGrad: true });
    const factor = Tensor.from([3, 4], [2]);
    const product = mul(parameter, factor);
    factor.dispose();
    const loss = sum(product);
    product.dispose();
    backward(loss);
    expect([...parameter.grad!.toArray()]).toEqual([3, 4]);
    for (const tensor of [loss, parameter]) tensor.dispose();
    expect(live()).toBe(before);
  });

  it("counts memory that views share once, and frees it with the last of them", () => {
    const before = live();
    const tensor = vector();
    const view = tensor.view([3, 1], 0);
    expect(live()).toBe(before + 1);
    tensor.dispose();
    tensor.dispose();
    expect([...view.toArray()]).toEqual([1, 2, 3]);
    view.dispose();
    expect(live()).toBe(before);
  });

  it("names the way out when a disposed tensor is used", () => {
    const tensor = vector();
    tensor.dispose();
    expect(() => scope(() => add(tensor, 1))).toThrow(
      "tensor [3]: expected a live tensor, got one that was disposed. Return it from scope(), or keep() it, when it is needed later.",
    );
  });

  it("frees a recorded computation on request", () => {
    const before = live();
    const parameter = Tensor.from([1, 2], [2], { requiresGrad: true });
    const squared = square(parameter);
    const piece = select(squared, 0, 1);
    squared.dispose();
    expect(live()).toBe(before + 2);
    clearTape();
    expect(() => backward(piece)).toThrow(/expected a loss whose computation is still on the tape/);
    parameter.dispose();
    piece.dispose();
    expect(live()).toBe(before);
  });
});
