/**
 * Lava's fixed-point resonators, in whole numbers: a voltage that is a complex number turns and shrinks in every step. `phase` fires when
 * it crosses the positive real axis beyond the threshold; `izhikevich` when the imaginary part reaches the threshold, and is then reset.
 * Sources: lava `proc/rf/models.py` and `proc/rf_iz/models.py` (fixed_pt). They know no biases, and ignore the network's resets.
 */
import {
  type ChipNeurons,
  DECAY_ONE,
  REGISTER,
  type RegisterEvents,
  STATE_BITS,
  STATE_STEPS,
  spread,
} from "./neuron-model.ts";

/** Decays in 4096ths as the process holds them: one number, or one per neuron. */
export interface ResonatorParameters {
  model: "phase" | "izhikevich";
  sineDecay: Int32Array;
  cosineDecay: Int32Array;
  threshold: number;
  /** Resonators have none. */
  bias: Int32Array;
}

export class ResonatorNeurons implements ChipNeurons {
  counting = true;
  private readonly real: Float64Array;
  private readonly imaginary: Float64Array;
  /** Before a reset, as they were compared with the threshold. */
  private readonly reached: { real: Float64Array; imaginary: Float64Array };
  private readonly sine: Int32Array;
  private readonly cosine: Int32Array;

  constructor(
    private readonly parameters: ResonatorParameters,
    private readonly features: number,
    samples: number,
    private readonly events: RegisterEvents,
  ) {
    const zeros = () => new Float64Array(samples * features);
    this.real = zeros();
    this.imaginary = zeros();
    this.reached = { real: zeros(), imaginary: zeros() };
    this.sine = spread(parameters.sineDecay, features);
    this.cosine = spread(parameters.cosineDecay, features);
  }

  /** Activations of the real parts of all neurons, then of the imaginary parts. */
  step(activation: ArrayLike<number>, spikes: Int32Array | Float32Array): void {
    const { real, imaginary, reached, sine, cosine, features } = this;
    const threshold = Math.trunc(this.parameters.threshold * STATE_STEPS);
    const resets = this.parameters.model === "izhikevich";
    for (let i = 0, neuron = 0; i < real.length; i++, neuron = neuron + 1 === features ? 0 : neuron + 1) {
      const [c, s, re, im] = [cosine[neuron]!, sine[neuron]!, real[i]!, imaginary[i]!];
      const newReal = this.clip(decayed(c, re) - decayed(s, im) + (activation[i]! << STATE_BITS));
      const newImaginary = this.clip(decayed(s, re) + decayed(c, im) + (activation[real.length + i]! << STATE_BITS));
      const fires = resets ? newImaginary >= threshold : newReal >= threshold && newImaginary >= 0 && im < 0;
      reached.real[i] = newReal;
      reached.imaginary[i] = newImaginary;
      real[i] = resets && fires ? 0 : newReal;
      imaginary[i] = resets && fires ? threshold - 1 : newImaginary;
      spikes[i] = fires ? 1 : 0;
    }
  }

  private clip(value: number): number {
    if (value < REGISTER && value > -REGISTER) return value;
    if (this.counting) this.events.saturated++;
    return value > 0 ? REGISTER - 1 : 1 - REGISTER;
  }

  states(): { real: Float64Array; imaginary: Float64Array } {
    return this.reached;
  }

  reset(): void {}
}

/** Product of a decay and a voltage shifted right by 12 bits toward zero. */
const decayed = (decay: number, voltage: number): number => Math.trunc((decay * voltage) / DECAY_ONE);
