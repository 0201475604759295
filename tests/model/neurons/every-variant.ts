/** Options that lead to every generated neuron variant. */
import {
  type NeuronKind,
  neuronDefinitions,
  parseNeuronOptions,
  type Reading,
  variantOf,
} from "../../../src/model/neurons/index.ts";

/** Options for every combination of flags, as users would write them. */
const MEMBRANE = [{ vReset: 0 }, { vReset: -0.3, vThreshold: 0.7 }, { vReset: null, vThreshold: 0.9 }].flatMap(
  (options) => [options, { ...options, detachReset: true }],
);
const LEAKY = MEMBRANE.flatMap((options) => [options, { ...options, decayInput: false }]);
const RESETS = [
  ...["full", "detached", "ignored"].map((resetGradient) => ({ resetGradient, vThreshold: 0.7 })),
  { reference: "slayer", vThreshold: 0.7 },
  ...["full", "detached"].map((resetGradient) => ({ reference: "spikingjelly", resetGradient, vThreshold: 0.7 })),
];
const learned = (options: object) => [options, { ...options, requiresGrad: true }];
const BELOW_ONE = MEMBRANE.map((options) => ({ ...options, tau: 3 }));
const CASES: Record<NeuronKind, object[]> = {
  IFNode: MEMBRANE,
  LIFNode: LEAKY.map((options) => ({ ...options, tau: 3 })),
  ParametricLIFNode: LEAKY.map((options) => ({ ...options, initTau: 1.7 })),
  KLIFNode: BELOW_ONE.flatMap((options) => [
    { ...options, k: 1.3 },
    { ...options, k: 0.8, scaleReset: true, decayInput: false },
  ]),
  QIFNode: BELOW_ONE.map((options) => ({ ...options, vRest: -0.1, a0: 0.5 })),
  EIFNode: BELOW_ONE.map((options) => ({ ...options, vRest: -0.1, deltaT: 0.5 })),
  CUBALIFNode: MEMBRANE.map((options) => ({ ...options, cDecay: 0.4 })),
  NonSpikingIFNode: [{}],
  NonSpikingLIFNode: [{ tau: 3 }],
  CubaLIFNode: RESETS.flatMap((options) => learned({ ...options, currentDecay: 0.3, voltageDecay: 0.07, bias: 0.05 })),
  CubaCurrent: learned({ currentDecay: 0.4, scale: 100 }),
  CubaVoltage: RESETS.flatMap((options) => learned({ ...options, voltageDecay: 0.11, truncateThreshold: false })),
};

/** Every variant that the kernels are printed for, with options that choose it. */
export const EVERY_VARIANT = (Object.keys(CASES) as NeuronKind[]).flatMap((kind) =>
  CASES[kind].flatMap((given) =>
    neuronDefinitions[kind].readings.map((reading: Reading) => {
      const options = parseNeuronOptions(kind, given);
      return { name: variantOf(kind, options, reading).name, kind, options, reading };
    }),
  ),
);
