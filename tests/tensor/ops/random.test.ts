import { describe, expect, it } from "vitest";
import { RandomStream } from "../../../src/core/index.ts";
import {
  bernoulli,
  dropoutMask,
  mean,
  normal,
  scope,
  square,
  sub,
  Tensor,
  toChannelsLast,
  uniform,
} from "../../../src/tensor/index.ts";
import { randomNumbers } from "../gradient.ts";

const COUNT = 20000;
/** Five standard errors of a mean of COUNT numbers with deviation 1: a fixed seed passes or fails for good. */
const FIVE_ERRORS = 5 / Math.sqrt(COUNT);

describe("random tensors", () => {
  it("draws uniform numbers of the stream, one word each, like the TypeScript generator", () => {
    scope(() => {
      const [native, plain] = [new RandomStream(7, 3), new RandomStream(7, 3)];
      const got = uniform([3], native).toArray();
      // the generator rounds each request up to four words and gives the first
      expect(got[0]).toBe(Math.fround(plain.uniform()));
      expect(native.state.position).toBe(4);
      expect(uniform([1], native).item()).toBe(Math.fround(plain.uniform()));
    });
  });

  it("stretches uniform numbers to a range", () => {
    scope(() => {
      const numbers = uniform([COUNT], new RandomStream(1), { low: -3, high: 1 });
      const data = numbers.toArray();
      expect(Math.min(...data)).toBeGreaterThanOrEqual(-3);
      expect(Math.max(...data)).toBeLessThan(1);
      expect(Math.abs(mean(numbers).item() + 1)).toBeLessThan(4 * FIVE_ERRORS);
    });
  });

  it("draws normal numbers with a mean and a deviation", () => {
    scope(() => {
      const random = new RandomStream(2);
      const numbers = normal([COUNT], random, { mean: 3, deviation: 2 });
      expect(random.state.position).toBe(2 * COUNT);
      expect(Math.abs(mean(numbers).item() - 3)).toBeLessThan(2 * FIVE_ERRORS);
      expect(Math.abs(mean(square(sub(numbers, 3))).item() - 4)).toBeLessThan(4 * Math.SQRT2 * FIVE_ERRORS);
    });
  });

  it("spikes with the probability of each element", () => {
    scope(() => {
      const probability = Tensor.from([...new Array(COUNT).fill(0.25), 0, 1], [COUNT + 2]);
      const data = Array.from(bernoulli(probability, new RandomStream(3)).toArray());
      expect(new Set(data)).toEqual(new Set([0, 1]));
      expect([data[COUNT], data[COUNT + 1]]).toEqual([0, 1]);
      const rate = data.slice(0, COUNT).reduce((a, b) => a + b, 0) / COUNT;
      expect(Math.abs(rate - 0.25)).toBeLessThan(0.5 * FIVE_ERRORS);
    });
  });

  it("gives an element the same number in every layout", () => {
    scope(() => {
      const plain = Tensor.from(randomNumbers(120, 1, 0, 1), [2, 3, 4, 5]);
      const image = toChannelsLast(plain, 2);
      const [a, b] = [plain, image].map((p) => bernoulli(p, new RandomStream(4)));
      expect(b!.spatial).toBe(2);
      expect(b!.toArray()).toEqual(a!.toArray());
      const masks = [0, 2].map((spatial) => dropoutMask([2, 3, 4, 5], 0.5, new RandomStream(5), spatial));
      expect(masks.map((mask) => mask.spatial)).toEqual([0, 2]);
      expect(masks[1]!.toArray()).toEqual(masks[0]!.toArray());
    });
  });

  it("makes dropout masks that keep the mean", () => {
    scope(() => {
      const mask = dropoutMask([COUNT], 0.25, new RandomStream(6));
      expect(new Set(mask.toArray())).toEqual(new Set([0, Math.fround(1 / 0.75)]));
      expect(Math.abs(mean(mask).item() - 1)).toBeLessThan(FIVE_ERRORS);
      expect(new Set(dropoutMask([50], 0, new RandomStream(6)).toArray())).toEqual(new Set([1]));
      expect(() => dropoutMask([1], 1, new RandomStream(6))).toThrow(
        "dropoutMask: expected a probability from 0 to below 1, got 1",
      );
    });
  });

  it("continues a stream exactly where its state was stored", () => {
    scope(() => {
      const random = new RandomStream(8, 1);
      uniform([7], random);
      const state = random.state;
      const once = normal([5], random).toArray();
      expect(normal([5], RandomStream.fromState(state)).toArray()).toEqual(once);
    });
  });
});
