/** Neurons of Lava blocks: IF and LIF neurons as CUBA neurons, and the two halves between which a norm stands. */
import { CubaCurrent, CubaLIFNode, CubaVoltage, type Layer, type NeuronLayerOptions } from "../../model/index.ts";
import { refuse } from "./refusal.ts";

/** Options of CubaLIFNode that blocks read. */
export interface CubaOptions extends NeuronLayerOptions {
  currentDecay: number;
  scale: number;
  requiresGrad: boolean;
}

/** Way out for neurons that have no CUBA equivalent. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  ParametricLIFNode: "Learned time constants are not converted: train with LIFNode and that tau.",
};

/**
 * The CUBA neuron that behaves as an IF or LIF neuron: no current memory (current decay 1), voltage decay 0 or 1/tau. The user's
 * surrogate and detachReset are kept (SpikingJelly's `BlockContainer` drops them). Loihi fires strictly above the threshold, IF and
 * LIF at it. `scale`: weight steps per unit; a CUBA neuron keeps its own.
 */
export function asCubaNeuron(neuron: Layer, scale?: number): Layer {
  if (neuron.kind === "CubaLIFNode") return neuron;
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
  const converted = CubaLIFNode({
    currentDecay: 1,
    voltageDecay: neuron.kind === "IFNode" ? 0 : 1 / (o.tau as number),
    vThreshold: o.vThreshold as number,
    resetGradient: o.detachReset ? "detached" : "full",
    surrogate: o.surrogate,
    storeVSeq: o.storeVSeq,
    ...(scale === undefined ? {} : { scale }),
  });
  converted.path = neuron.path;
  return converted;
}

/** The current and the voltage of a CUBA neuron as layers of their own. */
export function halvesOf(neuron: Layer): { current: Layer; voltage: Layer } {
  const { currentDecay, ...rest } = neuron.options as CubaOptions;
  const { scale, requiresGrad, storeVSeq } = rest;
  return { current: CubaCurrent({ currentDecay, scale, requiresGrad, storeVSeq }), voltage: CubaVoltage(rest) };
}
