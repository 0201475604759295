/** A neuron behind a batch norm takes what went into the norm: the same bits as from its written result, and that is never written. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NeuronKind, parseNeuronOptions, variantOf } from "../../../src/model/neurons/index.ts";
import { surrogate, surrogateCall } from "../../../src/model/surrogates/index.ts";
import {
  backwardFrom,
  batchNorm,
  memoryStats,
  neuronScan,
  repeatLeading,
  reshape,
  scope,
  Tensor,
  toChannelsLast,
} from "../../../src/tensor/index.ts";
import { leaf, randomNumbers } from "../gradient.ts";

const call = surrogateCall(surrogate.ATan({ alpha: 2 }), { threshold: 1 });
const ATAN = { name: call.surrogate, params: call.surrogateParams };

interface Case {
  kind: NeuronKind;
  steps: number;
  batch: number;
  channels: number;
  /** Side of an image, 0: features. */
  side: number;
  training: boolean;
  repeated: boolean;
}

const cases: fc.Arbitrary<Case> = fc.record({
  // KLIF's derivative reads the input again, QIF computes its values again from it
  kind: fc.constantFrom<NeuronKind>("IFNode", "LIFNode", "ParametricLIFNode", "KLIFNode", "QIFNode"),
  steps: fc.integer({ min: 1, max: 6 }),
  batch: fc.integer({ min: 1, max: 3 }),
  channels: fc.constantFrom(1, 3, 4, 16, 33),
  side: fc.constantFrom(0, 1, 5),
  training: fc.boolean(),
  repeated: fc.boolean(),
});

/** Spikes and all gradients. `written`: the norm's result is asked for first. */
function run({ kind, steps, batch, channels, side, training, repeated }: Case, written: boolean): Float32Array[] {
  return scope(() => {
    const image = side > 0 ? [channels, side, side] : [channels];
    const lead = repeated ? [batch + 1] : [steps * (batch + 1)];
    const size = [...lead, ...image].reduce((a, b) => a * b, 1);
    const x = leaf(randomNumbers(size, 1), [...lead, ...image]);
    const [weight, bias] = [leaf(randomNumbers(channels, 2), [channels]), leaf(randomNumbers(channels, 3), [channels])];
    const y = batchNorm(side > 0 ? toChannelsLast(x, 2) : x, {
      runningMean: Tensor.from(randomNumbers(channels, 4), [channels]),
      runningVar: Tensor.from(
        randomNumbers(channels, 5).map((value) => value ** 2 + 0.5),
        [channels],
      ),
      weight,
      bias,
      training,
    });
    if (written) y.toArray();
    const sequence = repeated ? repeatLeading(y, steps) : reshape(y, [steps, batch + 1, ...image]);
    const variant = variantOf(kind, parseNeuronOptions(kind, {}));
    const { spike } = neuronScan({
      x: sequence,
      initialStates: variant.stateNames.map(() => 0),
      variant,
      surrogate: ATAN,
    });
    backwardFrom([[spike, Tensor.from(randomNumbers(spike.size, 6), spike.shape)]]);
    return [spike, x.grad!, weight.grad!, bias.grad!].map((tensor) => tensor.toArray() as Float32Array);
  });
}

describe("a neuron behind a batch norm", () => {
  it("gives the bits that it gives on the norm's written result, forward and backward", () => {
    fc.assert(
      fc.property(cases, (given) => {
        expect(run(given, false)).toEqual(run(given, true));
      }),
      { numRuns: 150 },
    );
  });

  it("leaves the norm's result unwritten", () => {
    const peak = (written: boolean) =>
      scope(() => {
        const x = Tensor.from(randomNumbers(8 * 16 * 64), [8, 16, 64]);
        const before = memoryStats().liveBytes;
        const y = batchNorm(reshape(x, [128, 64]), { runningMean: null, runningVar: null, training: true });
        if (written) y.toArray();
        const variant = variantOf("IFNode", parseNeuronOptions("IFNode", {}));
        neuronScan({ x: reshape(y, x.shape), initialStates: [0], variant, surrogate: ATAN });
        return memoryStats().liveBytes - before;
      });
    expect(peak(true) - peak(false)).toBe(8 * 16 * 64 * 4 - 2 * 64 * 4);
  });
});
