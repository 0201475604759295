/** Neurons that a user defines: on the CPU they run in plain numbers, and must do what compiled ones with the same equations do. */
import { describe, expect, it } from "vitest";
import type { z } from "zod";
import { RandomStream } from "../../src/core/index.ts";
import { devices } from "../../src/kernels/index.ts";
import {
  defineNeuron,
  type Layer,
  LIFNode,
  neuronDefinition,
  ownNeuron,
  ParametricLIFNode,
  registerNeuron,
} from "../../src/model/index.ts";
import { backwardFrom, scope, Tensor, toDtype } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { leaf, randomNumbers } from "../tensor/gradient.ts";

// On a device they are compiled: tests/device/neuron-program.test.ts.
devices().current = "cpu";

const STEPS = 5;
const SHAPE = [STEPS, 2, 7];
const COUNT = STEPS * 2 * 7;

/** Sums over learned values run in another order, in double precision, and are handed on in float32. */
const SUM_TOLERANCE = 1e-6;

/** The equations of a built-in neuron under another name. */
function copied(kind: string, name: string) {
  const definition = neuronDefinition(kind);
  const { freeze: _, shifted: __, ...rest } = definition;
  return ownNeuron({ ...rest, kind: name, options: rest.options as z.ZodType<Record<string, unknown>> });
}

/** Spikes, gradient of the input and of the learned values, of one pass in training. */
function trained(layer: Layer, repeated: boolean, type: "float32" | "bfloat16" = "float32") {
  layer.stepMode = "m";
  layer.initialize(new RandomStream(1));
  const result = scope(() => {
    const x = leaf(randomNumbers(COUNT, 3), SHAPE);
    const input = toDtype(x, type);
    const context = { training: true, random: new RandomStream(1) };
    const spikes = layer.forward(input, context);
    // a second call continues from the states of the first
    const more = repeated ? layer.forward(input, context) : spikes;
    backwardFrom([[more, Tensor.from(randomNumbers(COUNT, 4), SHAPE)]]);
    return {
      type: spikes.dtype,
      spikes: [...spikes.toArray()],
      more: [...more.toArray()],
      x: [...x.grad!.toArray()],
      learned: [...layer.parameters.values()].map((value) => value.grad!.item()),
    };
  });
  layer.dispose();
  return result;
}

describe("a neuron that a user defines", () => {
  const OwnLIF = copied("LIFNode", "OwnLIF");
  const OwnParametric = copied("ParametricLIFNode", "OwnParametricLIF");

  it.each([false, true])("runs and learns on the CPU as the built-in one, bit for bit (two calls: %s)", (repeated) => {
    const options = { tau: 3, vThreshold: 0.7 };
    const expected = trained(LIFNode(options), repeated);
    expect(trained(OwnLIF(options), repeated)).toEqual(expected);
    expect(expected.spikes).toContain(1);
  });

  it("takes and gives sequences of 16 bits as the built-in one", () => {
    const expected = trained(LIFNode({ tau: 3, vThreshold: 0.7 }), true, "bfloat16");
    expect(trained(OwnLIF({ tau: 3, vThreshold: 0.7 }), true, "bfloat16")).toEqual(expected);
    expect(expected.type).toBe("bfloat16");
  });

  it("sums the gradients of its learned values", () => {
    const expected = trained(ParametricLIFNode({ initTau: 1.7 }), false);
    const got = trained(OwnParametric({ initTau: 1.7 }), false);
    expect(got.x).toEqual(expected.x);
    expect(expected.learned).toHaveLength(1);
    expect(Math.abs(got.learned[0]! - expected.learned[0]!)).toBeLessThan(
      SUM_TOLERANCE * Math.max(1, Math.abs(expected.learned[0]!)),
    );
  });

  it("is refused under a name that another neuron has", () => {
    const definition = { ...neuronDefinition("IFNode") };
    expect(errorOf(() => registerNeuron(definition)).message).toContain("a kind that no other neuron has");
    expect(errorOf(() => copied("IFNode", "OwnLIF")).message).toContain('"OwnLIF"');
    expect(defineNeuron(neuronDefinition("OwnLIF")).kind).toBe("OwnLIF");
  });
});
