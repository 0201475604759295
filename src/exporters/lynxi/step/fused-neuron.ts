/**
 * Neurons in Lynxi's fused operators: custom::cmpandfire and custom::resetwithdecay, one instruction each. The stored state is the potential
 * already decayed, S' = alpha * reset(U) + beta with U = I + S (BIDL, layers/lif.py); with alpha = 1 - 1/tau, beta = 0 and reset potential 0 that is
 * the hard-reset neuron with the same roundings. Both operators compare with >, so they get the number just below the threshold.
 */
import { variantOf } from "../../../model/index.ts";
import { float16Below } from "../emulation/float16.ts";
import type { Lowering } from "../lower.ts";
import type { StepNeuron } from "./facts.ts";
import { literal, type PythonNames, quoted } from "./python-names.ts";

export interface FusedNeuron {
  threshold: number;
  /** Share of the potential kept per step, 1 - 1/tau. */
  keep: number;
  /** Share of the input taken: 1, or 1/tau with decayInput. */
  rate: number;
}

/** Null where the operators do not apply: a soft reset, or another neuron than IF and LIF. Parameters are shared by the layer in all of ours. */
export function fusedNeuron({ kind, options }: StepNeuron): FusedNeuron | null {
  const { vReset, decayInput } = options as { vReset?: number | null; decayInput?: boolean };
  if ((kind !== "IFNode" && kind !== "LIFNode") || vReset !== 0) return null;
  const { params, paramNames } = variantOf(kind, options, "half");
  const number = (name: string) => params[paramNames.indexOf(name)];
  return {
    threshold: number("vThreshold")!,
    keep: kind === "LIFNode" ? number("keep")! : 1,
    rate: kind === "LIFNode" && decayInput ? number("rate")! : 1,
  };
}

/** The statements between load and save. */
export function fusedStatements(neuron: StepNeuron, fused: FusedNeuron, names: PythonNames): string[] {
  const [state, spikes] = [names.variable(neuron.states[0]!), names.variable(neuron.spikes)];
  const [potential, below] = [names.fresh(`${neuron.layer}_potential`), names.fresh(`${neuron.layer}_below`)];
  const input = names.read(neuron.input);
  return [
    `${potential} = ${fused.rate === 1 ? input : `${input} * ${literal(fused.rate)}`} + ${state}`,
    `${below} = self.below(${literal(fused.threshold)}, ${literal(float16Below(fused.threshold))})`,
    `${spikes} = compare_and_fire(${potential}, ${below})`,
    `${state} = reset_with_decay(${potential}, ${below}, 0.0, ${literal(fused.keep)}, 0.0)`,
  ];
}

/** Where the graph holds the potentials that the fused operators compare. */
export function fusedPotentials({ model, layers, step }: Lowering): { layer: string; value: string }[] {
  const fused = (step?.neurons ?? []).filter((neuron) => fusedNeuron(neuron) !== null);
  return fused.flatMap(({ layer, spikes }) => {
    const names = new Set(layers.filter(({ neuron }) => neuron?.spikes === spikes).flatMap(({ nodes }) => nodes));
    const compared = model.nodes.find(({ name, op }) => names.has(name) && COMPARISONS.has(op));
    return compared ? [{ layer, value: compared.inputs[0]! }] : [];
  });
}

const COMPARISONS: ReadonlySet<string> = new Set(["GreaterOrEqual", "Less"]);

/** The line above a neuron in the module's text. */
export function neuronComment({ layer, kind }: StepNeuron, fused: FusedNeuron | null): string {
  return fused
    ? `# ${quoted(layer)}: ${kind}, fires at ${literal(fused.threshold)}; the state is stored times ${literal(fused.keep)}`
    : `# ${quoted(layer)}: ${kind}`;
}
