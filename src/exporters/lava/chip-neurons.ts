/**
 * Lava's fixed-point neuron models step by step, in whole numbers: the definition that the fast simulator is tested against.
 * One object holds the states of all neurons of a layer for all samples; it does not know where activations come from.
 * Sources: lava `proc/lif/models.py`, `proc/sdn/models.py` (the models tagged fixed_pt).
 */

/** Registers of current and voltage have 24 bits. */
const REGISTER = 2 ** 23;
/** Activation, threshold and bias enter the registers shifted by this; a sigma-delta neuron drops as many from what it sends. */
const STATE_BITS = 6;
export const STATE_STEPS = 2 ** STATE_BITS;
const DECAY_ONE = 4096;

/** Numbers per neuron of one sample; an array of one is shared by all. Bias in weight steps. */
export interface CubaParameters {
  model: "cuba";
  currentDecay: Int32Array;
  voltageDecay: Int32Array;
  bias: Int32Array;
  threshold: number;
}
/** `exponent`: bits by which inputs, biases and the threshold are shifted into the state. */
export interface SigmaDeltaParameters {
  model: "delta" | "sigmaDelta" | "sigma";
  threshold: number;
  bias: Int32Array;
  exponent: number;
}
export type NeuronParameters = CubaParameters | SigmaDeltaParameters;

/** How often a register could not hold a value. */
export interface RegisterEvents {
  wrapped: number;
  saturated: number;
}

export interface ChipNeurons {
  /** Overflows are counted while this is true, as it is at first. */
  counting: boolean;
  /** One step: activation of every neuron in, spikes (or payloads) out; both hold `samples * features` numbers. */
  step(activation: ArrayLike<number>, spikes: Int32Array | Float32Array): void;
  /** The chip's periodic reset. */
  reset(): void;
}

/** Neurons of one layer for some samples, all states 0. `events` is counted up. */
export function makeNeurons(
  parameters: NeuronParameters,
  features: number,
  samples: number,
  events: RegisterEvents,
): ChipNeurons {
  return parameters.model === "cuba"
    ? new CubaNeurons(parameters, features, samples, events)
    : new SigmaDeltaNeurons(parameters, features, samples);
}

/** The value of each neuron from one number for all or one for each. */
const spread = (numbers: Int32Array, features: number): Int32Array =>
  numbers.length === features ? numbers : new Int32Array(features).fill(numbers[0]!);

/** Leaky current and voltage, both decays in 4096ths rounded toward zero; fires strictly above the threshold, then the voltage is 0. */
class CubaNeurons implements ChipNeurons {
  counting = true;
  private readonly current: Float64Array;
  private readonly voltage: Float64Array;
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
    this.currentKeep = spread(parameters.currentDecay, features).map((decay) => DECAY_ONE - decay);
    this.voltageKeep = spread(parameters.voltageDecay, features).map((decay) => DECAY_ONE - decay);
    this.bias = spread(parameters.bias, features).map((bias) => bias * STATE_STEPS);
  }

  step(activation: ArrayLike<number>, spikes: Int32Array | Float32Array): void {
    const { current, voltage, currentKeep, voltageKeep, bias, features } = this;
    const threshold = this.parameters.threshold * STATE_STEPS;
    for (let i = 0, neuron = 0; i < current.length; i++, neuron = neuron + 1 === features ? 0 : neuron + 1) {
      const decayed = Math.trunc((current[i]! * currentKeep[neuron]!) / DECAY_ONE);
      const u = this.wrap((decayed + (activation[i]! << STATE_BITS)) | 0);
      const v = this.saturate(Math.trunc((voltage[i]! * voltageKeep[neuron]!) / DECAY_ONE) + u + bias[neuron]!);
      const fires = v > threshold;
      current[i] = u;
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
}

/**
 * Sigma sums what arrives, delta sends the change of the activation once it reaches the threshold and keeps what it did not send.
 * States have 32 bits. Always ReLU between the two. These models ignore resets.
 */
class SigmaDeltaNeurons implements ChipNeurons {
  counting = true;
  private readonly sigma: Int32Array;
  private readonly activation: Int32Array;
  private readonly residue: Int32Array;
  private readonly bias: Int32Array;

  constructor(
    private readonly parameters: SigmaDeltaParameters,
    private readonly features: number,
    samples: number,
  ) {
    this.sigma = new Int32Array(samples * features);
    this.activation = new Int32Array(samples * features);
    this.residue = new Int32Array(samples * features);
    this.bias = spread(parameters.bias, features).map((bias) => bias << parameters.exponent);
  }

  step(input: ArrayLike<number>, spikes: Int32Array | Float32Array): void {
    const { model } = this.parameters;
    for (let i = 0; i < this.sigma.length; i++) {
      if (model === "delta") spikes[i] = this.delta(i, input[i]! << this.parameters.exponent);
      else {
        this.sigma[i] = this.sigma[i]! + input[i]!;
        const sum = this.sigma[i]!;
        spikes[i] = model === "sigma" ? sum : this.delta(i, Math.max((sum + this.bias[i % this.features]!) | 0, 0));
      }
    }
  }

  private delta(i: number, activation: number): number {
    const change = (activation - this.activation[i]! + this.residue[i]!) | 0;
    const sent = Math.abs(change) >= this.parameters.threshold << this.parameters.exponent ? change : 0;
    this.residue[i] = change - sent;
    this.activation[i] = activation;
    return sent >> STATE_BITS;
  }

  reset(): void {}
}
