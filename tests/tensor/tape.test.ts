import { describe, expect, it } from "vitest";
import {
  add,
  backward,
  backwardFrom,
  gradEnabled,
  mean,
  memoryStats,
  mul,
  neg,
  noGrad,
  pad,
  recordMany,
  reshape,
  scale,
  scope,
  square,
  sum,
  Tensor,
  toChannelsLast,
  toPlain,
  zeroGrad,
} from "../../src/tensor/index.ts";
import { expectClose, leaf, randomNumbers } from "./gradient.ts";

const live = () => memoryStats().liveBuffers;
const parameter = (...numbers: number[]) => Tensor.from(numbers, [numbers.length], { requiresGrad: true });
const gradOf = (tensor: Tensor) => [...tensor.grad!.toArray()];

describe("backward", () => {
  it("gives the derivative of a hand-made chain", () => {
    scope(() => {
      const x = parameter(1, -2, 3);
      // mean((2x + 1)^2) has the derivative 4 (2x + 1) / 3
      backward(mean(square(add(scale(x, 2), 1))));
      const expected = [1, -2, 3].map((value) => (4 * (2 * value + 1)) / 3);
      expectClose(gradOf(x), expected, 1e-6);
    });
  });

  it("adds the gradients of a value that is used several times", () => {
    scope(() => {
      const x = parameter(2, 3);
      const y = mul(x, x);
      backward(sum(add(add(y, y), x)));
      expect(gradOf(x)).toEqual([9, 13]);
    });
  });

  it("adds to the gradient that a leaf already has", () => {
    scope(() => {
      const x = parameter(1, 2);
      backward(sum(x));
      backward(sum(scale(x, 3)));
      expect(gradOf(x)).toEqual([4, 4]);
    });
  });

  it("scales everything by the seed", () => {
    scope(() => {
      const x = parameter(1, 2);
      backward(sum(x), 8);
      expect(gradOf(x)).toEqual([8, 8]);
    });
  });

  it("starts from several outputs at once", () => {
    scope(() => {
      const x = parameter(1, 2);
      const [a, b] = [scale(x, 2), square(x)];
      backwardFrom([
        [a, Tensor.from([1, 10], [2])],
        [b, Tensor.from([1, 1], [2])],
      ]);
      expect(gradOf(x)).toEqual([4, 24]);
    });
  });

  it("gives no gradient to a leaf the loss does not depend on", () => {
    scope(() => {
      const [x, y] = [parameter(1), parameter(2)];
      square(y);
      backward(sum(square(x)));
      expect(y.grad).toBeNull();
    });
  });

  it("stops at detach()", () => {
    scope(() => {
      const x = parameter(3);
      backward(sum(mul(x, square(x).detach())));
      expect(gradOf(x)).toEqual([9]);
    });
  });

  it("never lets two leaves share one gradient's memory, because optimizers change it in place", () => {
    scope(() => {
      const [x, y] = [parameter(1, 2), parameter(3, 4)];
      backward(sum(add(x, y)));
      expect(x.grad!.buffer).not.toBe(y.grad!.buffer);
      expect(x.grad!.storage.exclusive).toBe(true);
      expect(y.grad!.storage.exclusive).toBe(true);
    });
  });

  it("gives a leaf its own copy of a start gradient", () => {
    scope(() => {
      const x = parameter(1, 2);
      const start = Tensor.from([5, 6], [2]);
      backwardFrom([[x, start]]);
      expect(gradOf(x)).toEqual([5, 6]);
      expect(x.grad!.buffer).not.toBe(start.buffer);
    });
  });

  it("gives a gradient the layout of its value, whatever layout an operation answers in", () => {
    scope(() => {
      const numbers = randomNumbers(24);
      const x = leaf(numbers, [1, 2, 3, 4], 2);
      const out = x.detach();
      recordMany("odd", [x], [out], [], ({ grads }) => [reshape(reshape(grads[0]!, [24]), [1, 2, 3, 4])]);
      backwardFrom([[out, Tensor.from(numbers, [1, 2, 3, 4])]]);
      expect(x.grad!.spatial).toBe(2);
      expect(x.grad!.toArray()).toEqual(numbers);
    });
  });

  it("adds gradients that arrive in different layouts", () => {
    scope(() => {
      const numbers = randomNumbers(24);
      const x = leaf(numbers, [1, 2, 3, 4]);
      const y = toChannelsLast(x, 2);
      backwardFrom([
        [y, Tensor.from(numbers, x.shape)],
        [
          neg(x),
          Tensor.from(
            numbers.map((value) => value / 2),
            x.shape,
          ),
        ],
      ]);
      expect(x.grad!.spatial).toBe(0);
      expect(x.grad!.toArray()).toEqual(numbers.map((value) => value / 2));
    });
  });
});

