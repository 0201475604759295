/**
 * Lava DL's own rule for the gradient of a decay, for parity with networks trained there. Spikeship trains with the
 * true derivative.
 */

/**
 * slayer differentiates each leaky integrator as if its output were never reset, and leaves out the factor -1/4096 that
 * belongs to a decay counted in 4096ths: its gradient has the opposite sign and 4096 times the size of the true one
 * (without resets). Source: Lava DL, slayer/neuron/dynamics/leaky_integrator.py.
 *
 * `gradInput` `[T, E]`: gradient of the integrator's input, by CubaCurrent, or CubaVoltage with `resetGradient: "ignored"`.
 * `output` `[T, E]`: its output before reset. Returns sum over t >= 1 and E of gradInput[t] * output[t - 1].
 */
export function slayerDecayGradient(gradInput: Float32Array, output: Float32Array, steps: number): number {
  const elements = gradInput.length / steps;
  let sum = 0;
  for (let i = elements; i < gradInput.length; i++) sum += gradInput[i]! * output[i - elements]!;
  return sum;
}
