/** Encoders of spikes: statistics, reproducibility, refusals. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { networkFromDescription, PoissonEncoder } from "../../src/model/index.ts";
import { scope, Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { smallDescription } from "./small-network.ts";

describe("PoissonEncoder", () => {
  it("fires with the pixel's value as probability, independently at every step", () => {
    scope(() => {
      const values = [0, 0.1, 0.5, 0.9, 1];
      const copies = 400;
      const steps = 50;
      const x = Tensor.from(
        values.flatMap((value) => new Array<number>(copies).fill(value)),
        [values.length, copies],
      );
      const spikes = PoissonEncoder().encode(x, steps, new RandomStream(3));
      expect(spikes.shape).toEqual([steps, values.length, copies]);
      const data = spikes.toArray() as Float32Array;
      values.forEach((value, row) => {
        let count = 0;
        let pairs = 0;
        for (let t = 0; t < steps; t++) {
          for (let i = 0; i < copies; i++) {
            const at = (t * values.length + row) * copies + i;
            count += data[at]!;
            if (t > 0) pairs += data[at]! * data[at - values.length * copies]!;
          }
        }
        const n = steps * copies;
        // five standard deviations of a binomial count; the seed is fixed
        const allowed = (p: number) => 5 * Math.sqrt(p * (1 - p) * n);
        expect(Math.abs(count - value * n), `rate of ${value}`).toBeLessThanOrEqual(allowed(value));
        expect(Math.abs(pairs - value ** 2 * (n - copies)), `pairs of ${value}`).toBeLessThanOrEqual(
          2 * allowed(value ** 2),
        );
      });
    });
  });

  it("draws the same spikes for the same stream, and others as the stream goes on", () => {
    scope(() => {
      const encode = (random: RandomStream) => [
        ...PoissonEncoder()
          .encode(uniform([3, 1, 8, 8], new RandomStream(7)), 4, random)
          .toArray(),
      ];
      const random = new RandomStream(8);
      const first = encode(random);
      expect(encode(new RandomStream(8))).toEqual(first);
      expect(encode(random)).not.toEqual(first);
    });
  });

  it("refuses values that are no probabilities, and so does LatencyEncoder", () => {
    const latency = networkFromDescription({ ...smallDescription(), encoder: { kind: "LatencyEncoder" } }, layers);
    scope(() => {
      for (const value of [-0.1, 1.5, Number.NaN]) {
        const x = Tensor.full([1, 1, 8, 8], value);
        const { code, message } = errorOf(() => PoissonEncoder().encode(x, 2, new RandomStream(0)));
        expect(code).toBe("VALUE");
        expect(message).toContain("PoissonEncoder: expected values from 0 to 1, got 64 of 64 outside");
        expect(errorOf(() => latency.predict(x, new RandomStream(0))).code).toBe("VALUE");
      }
    });
    latency.dispose();
  });
});
