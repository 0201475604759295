/**
 * One CUBA neuron layer written out step by step in plain numbers, forward and backward, for one sample: the equations of Lava DL's and
 * SpikingJelly's training, independent of neuron definitions, scans and tape. `recurrent` feeds spikes back.
 */

export interface SlowNeuron {
  /** In 4096ths, whole. */
  currentDecay: number;
  voltageDecay: number;
  /** Threshold on the grid of 1 / (64 scale), a whole number of weight steps. */
  threshold: number;
  scale: number;
  /** Derivative of the spike at voltage - threshold. */
  slope(argument: number): number;
  /** `full`: true derivative. `steps`: slayer's recurrent rule, each step by itself. */
  gradient: "full" | "steps";
  graded?: boolean;
}

export interface SlowRun {
  /** `[T][O]` */
  outputs: number[][];
  /** Gradient of the drive `[T][O]`, of R `[O][O]`, of both decays summed over all neurons. */
  gradDrive: number[][];
  gradRecurrent: number[][];
  gradCurrentDecay: number;
  gradVoltageDecay: number;
}

const FULL = 4096;

/** drive `[T][O]`, recurrent `[O][O]` or null, gradient of the outputs `[T][O]`. */
export function slowCuba(
  neuron: SlowNeuron,
  drive: readonly (readonly number[])[],
  recurrent: readonly (readonly number[])[] | null,
  grad: readonly (readonly number[])[],
): SlowRun {
  const [steps, size] = [drive.length, drive[0]!.length];
  const grid = 64 * neuron.scale;
  const leak = (state: number, decay: number) => Math.trunc((state * (FULL - decay)) / FULL);
  const table = () => Array.from({ length: steps }, () => new Array<number>(size).fill(0));
  const [u, v, spikes, kept] = [table(), table(), table(), table()];
  const before = (rows: number[][], t: number, o: number) => (t === 0 ? 0 : rows[t - 1]![o]!);
  for (let t = 0; t < steps; t++) {
    for (let o = 0; o < size; o++) {
      const back = recurrent ? recurrent[o]!.reduce((sum, w, i) => sum + w * before(spikes, t, i), 0) : 0;
      u[t]![o] = leak(before(u, t, o), neuron.currentDecay) + Math.trunc(grid * (drive[t]![o]! + back));
      v[t]![o] = leak(before(kept, t, o), neuron.voltageDecay) + u[t]![o]!;
      spikes[t]![o] = v[t]![o]! > neuron.threshold * grid ? 1 : 0;
      kept[t]![o] = spikes[t]![o] ? 0 : v[t]![o]!;
    }
  }

  const keepCurrent = 1 - neuron.currentDecay / FULL;
  const keepVoltage = 1 - neuron.voltageDecay / FULL;
  const carries = neuron.gradient === "full" ? 1 : 0;
  const gradDrive = table();
  const gradRecurrent = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  let [gradCurrentDecay, gradVoltageDecay] = [0, 0];
  const gradKept = new Array<number>(size).fill(0);
  for (let t = steps - 1; t >= 0; t--) {
    for (let o = 0; o < size; o++) {
      const voltage = v[t]![o]! / grid;
      const fed =
        recurrent && t + 1 < steps ? recurrent.reduce((sum, row, k) => sum + row[o]! * gradDrive[t + 1]![k]!, 0) : 0;
      const outside = grad[t]![o]!;
      const gradSpike = (neuron.graded ? outside * voltage : outside) + fed - carries * gradKept[o]! * voltage;
      const direct = neuron.graded ? outside * spikes[t]![o]! : 0;
      const open = carries * gradKept[o]! * (1 - spikes[t]![o]!);
      const gradVoltage = open + direct + gradSpike * neuron.slope(voltage - neuron.threshold);
      const later = t + 1 < steps ? gradDrive[t + 1]![o]! : 0;
      gradDrive[t]![o] = gradVoltage + carries * keepCurrent * later;
      gradKept[o] = keepVoltage * gradVoltage;
      gradVoltageDecay -= (before(kept, t, o) / grid / FULL) * gradVoltage;
      gradCurrentDecay -= (before(u, t, o) / grid / FULL) * gradDrive[t]![o]!;
    }
    for (let o = 0; o < size; o++) {
      for (let i = 0; i < size; i++) gradRecurrent[o]![i]! += gradDrive[t]![o]! * before(spikes, t, i);
    }
  }
  const outputs = spikes.map((row, t) => row.map((spike, o) => (neuron.graded ? (spike * v[t]![o]!) / grid : spike)));
  return { outputs, gradDrive, gradRecurrent, gradCurrentDecay, gradVoltageDecay };
}
