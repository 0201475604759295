/** The plain neuron model of the simulator and the neuron's own definition in its chip reading are two descriptions of one neuron. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { makeNeurons, noEvents } from "../../../src/exporters/lava/chip/neurons/index.ts";
import { parseNeuronOptions, variantOf } from "../../../src/model/index.ts";
import { neuronScan, noGrad, scope, Tensor } from "../../../src/tensor/index.ts";

/** Sums of weights of one step: small ones, and ones that overflow 24 bits at once or after a while. */
const activation = fc.oneof(fc.integer({ min: -300, max: 300 }), fc.integer({ min: -140_000, max: 140_000 }));

it("a CUBA neuron wraps, saturates, leaks and fires in both as one", () => {
  const decay = fc.oneof(fc.constantFrom(0, 1, 4096), fc.integer({ min: 0, max: 4096 }));
  const neuron = fc.record({
    currentDecay: decay,
    voltageDecay: decay,
    threshold: fc.oneof(fc.constantFrom(0, 64, 131071), fc.integer({ min: 0, max: 131071 })),
    bias: fc.integer({ min: -4096, max: 4095 }),
  });
  fc.assert(
    fc.property(neuron, fc.array(activation, { minLength: 1, maxLength: 60 }), (n, sums) => {
      const options = parseNeuronOptions("CubaLIFNode", {
        scale: 1,
        currentDecay: n.currentDecay / 4096,
        voltageDecay: n.voltageDecay / 4096,
        vThreshold: n.threshold,
        bias: n.bias,
      });
      const variant = variantOf("CubaLIFNode", options, "chip");
      const defined = noGrad(() =>
        scope(() => {
          const x = Tensor.from(sums, [sums.length, 1]);
          const surrogate = { name: "", params: new Float64Array() };
          return Array.from(neuronScan({ x, initialStates: [0, 0], variant, surrogate }).spike.toArray());
        }),
      );
      const parameters = {
        model: "cuba" as const,
        currentDecay: Int32Array.of(n.currentDecay),
        voltageDecay: Int32Array.of(n.voltageDecay),
        bias: Int32Array.of(n.bias),
        threshold: n.threshold,
      };
      const neurons = makeNeurons(parameters, 1, 1, noEvents());
      const plain = sums.map((sum) => {
        const spikes = new Int32Array(1);
        neurons.step([sum], spikes);
        return spikes[0];
      });
      expect(plain).toEqual(defined);
    }),
    { numRuns: 300, seed: 5 },
  );
});
