/** Neurons of Lava blocks: IF and LIF neurons as CUBA neurons, and the two halves between which a norm stands. */
import { isDeepStrictEqual } from "node:util";
import {
  CubaCurrent,
  CubaLIFNode,
  CubaVoltage,
  IFNode,
  type Layer,
  type NeuronLayerOptions,
  REFERENCE_RULES,
  type Reference,
  type ReferenceRules,
  type Surrogate,
} from "../../model/index.ts";
import { Tensor } from "../../tensor/index.ts";
import { refuse } from "./refusal.ts";

/** Options of CubaLIFNode that blocks read. */
export interface CubaOptions extends NeuronLayerOptions {
  currentDecay: number;
  scale: number;
  requiresGrad: boolean;
  reference: Reference;
}

type CubaInput = Parameters<typeof CubaLIFNode>[0];

/** Grid steps of one weight step: the chip adds its input shifted left by 6 bits. */
export const GRID_STEPS = 64;

/** Way out for neurons that have no CUBA equivalent. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  ParametricLIFNode: "Learned time constants are not converted: train with LIFNode and that tau.",
};

/**
 * The CUBA neuron that behaves as an IF or LIF neuron: no current memory (current decay 1), voltage decay 0 or 1/tau. The user's
 * surrogate and detachReset are kept, except with the reference spikingjelly, whose `BlockContainer` drops them. Loihi fires strictly above
 * the threshold, IF and LIF at it. `scale`: weight steps per unit; a CUBA neuron keeps its own. `reference`: by default a CUBA neuron's own.
 */
export function asCubaNeuron(neuron: Layer, scale?: number, reference?: Reference): Layer {
  if (neuron.kind === "CubaLIFNode") return reference === undefined ? neuron : withReference(neuron, reference);
  const o = neuron.options as Readonly<Record<string, unknown>> & NeuronLayerOptions;
  if (neuron.kind !== "IFNode" && neuron.kind !== "LIFNode") {
    const hint = WAYS_OUT[neuron.kind] ?? "Loihi's netx format knows no other spiking neuron.";
    refuse(neuron, "an IFNode, LIFNode or CubaLIFNode", neuron.kind, hint);
  }
  if (o.vReset === null) {
    refuse(neuron, "vReset 0", "a soft reset (vReset null)", "Loihi resets to 0: train with vReset: 0.");
  }
  if (o.vReset !== 0) refuse(neuron, "vReset 0", `vReset ${o.vReset}`, "Loihi resets to 0: train with vReset: 0.");
  if (o.decayInput === true) {
    refuse(
      neuron,
      "decayInput false",
      "decayInput true",
      "Loihi does not divide the input by tau: train with decayInput: false.",
    );
  }
  const kept = REFERENCE_RULES[reference ?? "chip"].keepsGivenGradient;
  const converted = CubaLIFNode({
    currentDecay: 1,
    voltageDecay: neuron.kind === "IFNode" ? 0 : 1 / (o.tau as number),
    vThreshold: o.vThreshold as number,
    ...(kept ? givenGradient(o, reference) : {}),
    storeVSeq: o.storeVSeq,
    ...(scale === undefined ? {} : { scale }),
    ...(reference === undefined ? {} : { reference }),
  });
  converted.path = neuron.path;
  return converted;
}

/** Surrogate and detachReset as they were chosen; where the reference has a rule of its own, what was not chosen follows it. */
function givenGradient(o: NeuronLayerOptions, reference: Reference = "chip") {
  return {
    ...(o.detachReset ? { resetGradient: "detached" as const } : {}),
    ...(REFERENCE_RULES[reference].surrogate && isUsual(o.surrogate) ? {} : { surrogate: o.surrogate }),
  };
}

/** The surrogate that neurons have when none is named. */
function isUsual(surrogate: Surrogate): boolean {
  return isDeepStrictEqual(surrogate, IFNode().options.surrogate);
}

/** The same neuron with another reference. A surrogate that was the old reference's default becomes the new one's. */
function withReference(neuron: Layer, reference: Reference): Layer {
  const { surrogate, reference: before } = neuron.options as CubaOptions;
  if (before === reference) return neuron;
  const usual = REFERENCE_RULES[before].surrogate;
  const chosen = usual ? surrogate.kind !== usual.kind : !isUsual(surrogate);
  return changed(neuron, { reference, surrogate: chosen ? surrogate : undefined });
}

/** The same neuron with states that carry no gradient from call to call. */
export function withoutStateGradient(neuron: Layer): Layer {
  if ((neuron.options as CubaOptions).persistentState) return neuron;
  return changed(neuron, { persistentState: true });
}

/** A CUBA neuron with some options changed, its place and its tensors. */
function changed(neuron: Layer, options: Partial<CubaInput>): Layer {
  const other = CubaLIFNode({ ...(neuron.options as CubaInput), ...options });
  other.path = neuron.path;
  inherit(other, neuron);
  return other;
}

/** Copies the tensors that a neuron of the same decays already has. */
function inherit(to: Layer, from: Layer): void {
  for (const name of Object.keys(to.specs)) {
    const tensor = from.parameters.get(name);
    if (tensor) to.setTensor(name, Tensor.from(tensor.toArray(), tensor.shape));
  }
}

export function scaleOf(neuron: Layer): number {
  return (neuron.options as CubaOptions).scale;
}

/** What the neuron's reference does. */
export function rulesOf(neuron: Layer): ReferenceRules {
  return REFERENCE_RULES[(neuron.options as CubaOptions).reference];
}

/** The current and the voltage of a CUBA neuron as layers of their own. */
export function halvesOf(neuron: Layer): { current: Layer; voltage: Layer } {
  const { currentDecay, storeISeq = false, ...rest } = neuron.options as CubaOptions;
  const { scale, requiresGrad, storeVSeq, channels, persistentState = false, reference } = rest;
  const current = CubaCurrent({
    currentDecay,
    scale,
    requiresGrad,
    channels,
    persistentState,
    reference,
    storeISeq,
    storeVSeq,
  });
  const voltage = CubaVoltage(rest);
  for (const half of [current, voltage]) inherit(half, neuron);
  return { current, voltage };
}
