/**
 * Design rules about one run of a `.net` file: resets, frames that are aligned with them, width of messages. One named function each.
 * They need what a file does not say: the loader's arguments and the input.
 */
import type { Finding } from "../../target.ts";
import type { Plan } from "../chip/blocks.ts";
import { placeOf } from "../net/net-file.ts";
import { alignedOffset, type Run } from "./run.ts";

const LOADER = "lava-dl netx/hdf5.py";
const NETWORK = "/layer";

export type RunRule = (plan: Plan, run: Run) => Finding[];

const warning = (rule: string, place: string, message: string, source: string, rewrite: string): Finding => ({
  rule: `loihi/${rule}`,
  severity: "warning",
  place,
  message,
  source,
  rewrite,
});

export const resetAlignment: RunRule = (plan, { reset }) => {
  if (!reset) return [];
  const aligned = alignedOffset(plan);
  const early = (((aligned - reset.offset) % reset.interval) + reset.interval) % reset.interval;
  if (early === 0) return [];
  const message = `Every reset falls ${early} of ${reset.interval} steps before the first frame of a sample.`;
  const rewrite = `Use reset_offset ${aligned}.`;
  return [warning("reset-alignment", NETWORK, message, `${LOADER}; discrepancy 20`, rewrite)];
};

export const resetInterval: RunRule = (_, { reset }) => {
  if (!reset || Number.isInteger(Math.log2(reset.interval))) return [];
  const message = `A reset interval of ${reset.interval} steps runs here; Loihi 2 takes powers of two, what Loihi 1 takes is unknown.`;
  const source = "comment in lava-dl's netx MNIST tutorial";
  return [warning("reset-interval", NETWORK, message, source, "Use the next power of two and wait between samples.")];
};

/** Sigma-delta neurons and resonators keep their state. */
export const ignoredReset: RunRule = ({ blocks }, { reset }) =>
  blocks
    .filter(({ neuron }) => reset !== null && neuron.model !== "cuba")
    .map(({ layer, neuron }) => {
      const message = `The neurons of this layer (${neuron.model}) ignore resets: a sample begins in the state that the one before it left.`;
      return warning("ignored-reset", placeOf(layer), message, LOADER, "Load the file anew for each sample.");
    });

export const earlyBias: RunRule = ({ blocks }, { reset }) =>
  blocks
    .filter(({ neuron }) => reset === null && neuron.model === "cuba" && acts(neuron.bias))
    .map(({ layer }) => {
      const message = "Without a reset the biases act from the first step, before the first frame arrives.";
      const rewrite = "Run with a reset interval of at least the steps of a sample.";
      return warning("early-bias", placeOf(layer), message, `${LOADER}; discrepancy 19`, rewrite);
    });

const acts = (bias: Int32Array): boolean => bias.some((value) => value !== 0);

/** A binary message is 1 whatever was sent. */
export const messageWidth: RunRule = ({ blocks }, { frames }) => {
  const [first] = blocks;
  if (!first || first.gradedInput) return [];
  const { payloads: count } = frames;
  const message = `${count} numbers of the input are neither 0 nor 1; without message bits each counts as one spike.`;
  const rewrite = "Send spikes, or set input_message_bits.";
  return count === 0 ? [] : [warning("message-width", placeOf(first.layer), message, LOADER, rewrite)];
};

/** Sigma-delta neurons send 16 bits with sign; the simulation sends whatever it has. */
const PAYLOAD_MAX = 2 ** 15;

/** What was sent between layers, `outputs` of every block. The last layer's sums are read, not sent. */
export function payloadWidth({ blocks }: Plan, outputs: readonly Int32Array[]): Finding[] {
  return blocks.slice(0, -1).flatMap(({ layer }, index) => {
    let count = 0;
    for (const value of outputs[index]!) if (value >= PAYLOAD_MAX || value < -PAYLOAD_MAX) count++;
    const message = `${count} messages of this layer need more than the 16 bits that Lava declares for them; the simulation sends them as they are.`;
    const rewrite = "Use a smaller spike_exp, or smaller activations.";
    return count === 0 ? [] : [warning("payload-width", placeOf(layer), message, LOADER, rewrite)];
  });
}

export const runRules: readonly RunRule[] = [resetAlignment, resetInterval, ignoredReset, earlyBias, messageWidth];

export const checkRun = (plan: Plan, run: Run): Finding[] => runRules.flatMap((rule) => rule(plan, run));