describe("ownership of gradients", () => {
  it("keeps a leaf's gradient beyond the scope in which backward ran", () => {
    const before = live();
    const x = parameter(1, 2);
    scope(() => backward(sum(square(x))));
    expect(gradOf(x)).toEqual([2, 4]);
    expect(live()).toBe(before + 2);
    x.dispose();
    expect(live()).toBe(before);
  });

  it("frees gradients with zeroGrad()", () => {
    const x = parameter(1, 2);
    scope(() => backward(sum(square(x))));
    const before = live();
    zeroGrad([x]);
    expect(x.grad).toBeNull();
    expect(live()).toBe(before - 1);
    scope(() => backward(sum(square(x))));
    expect(gradOf(x)).toEqual([2, 4]);
    x.dispose();
  });

  it("frees a gradient with the last tensor of its leaf, not with a share", () => {
    const x = parameter(1, 2);
    const share = x.share();
    scope(() => backward(sum(square(x))));
    const before = live();
    share.dispose();
    expect(gradOf(x)).toEqual([2, 4]);
    x.dispose();
    expect(live()).toBe(before - 2);
  });

  it("leaves no gradient behind for a leaf that was disposed before backward", () => {
    const before = live();
    const x = parameter(1, 2);
    scope(() => {
      const loss = sum(square(x));
      x.dispose();
      backward(loss);
    });
    expect(live()).toBe(before);
  });

  it("starts anew when somebody disposed the gradient", () => {
    const x = parameter(1, 2);
    scope(() => backward(sum(x)));
    x.grad!.dispose();
    expect(x.grad).toBeNull();
    scope(() => backward(sum(x)));
    expect(gradOf(x)).toEqual([1, 1]);
    x.dispose();
  });

  it("needs no scope: backward frees all it makes", () => {
    const before = live();
    const x = parameter(1, 2);
    const y = square(x);
    const loss = sum(y);
    y.dispose();
    backward(loss);
    loss.dispose();
    expect(live()).toBe(before + 2);
    x.dispose();
    expect(live()).toBe(before);
  });
});

describe("refusals of backward", () => {
  it("names the way out when it is called twice", () => {
    scope(() => {
      const loss = sum(square(parameter(1)));
      backward(loss);
      expect(() => backward(loss)).toThrow(
        "backward(): expected a loss whose computation is still on the tape, got one that backward() or the end of a scope() released.",
      );
    });
  });

  it("refuses a loss that depends on nothing", () => {
    scope(() => {
      const x = parameter(1);
      expect(() => backward(noGrad(() => sum(x)))).toThrow(
        /expected a loss that depends on a tensor with requiresGrad/,
      );
    });
  });

  it("refuses a loss with several elements", () => {
    scope(() => expect(() => backward(square(parameter(1, 2)))).toThrow(/expected a loss with one element, got \[2\]/));
  });

  it("refuses a start gradient of another shape", () => {
    scope(() => {
      const y = square(parameter(1, 2));
      expect(() => backwardFrom([[y, Tensor.ones([3])]])).toThrow(/start gradient: expected shape \[2\], got \[3\]/);
    });
  });

  it("refuses to go through a state that is left over from an earlier computation, and frees everything", () => {
    const before = live();
    const x = parameter(1);
    scope(() => {
      const state = square(x);
      backward(sum(state));
      const loss = sum(mul(state, x));
      expect(() => backward(loss)).toThrow(
        /left over from a computation that was already released.*resetNet.*detach\(\)/,
      );
    });
    x.dispose();
    expect(live()).toBe(before);
  });

  it("refuses a gradient of the wrong shape from an operation, and frees everything", () => {
    const before = live();
    const x = parameter(1, 2);
    scope(() => {
      const out = square(x).detach();
      recordMany("wrong", [x], [out], [x], () => [Tensor.ones([3])]);
      expect(() => backward(sum(out))).toThrow(/gradient: expected shape \[2\], got \[3\]/);
    });
    x.dispose();
    expect(live()).toBe(before);
  });
});

describe("noGrad", () => {
  it("records nothing and restores recording, also after an exception", () => {
    scope(() => {
      const x = parameter(1);
      expect(noGrad(() => [gradEnabled(), square(x).requiresGrad])).toEqual([false, false]);
      expect(() => noGrad(() => noGrad(() => expect.fail("stop")))).toThrow("stop");
      expect(gradEnabled()).toBe(true);
      expect(square(x).requiresGrad).toBe(true);
    });
  });

  it("cuts gradients off also where an operation only passes its memory on", () => {
    scope(() => {
      const x = parameter(1, 2);
      const results = noGrad(() => [toPlain(x), reshape(x, [2, 1]), pad(x, [[0, 0]]), sum(x, [])]);
      expect(results.map((result) => result.requiresGrad)).toEqual([false, false, false, false]);
    });
  });

  it("holds no memory for backward", () => {
    scope(() => {
      const x = parameter(1);
      const before = live();
      noGrad(() => square(x).dispose());
      expect(live()).toBe(before);
    });
  });
});
