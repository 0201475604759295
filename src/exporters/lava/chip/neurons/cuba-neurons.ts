/** Lava's fixed-point leaky integrate-and-fire neuron, in whole numbers. Source: lava `proc/lif/models.py` (fixed_pt). */
import {
  type ChipNeurons,
  DECAY_ONE,
  REGISTER,
  type RegisterEvents,
  STATE_BITS,
  STATE_STEPS,
  spread,
} from "./neuron-model.ts";

/** Numbers per neuron of one sample; an array of one is shared by all. Bias in weight steps. */
export interface CubaParameters {
  model: "cuba";
  currentDecay: Int32Array;
  voltageDecay: Int32Array;
  bias: Int32Array;
  threshold: number;
}

/** Leaky current and voltage, both decays in 4096ths rounded toward zero; fires strictly above the threshold, then the voltage is 0. */
export class CubaNeurons implements ChipNeurons {
  counting = true;
  private readonly current: Float64Array;
  private readonly voltage: Float64Array;
  /** The voltage before a reset. */
  private readonly reached: Float64Array;
  private readonly currentKeep: Int32Array;
  private readonly voltageKeep: Int32Array;
  private readonly bias: Int32Array;

  constructor(
    private readonly parameters: CubaParameters,
    private readonly features: number,
    samples: number,
    private readonly events: RegisterEvents,
  ) {
    this.current = new Float64Array(samples * features);
    this.voltage = new Float64Array(samples * features);
    this.reached = new Float64Array(samples * features);
    this.currentKeep = spread(parameters.currentDecay, features).map((decay) => DECAY_ONE - decay);
    this.voltageKeep = spread(parameters.voltageDecay, features).map((decay) => DECAY_ONE - decay);
    this.bias = spread(parameters.bias, features).map((bias) => bias * STATE_STEPS);
  }

  step(activation: ArrayLike<number>, spikes: Int32Array | Float32Array): void {
    const { current, voltage, reached, currentKeep, voltageKeep, bias, features } = this;
    const threshold = this.parameters.threshold * STATE_STEPS;
    for (let i = 0, neuron = 0; i < current.length; i++, neuron = neuron + 1 === features ? 0 : neuron + 1) {
      const decayed = Math.trunc((current[i]! * currentKeep[neuron]!) / DECAY_ONE);
      const u = this.wrap((decayed + (activation[i]! << STATE_BITS)) | 0);
      const v = this.saturate(Math.trunc((voltage[i]! * voltageKeep[neuron]!) / DECAY_ONE) + u + bias[neuron]!);
      const fires = v > threshold;
      current[i] = u;
      reached[i] = v;
      voltage[i] = fires ? 0 : v;
      spikes[i] = fires ? 1 : 0;
    }
  }

  /** At most once around, as the model does. */
  private wrap(value: number): number {
    if (value <= REGISTER && value > -REGISTER) return value;
    if (this.counting) this.events.wrapped++;
    return value > REGISTER ? value - 2 * REGISTER : value + 2 * REGISTER;
  }

  private saturate(value: number): number {
    if (value < REGISTER && value > -REGISTER) return value;
    if (this.counting) this.events.saturated++;
    return value > 0 ? REGISTER - 1 : 1 - REGISTER;
  }

  reset(): void {
    this.current.fill(0);
    this.voltage.fill(0);
  }

  states(): { current: Float64Array; voltage: Float64Array } {
    return { current: this.current, voltage: this.reached };
  }
}
