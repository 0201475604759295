/**
 * One neuron of a `.net` file step by step, as a table that a person can follow with pencil and paper: what arrives, what is left of the
 * current and the voltage, the comparison, the reset. Each step twice: in the chip's whole numbers, and in units of training.
 */
import { fail, sizeOf } from "../../../core/index.ts";
import type { StepWalk } from "../../target.ts";
import {
  type CubaParameters,
  DECAY_ONE,
  type NeuronParameters,
  type ResonatorParameters,
  type SigmaDeltaParameters,
  STATE_BITS,
  STATE_STEPS,
} from "../chip/neurons/index.ts";
import type { RecordedLayer } from "./record-states.ts";

export interface WalkedNeuron {
  /** From the start of the simulation ("raw"). */
  recorded: RecordedLayer;
  parameters: NeuronParameters;
  /** The step that answers the first frame, and the number of frames: the steps that are shown. */
  first: number;
  frames: number;
  /** Index in C,H,W order. */
  neuron: number;
  sample: number;
  /** Weight steps of a training unit. */
  scale: number;
}

/** A column: a number of the chip and what it is worth in training units, or a text. */
type Cell = { value: number; unit: number } | string;
type Columns = Record<string, Cell>;

/** Values of the chosen neuron at a step, and the parameters that are its own. */
interface Sight {
  at(values: Int32Array, step: number): number;
  own(values: Int32Array): number;
  scale: number;
  recorded: RecordedLayer;
}

/** @throws OPTION for a neuron or sample that the layer does not have. */
export function walkNeuron({ recorded, parameters, first, frames, neuron, sample, scale }: WalkedNeuron): StepWalk {
  const [, samples = 0, ...shape] = recorded.shape;
  const features = sizeOf(shape);
  expectIndex("neuron", neuron, features);
  expectIndex("sample", sample, samples);
  const sight: Sight = {
    at: (values, step) => values[(step * samples + sample) * features + neuron]!,
    own: (values) => values[values.length === 1 ? 0 : neuron]!,
    scale,
    recorded,
  };
  const { about, columns } = describe(parameters, sight);
  const rows = Array.from({ length: frames }, (_, step) => columns(first + step));
  return {
    about: [
      `layer ${recorded.layer}, neuron ${neuron} of ${features}, sample ${sample} of ${samples}`,
      ...about,
      `Second line of a step: the same in training units, ${scale} weight steps each.`,
    ],
    header: ["step", ...Object.keys(rows[0] ?? {})],
    steps: rows.map((row, step) => [
      [`${step}`, ...Object.values(row).map((cell) => (typeof cell === "string" ? cell : `${cell.value}`))],
      ["", ...Object.values(row).map((cell) => (typeof cell === "string" ? "" : inUnits(cell.value / cell.unit)))],
    ]),
  };
}

const inUnits = (value: number): string => `${Number(value.toFixed(6))}`;

function expectIndex(where: string, value: number, count: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= count) {
    fail("OPTION", { where, expected: `0 to ${count - 1}`, got: `${value}` });
  }
}

interface Description {
  about: string[];
  columns: (step: number) => Columns;
}

function describe(parameters: NeuronParameters, sight: Sight): Description {
  switch (parameters.model) {
    case "cuba":
      return describeCuba(parameters, sight);
    case "phase":
    case "izhikevich":
      return describeResonator(parameters, sight);
    case "delta":
    case "sigmaDelta":
    case "sigma":
      return describeSigmaDelta(parameters, sight);
  }
}

function describeCuba(parameters: CubaParameters, { at, own, scale, recorded }: Sight): Description {
  const [currentDecay, voltageDecay] = [own(parameters.currentDecay), own(parameters.voltageDecay)];
  const [bias, threshold] = [own(parameters.bias), parameters.threshold];
  const { current, voltage } = recorded.states as Record<"current" | "voltage", Int32Array>;
  const state = (value: number): Cell => ({ value, unit: STATE_STEPS * scale });
  const decayed = (value: number, decay: number) => Math.trunc((value * (DECAY_ONE - decay)) / DECAY_ONE) + 0;
  return {
    about: [
      `iDecay ${currentDecay}, vDecay ${voltageDecay}, bias ${bias}, vThMant ${threshold}`,
      "u = u before * (4096 - iDecay) >> 12 toward zero, + (a << 6); v = v before * (4096 - vDecay) >> 12 toward zero, + u + (bias << 6)",
      `It fires when v > vThMant << 6 = ${threshold * STATE_STEPS}, and goes on from v = 0.`,
    ],
    columns(step) {
      const reset = recorded.resets.includes(step);
      const fresh = reset || step === 0;
      const before = fresh ? 0 : at(current, step - 1);
      const voltageBefore = fresh || at(recorded.spikes, step - 1) !== 0 ? 0 : at(voltage, step - 1);
      const fires = at(recorded.spikes, step) !== 0;
      const reached = at(voltage, step);
      return {
        a: { value: at(recorded.activation, step), unit: scale },
        "u before": state(before),
        "u decayed": state(decayed(before, currentDecay)),
        u: state(at(current, step)),
        "v before": state(voltageBefore),
        "v decayed": state(decayed(voltageBefore, voltageDecay)),
        v: state(reached),
        "v > threshold": `${reached} ${fires ? ">" : "<="} ${threshold * STATE_STEPS}`,
        spike: fires ? "fires" : "-",
        "v after": state(fires ? 0 : reached),
        reset: reset ? "reset before" : "",
      };
    },
  };
}

