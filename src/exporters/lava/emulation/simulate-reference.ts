/**
 * Lava's fixed-point simulation of a `.net` file, sample by sample and layer by layer in whole numbers: slow, and plain enough to be read
 * as the definition. `simulate` gives the same numbers faster. In every step a neuron receives what its synapse summed in the step before.
 */
import { sizeOf } from "../../../core/index.ts";
import type { Plan } from "../chip/blocks.ts";
import type { RegisterEvents } from "../chip/neurons/index.ts";
import { planNet } from "../chip/plan.ts";
import type { NetFile } from "../net/net-file.ts";
import { collectEvents, expectHeld, framesOf, inputSequence, type Run, resultOf, runOf } from "./run.ts";
import { runBlock } from "./run-block.ts";
import { checkRun, payloadWidth } from "./run-rules.ts";
import type { SimulationInput, SimulationOptions, SimulationResult } from "./simulation.ts";

/** @throws TARGET when Lava's loader cannot run the file, SHAPE or VALUE for an input that does not fit, OPTION for arguments. */
export function simulateReference(
  net: NetFile,
  input: SimulationInput,
  options: SimulationOptions = {},
): SimulationResult {
  const plan = planNet(net, options);
  const run = runOf(plan, framesOf(plan, input), options);
  // every layer is kept, whatever is recorded
  expectHeld(plan, run.steps, run.frames.samples);
  const outputs = plan.blocks.map(
    ({ outputShape }) => new Int32Array(run.steps * run.frames.samples * sizeOf(outputShape)),
  );
  const events = collectEvents(plan);
  for (let sample = 0; sample < run.frames.samples; sample++) runSample(plan, run, sample, outputs, events.of);
  return resultOf(plan, run, outputs, [...checkRun(plan, run), ...payloadWidth(plan, outputs), ...events.findings()]);
}

function runSample(
  plan: Plan,
  run: Run,
  sample: number,
  outputs: Int32Array[],
  events: (block: number) => RegisterEvents,
): void {
  const { samples } = run.frames;
  let sequence = inputSequence(run, sample, run.steps);
  plan.blocks.forEach(({ outputShape }, index) => {
    const features = sizeOf(outputShape);
    sequence = runBlock(plan, run, index, sequence, events(index));
    for (let step = 0; step < run.steps; step++) {
      const spikes = sequence.subarray(step * features, (step + 1) * features);
      outputs[index]!.set(spikes, (step * samples + sample) * features);
    }
  });
}
