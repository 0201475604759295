/**
 * What goes on inside chosen layers of a `.net` file while it runs: sums of the synapses, currents, voltages, spikes. The network runs on
 * the fast simulator; only the chosen layers are gone through again step by step.
 */
import { fail, formatShape, sizeOf } from "../../../core/index.ts";
import type { Plan } from "../chip/blocks.ts";
import { type NeuronModel, noEvents } from "../chip/neurons/index.ts";
import { planNet } from "../chip/plan.ts";
import type { NetFile } from "../net/net-file.ts";
import { simulate } from "../simulate.ts";
import { framesOf, inputSequence, keptSteps, type Run, runOf } from "./run.ts";
import { runBlock, type StepView } from "./run-block.ts";
import type { SimulationInput, SimulationOptions } from "./simulation.ts";

/**
 * One layer's registers over a run, each `[steps, N, ...]` in C,H,W order, in state units (64 of them are a weight step).
 * `cuba`: current, voltage; `phase` and `izhikevich`: real, imaginary; sigma-delta models: sum, activation, residue. Voltages stand as
 * they were compared with the threshold; where the neuron fired, it went on from its reset.
 */
export interface RecordedLayer {
  /** Number of the layer in the file. */
  layer: number;
  model: NeuronModel;
  shape: number[];
  /** Sums that the synapses delivered, weight steps (times payload); those into the imaginary part of resonators beside. */
  activation: Int32Array;
  imaginaryActivation: Int32Array | null;
  states: Record<string, Int32Array>;
  spikes: Int32Array;
  /** Steps, of those in `shape`, before which the neurons were reset. */
  resets: number[];
}

/**
 * Registers of the layers with these numbers in the file. `options.record`: "raw" for every step from the start, else the answers to the
 * frames.
 * @throws OPTION for a layer that has no neurons, and what `simulate` throws.
 */
export function recordStates(
  net: NetFile,
  input: SimulationInput,
  options: SimulationOptions,
  layers: readonly number[],
  plan: Plan = planNet(net, options),
): RecordedLayer[] {
  const run = runOf(plan, framesOf(plan, input), options);
  const indices = layers.map((layer) => blockOf(plan, layer));
  const { layers: spikes } = simulate(net, input, { ...options, record: "raw" }, plan);
  return indices.map((index) => recordBlock(plan, run, index, index === 0 ? null : spikes[index - 1]!.data));
}

function blockOf(plan: Plan, layer: number): number {
  const index = plan.blocks.findIndex((block) => block.layer === layer);
  if (index >= 0) return index;
  const numbers = plan.blocks.map((block) => block.layer).join(", ");
  return fail("OPTION", { where: "layer to record", expected: `one with neurons: ${numbers}`, got: `${layer}` });
}

/** `before`: what the block before it sent, `[run.steps, N, ...]`; null for the first. */
function recordBlock(plan: Plan, run: Run, index: number, before: Int32Array | null): RecordedLayer {
  const { layer, neuron, inputShape, outputShape } = plan.blocks[index]!;
  const { samples } = run.frames;
  const { start, steps } = keptSteps(plan, run, index);
  const features = sizeOf(outputShape);
  const shape = [steps, samples, ...outputShape];
  const empty = () => allocate(shape);
  const recorded: RecordedLayer = {
    layer,
    model: neuron.model,
    shape,
    activation: empty(),
    imaginaryActivation: neuron.model === "phase" || neuron.model === "izhikevich" ? empty() : null,
    states: {},
    spikes: empty(),
    resets: [],
  };
  for (let sample = 0; sample < samples; sample++) {
    const sequence = before
      ? sampleOf(before, sample, samples, sizeOf(inputShape))
      : inputSequence(run, sample, run.steps);
    runBlock(plan, run, index, sequence, noEvents(), (view) => {
      const step = view.step - start;
      if (step < 0 || step >= steps) return;
      if (view.reset && sample === 0) recorded.resets.push(step);
      keep(recorded, view, (step * samples + sample) * features, features, empty);
    });
  }
  return recorded;
}

/** Most numbers of one register that are held: 1 GB. */
const MOST_NUMBERS = 2 ** 28;

function allocate(shape: readonly number[]): Int32Array {
  const size = sizeOf([...shape]);
  if (size <= MOST_NUMBERS) return new Int32Array(size);
  const hint = "Record fewer steps or samples at once.";
  return fail("OPTION", {
    where: "recording",
    expected: `at most ${MOST_NUMBERS} numbers`,
    got: formatShape(shape),
    hint,
  });
}

function keep(recorded: RecordedLayer, view: StepView, at: number, features: number, empty: () => Int32Array): void {
  for (let i = 0; i < features; i++) recorded.activation[at + i] = view.activation[i]!;
  if (recorded.imaginaryActivation) {
    for (let i = 0; i < features; i++) recorded.imaginaryActivation[at + i] = view.activation[features + i]!;
  }
  recorded.spikes.set(view.spikes, at);
  for (const [name, values] of Object.entries(view.neurons.states())) {
    recorded.states[name] ??= empty();
    recorded.states[name].set(values, at);
  }
}

/** One sample of `[steps, samples, size]` as `[steps, size]`. */
function sampleOf(sequence: Int32Array, sample: number, samples: number, size: number): Int32Array {
  const steps = sequence.length / (samples * size);
  const own = new Int32Array(steps * size);
  for (let step = 0; step < steps; step++) {
    const from = (step * samples + sample) * size;
    own.set(sequence.subarray(from, from + size), step * size);
  }
  return own;
}
