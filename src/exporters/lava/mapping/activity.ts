/** What a run with real data costs: spikes, rates and synaptic operations of each layer, counted, not estimated. */
import { sizeOf } from "../../../core/index.ts";
import type { ChipInput } from "../../target.ts";
import type { Plan } from "../chip/blocks.ts";
import { latencyOf } from "../chip/plan.ts";
import type { SimulatedLayer } from "../emulation/simulation.ts";
import type { NetFile } from "../net/net-file.ts";
import { simulate } from "../simulate.ts";
import { fanOut, neuronCount, type Reach } from "./reach.ts";

/** Means over the samples. */
export interface LayerActivity {
  /** Spikes (messages that are not 0) of the layer's neurons in one inference. */
  spikes: number;
  /** Spikes per neuron and step. */
  rate: number;
  /** Weights that arriving spikes touch in one inference. */
  synapticOperations: number;
  /** Neurons times steps. */
  neuronUpdates: number;
}

export interface Activity {
  samples: number;
  steps: number;
  /** Steps from the first frame in to the last answer out. */
  stepsToAnswer: number;
  inputSpikes: number;
  inputRate: number;
  layers: LayerActivity[];
}

interface Counts {
  spikes: number;
  operations: number;
}

/**
 * Runs the file on batches of `[T, N, ...]`, all of the same T.
 * @throws SHAPE or VALUE for an input that does not fit, as the simulation does. null when there is no batch.
 */
export function measureActivity(
  net: NetFile,
  plan: Plan,
  reaches: readonly Reach[],
  batches: Iterable<ChipInput>,
): Activity | null {
  const counts: Counts[] = plan.blocks.map(() => ({ spikes: 0, operations: 0 }));
  let inputSpikes = 0;
  let samples = 0;
  let steps = 0;
  for (const batch of batches) {
    const [batchSteps = 0, batchSamples = 0] = batch.shape;
    const resetInterval = 2 ** Math.ceil(Math.log2(Math.max(batchSteps, 1)));
    const { layers } = simulate(net, batch, { resetInterval, record: "aligned" }, plan);
    steps = batchSteps;
    samples += batchSamples;
    inputSpikes += nonZero(batch.data);
    let arriving: ArrayLike<number> = batch.data;
    layers.forEach((layer, i) => {
      count(counts[i]!, reaches[i]!, arriving, layer);
      arriving = layer.data;
    });
  }
  if (samples === 0) return null;
  return {
    samples,
    steps,
    stepsToAnswer: steps + latencyOf(plan, plan.blocks.length - 1),
    inputSpikes: inputSpikes / samples,
    inputRate: inputSpikes / samples / steps / sizeOf(plan.inputShape),
    layers: counts.map(({ spikes, operations }, i) => {
      const updates = neuronCount(reaches[i]!) * steps;
      return {
        spikes: spikes / samples,
        rate: spikes / samples / updates,
        synapticOperations: operations / samples,
        neuronUpdates: updates,
      };
    }),
  };
}

function count(counts: Counts, reach: Reach, arriving: ArrayLike<number>, { data }: SimulatedLayer): void {
  const spikes = nonZero(data);
  counts.spikes += spikes;
  counts.operations += operationsOf(reach, arriving);
  if (reach.recurrent) counts.operations += spikes * neuronCount(reach);
}

/** Each spike touches as many weights as its place has targets: fewer at the border of a convolution. */
function operationsOf(reach: Reach, arriving: ArrayLike<number>): number {
  if (reach.kind === "input") return 0;
  const [channels, rows, columns] = [reach.channels, reach.rows, reach.columns].map((axis) =>
    fanOut(axis, 0, axis.outputs),
  ) as [Int32Array, Int32Array, Int32Array];
  const targets = new Float64Array(channels.length * rows.length * columns.length);
  let place = 0;
  for (const c of channels)
    for (const r of rows) for (const w of columns) targets[place++] = c * r * w * reach.matrices;
  let operations = 0;
  for (let i = 0; i < arriving.length; i++) if (arriving[i] !== 0) operations += targets[i % targets.length]!;
  return operations;
}

function nonZero(data: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) found++;
  return found;
}
