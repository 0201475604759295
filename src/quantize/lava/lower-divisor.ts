/**
 * The divisor 2^k of a WgtScaleBatchNorm on a chip that has none (Lava's loader ignores the exponent that Lava DL writes): the threshold
 * times 2^k, which is the same where nothing rounds between current and voltage, else weights and biases times 2^-k, else a refusal.
 */
import type { GraphNode, Layer } from "../../model/index.ts";
import type { CubaOptions } from "./neuron.ts";
import { weightExponent, wgtScaleBatchNormDefinition } from "./norm.ts";
import { refuse } from "./refusal.ts";
import { BIAS_MAX, BIAS_MIN, THRESHOLD_MAX, WEIGHT_MAX, WEIGHT_MIN } from "./weights.ts";

export interface LoweredDivisor {
  neuron: CubaOptions;
  biases: Float32Array;
  notes: string[];
}

/** `biases`: of the norm, per channel; `synapse`: whose weights grow where the threshold cannot shrink. @throws TARGET */
export function lowerDivisor(
  norm: Layer,
  neuron: CubaOptions,
  biases: Float32Array,
  synapse: GraphNode,
): LoweredDivisor {
  const exponent =
    norm.kind === wgtScaleBatchNormDefinition.kind ? weightExponent(norm as Parameters<typeof weightExponent>[0]) : 0;
  if (exponent === 0) return { neuron, biases, notes: [] };
  expectNoRounding(norm, neuron, exponent);
  const steps = Math.trunc((neuron.vThreshold as number) * neuron.scale);
  const raised = steps * 2 ** exponent;
  if (Number.isInteger(raised) && raised <= THRESHOLD_MAX) {
    const notes = [`norm's divisor 2^${exponent} moved into the threshold, ${steps} to ${raised} weight steps: exact`];
    return { neuron: { ...neuron, vThreshold: raised / neuron.scale }, biases, notes };
  }
  const factor = 2 ** -exponent;
  const grown = biases.map((bias) => bias * factor);
  if (exponent > 0 || !growWeights(synapse, factor, neuron.scale) || !fits(grown, BIAS_MIN, BIAS_MAX, neuron.scale)) {
    const hint = "Neither the threshold nor the weights hold it: train with MeanOnlyBatchNorm.";
    return refuse(norm, "a divisor that threshold or weights can take up", `2^${exponent}`, hint);
  }
  return {
    neuron,
    biases: grown,
    notes: [`norm's divisor 2^${exponent} moved into the weights, times ${factor}: exact`],
  };
}

/** The current without memory, the voltage without a leak or without memory: then all that arrives is whole and stays so. */
function expectNoRounding(norm: Layer, { currentDecay, voltageDecay }: CubaOptions, exponent: number): void {
  if (currentDecay === 1 && (voltageDecay === 0 || voltageDecay === 1)) return;
  const hint =
    "Lava's loader ignores the exponent that Lava DL writes, and with a leak the threshold cannot take it up exactly: train with MeanOnlyBatchNorm, or with currentDecay 1 and voltageDecay 0.";
  refuse(norm, "a divisor of 1 (2^0)", `2^${exponent}`, hint);
}

const fits = (values: Float32Array, low: number, high: number, scale: number): boolean =>
  values.every((value) => value * scale >= low && value * scale <= high);

/** Multiplies the weights of a synapse where they stay in range. */
function growWeights(node: GraphNode, factor: number, scale: number): boolean {
  if (node.kind !== "conv" && node.kind !== "linear") return false;
  const data = node.weight.data.map((weight) => weight * factor);
  if (!fits(data, WEIGHT_MIN, WEIGHT_MAX, scale)) return false;
  node.weight = { ...node.weight, data };
  return true;
}
