/**
 * Which inputs of a layer lead to which of its neurons, axis by axis. A convolution's connections are a product of channels, rows and columns,
 * and a dense matrix is a convolution over a single point; so fan-in, fan-out and every count of a partition come from three short lists.
 */
import { sizeOf } from "../../../core/index.ts";
import type { Block, ConvSynapse } from "../chip/blocks.ts";

/** One axis: for each output the inputs that lead to it, ascending. */
export interface AxisReach {
  inputs: number;
  outputs: number;
  /** Inputs of output `o`. */
  sources(o: number): readonly number[];
  /** Fan-outs into the outputs from `start` to before `end`, and how many inputs have each; inputs without any are left out. */
  fanOuts(start: number, end: number): FanOuts;
}
export type FanOuts = [fanOut: number, inputs: number][];

export interface Reach {
  channels: AxisReach;
  rows: AxisReach;
  columns: AxisReach;
  kind: "input" | "dense" | "conv";
  /** Weights that one channel pair has in the file: 1 for dense layers, kernel height times width for convolutions. */
  taps: number;
  /** The neurons also feed each other, all to all. */
  recurrent: boolean;
  /** Matrices between the same neurons: 2 for complex weights. */
  matrices: number;
  /** Longest synaptic delay, steps. */
  longestDelay: number;
}

/** An input layer has neurons, but nothing leads to them. */
export function reachOf(block: Block): Reach {
  const { synapse, inputShape, outputShape } = block;
  switch (synapse.kind) {
    case "none": {
      const [channels, rows = 1, columns = 1] = outputShape as [number, ...number[]];
      const alone = (outputs: number) => axis(0, Array<number[]>(outputs).fill([]));
      return {
        ...PLAIN,
        kind: "input",
        channels: alone(channels),
        rows: alone(rows),
        columns: alone(columns),
        taps: 0,
      };
    }
    case "dense":
      return {
        channels: groupAxis(sizeOf(inputShape), sizeOf(outputShape), 1),
        rows: POINT,
        columns: POINT,
        kind: "dense",
        taps: 1,
        recurrent: synapse.recurrent !== null,
        matrices: synapse.imaginary ? 2 : 1,
        longestDelay: synapse.delays?.reduce((a, b) => Math.max(a, b), 0) ?? 0,
      };
    case "conv": {
      const { conv } = synapse;
      return {
        ...PLAIN,
        channels: groupAxis(inputShape[0]!, outputShape[0]!, conv.groups),
        rows: windowAxis(conv, 0, inputShape, outputShape),
        columns: windowAxis(conv, 1, inputShape, outputShape),
        kind: "conv",
        taps: conv.kernel[0] * conv.kernel[1],
      };
    }
  }
}

/** An axis of which only the connections are known. */
function axis(inputs: number, sources: readonly (readonly number[])[]): AxisReach {
  const reach: AxisReach = {
    inputs,
    outputs: sources.length,
    sources: (o) => sources[o]!,
    fanOuts: (start, end) => tally([...fanOut(reach, start, end)].map((count): FanOuts[number] => [count, 1])),
  };
  return reach;
}

/** Adds up the inputs that have the same fan-out. */
function tally(entries: Iterable<FanOuts[number]>): FanOuts {
  const inputs = new Map<number, number>();
  for (const [count, times] of entries) if (count > 0) inputs.set(count, (inputs.get(count) ?? 0) + times);
  return [...inputs].sort(([one], [other]) => one - other);
}

const PLAIN = { recurrent: false, matrices: 1, longestDelay: 0 };

const POINT: AxisReach = axis(1, [[0]]);

/** Outputs of a group read the inputs of that group. Dense layers are one group, so nothing here may take inputs times outputs. */
function groupAxis(inputs: number, outputs: number, groups: number): AxisReach {
  const [read, written] = [inputs / groups, outputs / groups];
  const lists = Array.from({ length: groups }, (_, g) => Array.from({ length: read }, (_, i) => g * read + i));
  return {
    inputs,
    outputs,
    sources: (o) => lists[Math.floor(o / written)]!,
    fanOuts(start, end) {
      const first = Math.floor(start / written);
      const touched = Array.from({ length: Math.ceil(end / written) - first }, (_, i) => first + i);
      return tally(touched.map((g) => [Math.min(end, (g + 1) * written) - Math.max(start, g * written), read]));
    },
  };
}

/** Windows over rows (0) or columns (1); what lies in the padding has no source. */
function windowAxis(conv: ConvSynapse, which: 0 | 1, inputShape: number[], outputShape: number[]): AxisReach {
  const [inputs, outputs] = [inputShape[which + 1]!, outputShape[which + 1]!];
  return axis(
    inputs,
    Array.from({ length: outputs }, (_, o) => {
      const start = o * conv.stride[which] - conv.padding[which];
      return Array.from({ length: conv.kernel[which] }, (_, k) => start + k * conv.dilation[which]).filter(
        (i) => i >= 0 && i < inputs,
      );
    }),
  );
}

/** For each input of an axis, how many of the outputs from `start` to before `end` it leads to. */
export function fanOut({ inputs, sources }: AxisReach, start: number, end: number): Int32Array {
  const counts = new Int32Array(inputs);
  for (let o = start; o < end; o++) for (const i of sources(o)) counts[i]!++;
  return counts;
}

const axesOf = ({ channels, rows, columns }: Reach) => [channels, rows, columns];
const product = (numbers: readonly number[]) => numbers.reduce((all, n) => all * n, 1);
const largest = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((a, b) => Math.max(a, b), 0);

/** Connections of the whole layer, each target counted by itself. */
export function synapseCount(reach: Reach): number {
  const pairs = ({ outputs, sources }: AxisReach) =>
    Array.from({ length: outputs }, (_, o) => sources(o).length).reduce((a, b) => a + b, 0);
  const neurons = neuronCount(reach);
  return reach.matrices * product(axesOf(reach).map(pairs)) + (reach.recurrent ? neurons ** 2 : 0);
}

export function neuronCount(reach: Reach): number {
  return product(axesOf(reach).map(({ outputs }) => outputs));
}

/** Weights that the file holds for the layer: what is left of the synapses when a convolution's are shared by all its targets. */
export function weightCount(reach: Reach): number {
  if (reach.kind === "dense") return synapseCount(reach);
  const { outputs, sources } = reach.channels;
  return outputs * sources(0).length * reach.taps;
}

/** Connections into the neuron that has most. */
export function largestFanIn(reach: Reach): number {
  const most = ({ outputs, sources }: AxisReach) =>
    largest(Array.from({ length: outputs }, (_, o) => sources(o).length));
  return reach.matrices * product(axesOf(reach).map(most)) + (reach.recurrent ? neuronCount(reach) : 0);
}

/** Connections out of the input that has most. */
export function largestFanOut(reach: Reach): number {
  return reach.matrices * product(axesOf(reach).map((one) => one.fanOuts(0, one.outputs).at(-1)?.[0] ?? 0));
}
