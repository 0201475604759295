/** Losses on rates against numbers computed by hand, and how rates become classes. */
import { describe, expect, it } from "vitest";
import { backward, scope, Tensor } from "../../src/tensor/index.ts";
import { countCorrect, evaluate, predictions, rateLosses } from "../../src/train/index.ts";
import { errorOf } from "../error-of.ts";
import { smallNetwork } from "../model/small-network.ts";
import { smallDataset } from "./small-run.ts";

/** float32 arithmetic of a handful of operations. */
const DIGITS = 6;
const labels = Int32Array.of(1, 0);
const rates = () => Tensor.from([0, 0.5, 1, 0.25], [2, 2], { requiresGrad: true });

describe("the loss of rates", () => {
  it("is the mean squared difference to one-hot labels", () => {
    scope(() => {
      const x = rates();
      const loss = rateLosses.mse(x, labels);
      // (0-0)^2, (0.5-1)^2, (1-1)^2, (0.25-0)^2
      expect(loss.item()).toBeCloseTo((0.25 + 0.0625) / 4, DIGITS);
      backward(loss);
      expect([...x.grad!.toArray()]).toEqual([0, -0.25, 0, 0.125]);
    });
  });

  it("is the cross-entropy of rates as logits", () => {
    scope(() => {
      const x = rates();
      const loss = rateLosses.crossEntropy(x, labels);
      const first = Math.log(1 + Math.exp(-0.5));
      const second = Math.log(1 + Math.exp(-0.75));
      expect(loss.item()).toBeCloseTo((first + second) / 2, DIGITS);
      backward(loss);
      const share = (difference: number) => 1 / (1 + Math.exp(-difference)) / 2;
      const expected = [share(-0.5), share(0.5) - 0.5, share(0.75) - 0.5, share(-0.75)];
      x.grad!.toArray().forEach((value, i) => {
        expect(value).toBeCloseTo(expected[i]!, DIGITS);
      });
    });
  });
});

describe("the class of a sample", () => {
  it("is its largest rate, the first of equal ones", () => {
    expect([...predictions([0.25, 0.5, 0.5, 0, 0, 0, 0.1, 0.2, 0.75], 3)]).toEqual([1, 0, 2]);
    expect(countCorrect([0.25, 0.5, 1, 0], 2, [1, 1])).toBe(1);
  });
});

describe("evaluation", () => {
  it("counts right answers, and gives the same spikes for the same seed", () => {
    const network = smallNetwork(2);
    const { test } = smallDataset();
    const first = evaluate(network, test, { samples: 15, batchSize: 4, seed: 3 });
    expect(first.count).toBe(15);
    expect(first.rates).toHaveLength(150);
    expect([...first.labels]).toEqual([...test.labels.slice(0, 15)]);
    expect(first.correct).toBe([...first.predicted].filter((label, i) => label === test.labels[i]).length);
    expect(first.accuracy).toBe(first.correct / 15);
    expect(evaluate(network, test, { samples: 15, batchSize: 4, seed: 3 })).toEqual(first);
    expect(evaluate(network, test, { samples: 15, batchSize: 4, seed: 4 }).rates).not.toEqual(first.rates);
    network.dispose();
  });

  it("refuses samples of another size", () => {
    const network = smallNetwork(2);
    const { test } = smallDataset();
    const larger = { ...test, count: test.count / 2 };
    const { code, message } = errorOf(() => evaluate(network, larger));
    expect(code).toBe("SHAPE");
    expect(message).toContain("samples: expected 64 numbers each, for a network with inputShape [1,8,8], got 128.");
    network.dispose();
  });

  it("tells how far it is", () => {
    const network = smallNetwork(2);
    const told: string[] = [];
    evaluate(network, smallDataset().test, { batchSize: 8, onProgress: (done, of) => told.push(`${done} of ${of}`) });
    expect(told).toEqual(["8 of 20", "16 of 20", "20 of 20"]);
    network.dispose();
  });
});
