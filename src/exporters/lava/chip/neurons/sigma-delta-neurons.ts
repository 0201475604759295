/** Lava's fixed-point sigma-delta neurons, in whole numbers. Source: lava `proc/sdn/models.py` (fixed_pt). */
import { type ChipNeurons, STATE_BITS, spread } from "./neuron-model.ts";

/** `exponent`: bits by which inputs, biases and the threshold are shifted into the state. */
export interface SigmaDeltaParameters {
  model: "delta" | "sigmaDelta" | "sigma";
  threshold: number;
  bias: Int32Array;
  exponent: number;
}

/**
 * Sigma sums what arrives, delta sends the change of the activation once it reaches the threshold and keeps what it did not send.
 * States have 32 bits. Always ReLU between the two. These models ignore resets.
 */
export class SigmaDeltaNeurons implements ChipNeurons {
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

  states(): { sum: Int32Array; activation: Int32Array; residue: Int32Array } {
    return { sum: this.sigma, activation: this.activation, residue: this.residue };
  }
}
