/**
 * Lava's fixed-point simulation of a `.net` file on the native core: whole sequences of many samples go through a layer at once, since
 * without recurrence the latency is bookkeeping. Gives the numbers of `simulateReference`, to which it hands what it cannot do exactly:
 * sigma-delta networks, and biases that act before the first frame.
 */
import { sizeOf } from "../../core/index.ts";
import { noGrad, scope, Tensor } from "../../tensor/index.ts";
import type { Plan } from "./blocks.ts";
import { type BlockRunner, makeBlockRunner } from "./fast-block.ts";
import type { NetFile } from "./net-file.ts";
import { latencyOf, planNet } from "./plan.ts";
import { alignedOffset, collectEvents, frameAt, framesOf, type Run, resultOf, runOf } from "./run.ts";
import { checkRun } from "./run-rules.ts";
import { simulateReference } from "./simulate-reference.ts";
import type { SimulationInput, SimulationOptions, SimulationResult } from "./simulation.ts";

/** Most numbers of one layer that are held at once: 16 MB. */
const CHUNK_NUMBERS = 2 ** 22;

/** Messages travel as float32, which holds whole numbers up to here. */
const LARGEST_FLOAT32 = 2 ** 24;

/**
 * The answers of a network to `[T, N, ...]`.
 * @throws TARGET when Lava's loader cannot run the file, SHAPE or VALUE for an input that does not fit, OPTION for arguments.
 */
export function simulate(
  net: NetFile,
  input: SimulationInput,
  options: SimulationOptions = {},
  plan: Plan = planNet(net, options),
): SimulationResult {
  const run = runOf(plan, framesOf(plan, input), options);
  const { largest } = run.frames;
  if (!startsTogether(plan, run) || largest > LARGEST_FLOAT32) return simulateReference(net, input, options);
  const { samples } = run.frames;
  const last = plan.blocks.length - 1;
  // in their own time all layers answer the same frames; recorded from the start, the first ones run on while the last still waits
  const steps = run.record === "raw" ? run.steps - latencyOf(plan, 0) : run.frames.steps + run.extraSteps;
  const recorded = plan.blocks.map((_, block) => run.record !== "none" || block === last);
  const outputs = plan.blocks.map(
    ({ outputShape }, block) => new Int32Array(recorded[block] ? run.steps * samples * sizeOf(outputShape) : 0),
  );
  const events = collectEvents(plan);
  const facts = { steps, resetInterval: run.reset?.interval ?? null, countedSteps: run.frames.steps + run.extraSteps };
  const runners = plan.blocks.map((block, i) =>
    makeBlockRunner(block, { ...facts, largestInput: block.gradedInput ? largest : 1, events: events.of(i) }),
  );
  const chunk = Math.max(1, Math.floor(CHUNK_NUMBERS / (steps * widest(plan))));
  try {
    for (let start = 0; start < samples; start += chunk) {
      const count = Math.min(chunk, samples - start);
      runChunk(runners, plan, run, { start, count, steps }, (block, spikes) => {
        if (recorded[block])
          store(outputs[block]!, spikes.toArray() as Float32Array, { plan, run, block, start, count, steps });
      });
      options.onProgress?.(start + count, samples);
    }
  } finally {
    for (const runner of runners) runner.dispose();
  }
  return resultOf(plan, run, outputs, [...checkRun(plan, run), ...events.findings()]);
}

/** True when nothing happens in a layer before its first frame arrives, or a reset forgets it. */
function startsTogether(plan: Plan, run: Run): boolean {
  const cuba = plan.blocks.every(({ neuron }) => neuron.model === "cuba");
  const silent = plan.blocks.every(({ neuron }) => neuron.bias.every((bias) => bias === 0) && neuron.threshold >= 0);
  const { reset } = run;
  const aligned = reset === null || (reset.offset - alignedOffset(plan)) % reset.interval === 0;
  // a reset leaves alone what is already under way in recurrent and delayed synapses
  const forgets =
    reset !== null &&
    run.record !== "raw" &&
    plan.blocks.every(({ synapse }) => synapse.kind !== "dense" || !(synapse.recurrent || synapse.delays));
  return cuba && aligned && (silent || forgets);
}

function widest(plan: Plan): number {
  return Math.max(
    ...plan.blocks.map(({ inputShape, outputShape }) => Math.max(sizeOf(inputShape), sizeOf(outputShape))),
  );
}

interface Chunk {
  start: number;
  count: number;
  steps: number;
}

function runChunk(
  runners: BlockRunner[],
  plan: Plan,
  run: Run,
  chunk: Chunk,
  onBlock: (block: number, spikes: Tensor) => void,
): void {
  const first = plan.blocks[0]!;
  noGrad(() =>
    scope(() => {
      let sequence = inputTensor(run, chunk, first.inputShape, first.gradedInput);
      runners.forEach((runner, block) => {
        const spikes = runner.run(sequence, chunk.count);
        sequence.dispose();
        sequence = spikes;
        onBlock(block, spikes);
      });
      sequence.dispose();
    }),
  );
}

/** `[steps * samples, ...]` of some samples; without payloads everything but 0 is a spike. */
function inputTensor(run: Run, { start, count, steps }: Chunk, shape: number[], graded: boolean): Tensor {
  const size = count * run.frames.features;
  const data = new Float32Array(steps * size);
  for (let step = 0; step < steps; step++) {
    const frame = frameAt(run, step, start, count);
    if (!frame) break;
    if (graded) data.set(frame, step * size);
    else for (let i = 0; i < size; i++) if (frame[i] !== 0) data[step * size + i] = 1;
  }
  return Tensor.from(data, [steps * count, ...shape]);
}

/** Puts `[steps, count, features]` to its place in `[run.steps, samples, features]`, behind the layer's latency. */
function store(
  output: Int32Array,
  spikes: Float32Array,
  at: { plan: Plan; run: Run; block: number; start: number; count: number; steps: number },
): void {
  const { plan, run, block, start, count, steps } = at;
  const features = sizeOf(plan.blocks[block]!.outputShape);
  const latency = latencyOf(plan, block);
  for (let step = 0; step < Math.min(steps, run.steps - latency); step++) {
    const target = ((step + latency) * run.frames.samples + start) * features;
    output.set(spikes.subarray(step * count * features, (step + 1) * count * features), target);
  }
}
