/**
 * Lava's fixed-point simulation of a `.net` file on the native core: whole sequences of many samples go through a layer at once, since
 * without recurrence the latency is bookkeeping. Gives the numbers of `simulateReference`, to which it hands what it cannot do exactly:
 * sigma-delta networks, and biases that act before the first frame.
 */
import { sizeOf } from "../../core/index.ts";
import { devices } from "../../kernels/index.ts";
import { noGrad, scope, type Tensor, withDevice } from "../../tensor/index.ts";
import type { Plan } from "./chip/blocks.ts";
import { latencyOf, planNet } from "./chip/plan.ts";
import { type Chunk, type ChunkInputs, chunkInputs } from "./emulation/chunk-inputs.ts";
import { type BlockRunner, makeBlockRunner } from "./emulation/fast-block.ts";
import { alignedOffset, collectEvents, framesOf, type Run, resultOf, runOf } from "./emulation/run.ts";
import { checkRun } from "./emulation/run-rules.ts";
import { simulateReference } from "./emulation/simulate-reference.ts";
import type { SimulationInput, SimulationOptions, SimulationResult } from "./emulation/simulation.ts";
import type { NetFile } from "./net/net-file.ts";

/** Most numbers of one layer that are held at once: 16 MB on the CPU; on a device 256 MB, since only many samples at once keep it busy. */
const CHUNK_NUMBERS = { cpu: 2 ** 22, device: 2 ** 26 };

/** Messages travel as float32, which holds whole numbers up to here. */
const LARGEST_FLOAT32 = 2 ** 24;

/**
 * The answers of a network to `[T, N, ...]`, the same on every device.
 * @throws TARGET when Lava's loader cannot run the file, SHAPE or VALUE for an input that does not fit, OPTION for arguments.
 */
export function simulate(
  net: NetFile,
  input: SimulationInput,
  options: SimulationOptions = {},
  plan: Plan = planNet(net, options),
): SimulationResult {
  const simulated = () => simulateHere(net, input, options, plan);
  return options.device === undefined ? simulated() : withDevice(options.device, simulated);
}

function simulateHere(net: NetFile, input: SimulationInput, options: SimulationOptions, plan: Plan): SimulationResult {
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
  const inputs = chunkInputs(run, steps, plan.blocks[0]!);
  const { chunkNumbers = CHUNK_NUMBERS[devices().current === "cpu" ? "cpu" : "device"] } = options;
  const size = Math.max(1, Math.floor(chunkNumbers / (steps * widest(plan))));
  const waiting: Answers[] = [];
  const storeFirst = () => {
    const [{ chunk, blocks }] = waiting as [Answers];
    storeAnswers(chunk, blocks, outputs, plan, run);
    waiting.shift();
    options.onProgress?.(chunk.start + chunk.count, samples);
  };
  try {
    for (let start = 0; start < samples; start += size) {
      const chunk = { start, count: Math.min(size, samples - start), steps };
      waiting.push(runChunk(runners, inputs, chunk, recorded));
      // a device computes this chunk while the numbers of the one before are put to their places
      if (waiting.length > 1) storeFirst();
    }
    while (waiting.length > 0) storeFirst();
  } finally {
    for (const { blocks } of waiting) for (const { spikes } of blocks) spikes.dispose();
    inputs.dispose();
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

/** What the recorded blocks gave for a chunk, `[steps * count, ...]`. */
interface Answers {
  chunk: Chunk;
  blocks: { block: number; spikes: Tensor }[];
}

function runChunk(
  runners: readonly BlockRunner[],
  inputs: ChunkInputs,
  chunk: Chunk,
  recorded: readonly boolean[],
): Answers {
  return noGrad(() =>
    scope(() => {
      const blocks: Answers["blocks"] = [];
      let sequence = inputs.of(chunk);
      runners.forEach((runner, block) => {
        const spikes = runner.run(sequence, chunk.count);
        sequence.dispose();
        sequence = spikes;
        if (recorded[block]) blocks.push({ block, spikes: spikes.share() });
      });
      sequence.dispose();
      return { chunk, blocks };
    }),
  );
}

/** Puts `[steps, count, features]` to their places in `[run.steps, samples, features]`, behind the layers' latency. */
function storeAnswers(
  { start, count, steps }: Chunk,
  blocks: Answers["blocks"],
  outputs: readonly Int32Array[],
  plan: Plan,
  run: Run,
): void {
  for (const { block, spikes } of blocks) {
    const numbers = spikes.toArray();
    spikes.dispose();
    const features = sizeOf(plan.blocks[block]!.outputShape);
    const latency = latencyOf(plan, block);
    for (let step = 0; step < Math.min(steps, run.steps - latency); step++) {
      const target = ((step + latency) * run.frames.samples + start) * features;
      outputs[block]!.set(numbers.subarray(step * count * features, (step + 1) * count * features), target);
    }
  }
}
