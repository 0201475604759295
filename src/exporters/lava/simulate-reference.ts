/**
 * Lava's fixed-point simulation of a `.net` file, sample by sample and layer by layer in whole numbers: slow, and plain enough to be read
 * as the definition. `simulate` gives the same numbers faster. In every step a neuron receives what its synapse summed in the step before.
 */
import { sizeOf } from "../../core/index.ts";
import type { Plan } from "./blocks.ts";
import { makeNeurons, type RegisterEvents } from "./chip-neurons.ts";
import type { NetFile } from "./net-file.ts";
import { activationOf } from "./plain-synapse.ts";
import { latencyOf, planNet } from "./plan.ts";
import { collectEvents, framesOf, inputSequence, type Run, resetsAt, resultOf, runOf } from "./run.ts";
import type { SimulationInput, SimulationOptions, SimulationResult } from "./simulation.ts";

/** @throws TARGET when Lava's loader cannot run the file, SHAPE or VALUE for an input that does not fit, OPTION for arguments. */
export function simulateReference(
  net: NetFile,
  input: SimulationInput,
  options: SimulationOptions = {},
): SimulationResult {
  const plan = planNet(net, options);
  const run = runOf(plan, framesOf(plan, input), options);
  const outputs = plan.blocks.map(
    ({ outputShape }) => new Int32Array(run.steps * run.frames.samples * sizeOf(outputShape)),
  );
  const events = collectEvents(plan);
  for (let sample = 0; sample < run.frames.samples; sample++) runSample(plan, run, sample, outputs, events.of);
  return resultOf(plan, run, outputs, events.findings());
}

function runSample(
  plan: Plan,
  run: Run,
  sample: number,
  outputs: Int32Array[],
  events: (block: number) => RegisterEvents,
): void {
  const answered = run.frames.steps + run.extraSteps;
  let sequence = inputSequence(run, sample, run.steps);
  plan.blocks.forEach((block, index) => {
    const features = sizeOf(block.outputShape);
    const neurons = makeNeurons(block.neuron, features, 1, events(index));
    const own = new Int32Array(run.steps * features);
    const latency = latencyOf(plan, index);
    for (let step = 0; step < run.steps; step++) {
      if (resetsAt(run, index, step)) neurons.reset();
      neurons.counting = step >= latency && step < latency + answered;
      const spikes = own.subarray(step * features, (step + 1) * features);
      const inputStep = block.synapse.kind === "none" ? step : step - 1;
      neurons.step(activationOf(block, { inputs: sequence, inputStep, own, ownStep: step - 1 }), spikes);
      outputs[index]!.set(spikes, (step * run.frames.samples + sample) * features);
    }
    sequence = own;
  });
}