function describeResonator(parameters: ResonatorParameters, { at, own, scale, recorded }: Sight): Description {
  const [sine, cosine, resets] = [
    own(parameters.sineDecay),
    own(parameters.cosineDecay),
    parameters.model === "izhikevich",
  ];
  const threshold = Math.trunc(parameters.threshold * STATE_STEPS);
  const { real, imaginary } = recorded.states as Record<"real" | "imaginary", Int32Array>;
  const state = (value: number): Cell => ({ value, unit: STATE_STEPS * scale });
  const sum = (values: Int32Array, step: number): Cell => ({ value: at(values, step), unit: scale });
  return {
    about: [
      `sine decay ${sine}, cosine decay ${cosine}, as loaded; vThMant ${parameters.threshold}`,
      "re = (cos * re >> 12) - (sin * im >> 12) + (a_re << 6), im = (sin * re >> 12) + (cos * im >> 12) + (a_im << 6), toward zero",
      resets
        ? `It fires when im >= ${threshold}, and goes on from re = 0, im = ${threshold - 1}.`
        : `It fires when re >= ${threshold} and im turns from below 0 to 0 or more; it is not reset.`,
    ],
    columns(step) {
      const fired = step > 0 && at(recorded.spikes, step - 1) !== 0 && resets;
      return {
        a_re: sum(recorded.activation, step),
        a_im: sum(recorded.imaginaryActivation!, step),
        "re before": state(step === 0 || fired ? 0 : at(real, step - 1)),
        "im before": state(fired ? threshold - 1 : step === 0 ? 0 : at(imaginary, step - 1)),
        re: state(at(real, step)),
        im: state(at(imaginary, step)),
        spike: at(recorded.spikes, step) !== 0 ? "fires" : "-",
      };
    },
  };
}

function describeSigmaDelta(parameters: SigmaDeltaParameters, { at, own, scale, recorded }: Sight): Description {
  const { model, exponent } = parameters;
  const threshold = parameters.threshold * 2 ** exponent;
  const { sum, activation, residue } = recorded.states as Record<"sum" | "activation" | "residue", Int32Array>;
  const state = (value: number): Cell => ({ value, unit: scale * 2 ** exponent });
  const arriving = (step: number): Cell => ({
    value: at(recorded.activation, step),
    unit: model === "delta" ? scale : scale * 2 ** exponent,
  });
  const sent = (step: number): Cell => ({
    value: at(recorded.spikes, step),
    unit: scale * 2 ** (exponent - STATE_BITS),
  });
  if (model === "sigma") {
    return {
      about: ["The sum of all that arrived is sent in every step."],
      columns: (step) => ({ a: arriving(step), sum: state(at(sum, step)), sent: state(at(recorded.spikes, step)) }),
    };
  }
  return {
    about: [
      `vThMant ${parameters.threshold}, bias ${own(parameters.bias)}, shifted into the state by ${exponent}`,
      model === "delta"
        ? `activation = a << ${exponent}`
        : `sum = sum + a; activation = the greater of sum + (bias << ${exponent}) and 0`,
      `change = activation - activation before + residue; it is sent, >> 6, when its size reaches ${threshold}, and else is the residue.`,
    ],
    columns(step) {
      const [before, left] = step === 0 ? [0, 0] : [at(activation, step - 1), at(residue, step - 1)];
      const change = (at(activation, step) - before + left) | 0;
      return {
        a: arriving(step),
        ...(model === "delta" ? {} : { sum: state(at(sum, step)) }),
        "activation before": state(before),
        activation: state(at(activation, step)),
        change: state(change),
        "reaches threshold": `${Math.abs(change)} ${Math.abs(change) >= threshold ? ">=" : "<"} ${threshold}`,
        sent: sent(step),
        residue: state(at(residue, step)),
      };
    },
  };
}
