/**
 * Sigma-delta neurons in training: they send changes of their activation, and their receivers add the changes up. The chip's integers are
 * in `exporters/lava`.
 */
import { z } from "zod";
import { positiveInteger } from "../../../core/index.ts";
import { type Layer, type LayerDefinition, layerFactory, type ParameterSpec } from "../../../model/index.ts";
import {
  abs,
  add,
  floor,
  greaterEqual,
  mul,
  record,
  relu,
  reshape,
  scale,
  stack,
  sub,
  Tensor,
  unstack,
} from "../../../tensor/index.ts";
import { refuse } from "../refusal.ts";

/** Steps of a message in one unit: a payload has six bits fewer than a state. */
const MESSAGE_STEPS = 4096;

const options = z.strictObject({
  part: z
    .enum(["delta", "sigmaDelta", "sigma"])
    .default("sigmaDelta")
    .describe("delta: only sends changes (input); sigma: only adds them up (output); sigmaDelta: adds up, ReLU, sends"),
  threshold: z.number().min(0).default(0.1).describe("a change is sent from this size on; cut to whole weight steps"),
  scale: z.int().min(1).default(64).describe("weight steps per unit"),
  reference: z
    .enum(["chip", "slayer"])
    .default("chip")
    .describe("gradient: chip, the derivative; slayer, as if every change were sent when it occurs"),
  channels: positiveInteger
    .optional()
    .describe("a learned bias for each of so many channels; none when it is not given"),
});
export type SigmaDeltaOptions = z.infer<typeof options>;

/**
 * x `[T, N, C, ...]`. sigma' = sigma + x; act = max(sigma' + bias, 0); d = act - act_before + residue; it sends d where |d| >= threshold,
 * cut down to whole message steps of 1/4096, and keeps the rest as residue (what the cut drops is lost). States `sigma`, `activation` and
 * `residue` last until `resetNet`. Gradient: the derivative, to which the choice of what is sent and the cut are constant; by the reference
 * slayer that of act - act_before. Source: Lava DL, neuron/sigma_delta and axon/delta; Lava's fixed-point sigma-delta models.
 */
export const sigmaDeltaDefinition: LayerDefinition<SigmaDeltaOptions, z.input<typeof options>> = {
  kind: "SigmaDelta",
  summary: "sends the changes of a rectified sum",
  options,
  sendsNumbers: true,
  sees: "sequence",
  rounds: false,
  shape: (input) => input,
  parameters: ({ channels }): Record<string, ParameterSpec> =>
    channels === undefined ? {} : { bias: { shape: [channels], init: "zeros" } },
  forward(x, layer, context) {
    const bias = layer.parameter("bias", context);
    const outputs = unstack(x).map((now) => step(now, layer, bias));
    return stack(outputs);
  },
  lower(layer) {
    const hint = "Give it to a SigmaDeltaBlock, which rounds weights and inputs to the chip's numbers.";
    return refuse(layer, "a sigma-delta neuron inside a block", "one of its own", hint);
  },
};

function step(x: Tensor, layer: Layer<SigmaDeltaOptions>, bias: Tensor | null): Tensor {
  const { part, threshold, scale: weightSteps, reference } = layer.options;
  const isSlayer = reference === "slayer";
  const state = (name: string) => layer.state.get(name) ?? Tensor.zeros(x.shape);
  const sum = part === "delta" ? x : add(state("sigma"), x);
  if (part !== "delta") layer.remember("sigma", sum.share());
  if (part === "sigma") return sum;
  const activation =
    part === "delta" ? x : relu(bias ? add(sum, reshape(bias, [-1, ...sum.shape.slice(2).map(() => 1)])) : sum);
  const change = add(sub(activation, state("activation")), state("residue"));
  const limit = Math.trunc(threshold * weightSteps) / weightSteps;
  const isSent = greaterEqual(abs(change.detach()), limit);
  const sent = isSlayer ? straightThrough(mul(change.detach(), isSent), change) : mul(change, isSent);
  layer.remember("activation", activation.share());
  layer.remember("residue", isSlayer ? sub(change, sent).detach() : sub(change, sent));
  return scale(floor(scale(sent, MESSAGE_STEPS)), 1 / MESSAGE_STEPS);
}

/** One tensor's values with another's gradient. */
function straightThrough(values: Tensor, gradientOf: Tensor): Tensor {
  return record("straightThrough", [gradientOf], values, [], (grad) => [grad]);
}

export const SigmaDelta = layerFactory(sigmaDeltaDefinition);
