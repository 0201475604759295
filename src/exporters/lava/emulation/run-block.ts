/** One block of a network step by step for one sample, in whole numbers; whoever wants to may look on at every step. */
import { sizeOf } from "../../../core/index.ts";
import type { Plan } from "../chip/blocks.ts";
import { type ChipNeurons, makeNeurons, type RegisterEvents } from "../chip/neurons/index.ts";
import { activationOf } from "../chip/plain-synapse.ts";
import { latencyOf } from "../chip/plan.ts";
import { type Run, resetsAt } from "./run.ts";

/** A step that was just made. */
export interface StepView {
  /** From the start of the simulation. */
  step: number;
  /** True when the neurons were reset before this step. */
  reset: boolean;
  activation: ArrayLike<number>;
  neurons: ChipNeurons;
  spikes: Int32Array;
}

/** Spikes `[run.steps, features]` of block `index`, whose predecessor sent `sequence`, `[run.steps, ...]`. */
export function runBlock(
  plan: Plan,
  run: Run,
  index: number,
  sequence: Int32Array,
  events: RegisterEvents,
  onStep?: (view: StepView) => void,
): Int32Array {
  const block = plan.blocks[index]!;
  const features = sizeOf(block.outputShape);
  const neurons = makeNeurons(block.neuron, features, 1, events);
  const own = new Int32Array(run.steps * features);
  const latency = latencyOf(plan, index);
  const answered = run.frames.steps + run.extraSteps;
  for (let step = 0; step < run.steps; step++) {
    const reset = resetsAt(run, index, step);
    if (reset) neurons.reset();
    neurons.counting = step >= latency && step < latency + answered;
    const spikes = own.subarray(step * features, (step + 1) * features);
    const inputStep = block.synapse.kind === "none" ? step : step - 1;
    const activation = activationOf(block, {
      inputs: sequence,
      inputStep,
      own,
      ownStep: step - 1,
      events: neurons.counting ? events : null,
    });
    neurons.step(activation, spikes);
    onStep?.({ step, reset, activation, neurons, spikes });
  }
  return own;
}
