/**
 * What the tests against Lava DL share: reading, its gradient tolerance, and its way of running the two halves of the
 * neuron.
 */
import { parseNeuronOptions, variantOf } from "../../../src/model/neurons/index.ts";
import type { surrogateCall } from "../../../src/model/surrogates/index.ts";
import { expectClose } from "./compare.ts";
import { nativeBackward, nativeForward } from "./native-scan.ts";

/** The stored rule for gradients: 1e-5 of the largest entry. */
const GRADIENT_TOLERANCE = 1e-5;

export function expectGradient(what: string, got: ArrayLike<number>, expected: ArrayLike<number>): void {
  expectClose(what, got, expected, GRADIENT_TOLERANCE, 0);
}

export function zeros(names: readonly string[], elements: number): Record<string, Float32Array> {
  return Object.fromEntries(names.map((name) => [name, new Float32Array(elements)]));
}

/**
 * slayer's gradient of a decay, written out: the sum over t >= 1 and all elements of gradInput[t] * output[t - 1], both `[T, E]`, with the
 * gradient of an integrator that is never reset and its output before reset. Source: Lava DL, slayer/neuron/dynamics/leaky_integrator.py.
 */
function slayerDecayGradient(gradInput: Float32Array, output: Float32Array, steps: number): number {
  const elements = gradInput.length / steps;
  let sum = 0;
  for (let i = elements; i < gradInput.length; i++) sum += gradInput[i]! * output[i - elements]!;
  return sum;
}

/** Runs the halves one behind the other, as slayer does, and applies its rule for the decays to each. */
export function slayerDecayGradients(run: {
  steps: number;
  elements: number;
  x: Float32Array;
  options: { currentDecay: number; voltageDecay: number; vThreshold: number; scale: number; resetGradient: string };
  gradients: Parameters<typeof nativeBackward>[1]["gradients"];
  surrogate: ReturnType<typeof surrogateCall>;
}) {
  const { currentDecay, voltageDecay, vThreshold, scale, resetGradient } = run.options;
  const currentHalf = variantOf("CubaCurrent", parseNeuronOptions("CubaCurrent", { currentDecay, scale }));
  const voltageHalf = variantOf(
    "CubaVoltage",
    parseNeuronOptions("CubaVoltage", { voltageDecay, vThreshold, scale, resetGradient }),
  );
  const [currentStart, voltageStart] = [currentHalf, voltageHalf].map(({ stateNames }) =>
    zeros(stateNames, run.elements),
  ) as [Record<string, Float32Array>, Record<string, Float32Array>];
  const first = nativeForward(currentHalf, run.steps, run.x, currentStart);
  const current = first.stateSeqs.current!;
  const second = nativeForward(voltageHalf, run.steps, current, voltageStart);
  const { steps, gradients, surrogate } = run;
  const voltageBack = nativeBackward(voltageHalf, {
    steps,
    x: current,
    initialStates: voltageStart,
    saved: second.saved,
    gradients,
    surrogate,
  });
  const currentBack = nativeBackward(currentHalf, {
    steps,
    x: run.x,
    initialStates: currentStart,
    saved: first.saved,
    gradients: { stateSeqs: { current: voltageBack.x } },
  });
  return {
    gradX: currentBack.x,
    chargedVoltage: second.saved.charged!,
    voltage: slayerDecayGradient(voltageBack.x, second.saved.charged!, steps),
    current: slayerDecayGradient(currentBack.x, current, steps),
  };
}
