/** Neurons over sequences of 16 bits, the memory that 16 bits save, and what they need. */
import { describe, expect, it } from "vitest";
import { type NeuronKind, parseNeuronOptions, variantOf } from "../../src/model/neurons/index.ts";
import { surrogate, surrogateCall } from "../../src/model/surrogates/index.ts";
import {
  backwardFrom,
  conv2d,
  maxPool,
  memoryStats,
  neuronScan,
  repeatLeading,
  reshape,
  scope,
  Tensor,
  toDtype,
  withPrecision,
} from "../../src/tensor/index.ts";
import { leaf, randomNumbers } from "./gradient.ts";
import { expectNear, floats, type Half, leafOf, TYPES } from "./halves.ts";

const call = surrogateCall(surrogate.ATan({ alpha: 2 }), { threshold: 1 });
const ATAN = { name: call.surrogate, params: call.surrogateParams };

/** Everything that a scan gives, and the gradient of its input. */
function scan(kind: NeuronKind, type: Half | "float32", repeated: boolean) {
  return scope(() => {
    const shape = repeated ? [3, 7] : [5, 3, 7];
    const numbers = randomNumbers(
      shape.reduce((a, b) => a * b, 1),
      3,
      -1,
      2,
    ).map((x) => Math.round(x * 16) / 16);
    const x = leafOf(toDtype(Tensor.from(numbers, shape), type));
    const variant = variantOf(kind, parseNeuronOptions(kind, {}));
    const { spike, finalStates, stateSeqs, saved } = neuronScan({
      x: repeated ? repeatLeading(x, 5) : x,
      initialStates: variant.stateNames.map(() => 0),
      variant,
      surrogate: ATAN,
      storeStateSeqs: true,
      storeSaved: true,
    });
    backwardFrom([[spike, Tensor.from(randomNumbers(105, 9, -1, 1), [5, 3, 7])]]);
    return {
      sequenceTypes: [spike, ...stateSeqs, ...saved, x.grad!].map((tensor) => tensor.dtype),
      stateTypes: finalStates.map((tensor) => tensor.dtype),
      spike: floats(spike),
      others: [...finalStates, ...stateSeqs, ...saved, x.grad!].map(floats),
    };
  });
}

describe.each(TYPES)("a neuron over a sequence of %s", (type) => {
  for (const kind of ["IFNode", "LIFNode", "KLIFNode", "QIFNode", "NonSpikingIFNode"] as const) {
    it.each([false, true])(
      `${kind}: arithmetic is float32, only sequences are rounded (repeated input: %s)`,
      (repeated) => {
        const [half, exact] = [scan(kind, type, repeated), scan(kind, "float32", repeated)];
        expect(half.sequenceTypes.every((dtype) => dtype === type)).toBe(true);
        expect(half.stateTypes.every((dtype) => dtype === "float32")).toBe(true);
        if (kind !== "NonSpikingIFNode") expect(half.spike).toEqual(exact.spike);
        for (const [i, numbers] of half.others.entries()) expectNear(numbers, exact.others[i]!, type, `array ${i}`);
      },
    );
  }
});

it("activations of 16 bits take half the memory of what backward keeps", () => {
  const kept = (activations: "float32" | "half") =>
    scope(() => {
      const x = toDtype(Tensor.from(randomNumbers(4 * 8 * 8 * 64), [32, 8, 8, 8]), "bfloat16");
      const weight = leaf(randomNumbers(8 * 8 * 9), [8, 8, 3, 3]);
      const before = memoryStats().liveBytes;
      const variant = variantOf("IFNode", parseNeuronOptions("IFNode", {}));
      withPrecision(
        "bfloat16",
        () => {
          const y = maxPool(conv2d(x, weight, null, { padding: 1 }), { kernelSize: 1 });
          neuronScan({ x: reshape(y, [4, 8, 8, 8, 8]), initialStates: [0], variant, surrogate: ATAN });
        },
        { activations },
      );
      return memoryStats().liveBytes - before;
    });
  const [whole, half] = [kept("float32"), kept("half")];
  // winners of the pool and final states have 32 bits in both
  const fixed = 4 * (32 + 8) * 8 * 64;
  expect(half - fixed).toBeLessThan(0.6 * (whole - fixed));
});

it("activations of 16 bits need a precision of 16 bits", () => {
  const wrong = () => withPrecision("float32", () => undefined, { activations: "half" });
  expect(wrong).toThrow(
    "withPrecision: expected precision bfloat16 or float16 for activations of 16 bits, got precision float32",
  );
});
