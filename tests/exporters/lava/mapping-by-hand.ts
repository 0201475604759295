/** A mapping counted the slow way, neuron by neuron and synapse by synapse, to judge the one that works with axes. */
import { sizeOf } from "../../../src/core/index.ts";
import type { Block, Plan } from "../../../src/exporters/lava/chip/blocks.ts";
import type { CoreUse } from "../../../src/exporters/lava/mapping/capacity.ts";

/** Inputs of every neuron, one entry for each synapse; C,H,W order. */
export function sourcesOf({ synapse, inputShape, outputShape }: Block): number[][] {
  const neurons = sizeOf(outputShape);
  const inputs = sizeOf(inputShape);
  if (synapse.kind === "none") return Array.from({ length: neurons }, () => []);
  if (synapse.kind === "dense") {
    const all = Array.from({ length: inputs }, (_, i) => i);
    return Array.from({ length: neurons }, () => (synapse.imaginary ? [...all, ...all] : all));
  }
  const { kernel, stride, padding, dilation, groups } = synapse.conv;
  const [channels, height, width] = inputShape as [number, number, number];
  const [outChannels, outHeight, outWidth] = outputShape as [number, number, number];
  const lists: number[][] = [];
  for (let o = 0; o < outChannels; o++) {
    const group = Math.floor(o / (outChannels / groups));
    for (let y = 0; y < outHeight; y++) {
      for (let x = 0; x < outWidth; x++) {
        const list: number[] = [];
        for (let c = group * (channels / groups); c < (group + 1) * (channels / groups); c++) {
          for (let ky = 0; ky < kernel[0]; ky++) {
            for (let kx = 0; kx < kernel[1]; kx++) {
              const row = y * stride[0] - padding[0] + ky * dilation[0];
              const column = x * stride[1] - padding[1] + kx * dilation[1];
              if (row >= 0 && row < height && column >= 0 && column < width)
                list.push((c * height + row) * width + column);
            }
          }
        }
        lists.push(list);
      }
    }
  }
  return lists;
}

/** The core of each neuron, when a layer is cut into blocks of channels, rows and columns. */
export function coresOf(shape: readonly number[], [c, r, w]: readonly number[]): number[] {
  const [channels, rows = 1, columns = 1] = shape as [number, ...number[]];
  const cores: number[] = [];
  const [down, across] = [Math.ceil(rows / r!), Math.ceil(columns / w!)];
  for (let i = 0; i < channels; i++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        cores.push((Math.floor(i / c!) * down + Math.floor(y / r!)) * across + Math.floor(x / w!));
      }
    }
  }
  return cores;
}

/** Weights of one axon: blocks of up to 64, ten bits more each, whole words of 64 bits. */
function bitsOf(weights: number, each: number): number {
  let bits = 0;
  for (let left = weights; left > 0; left -= 64) bits += 64 * Math.ceil((Math.min(left, 64) * each + 10) / 64);
  return bits;
}

/** The most of each resource that a core of block `index` needs with a synapse for each target, and its memory in all. */
export function useByHand(
  plan: Plan,
  index: number,
  cuts: readonly (readonly number[])[],
): CoreUse & { total: number } {
  const block = plan.blocks[index]!;
  const { synapse } = block;
  const own = coresOf(block.outputShape, cuts[index]!);
  const sources = sourcesOf(block);
  const recurrent = synapse.kind === "dense" && synapse.recurrent !== null;
  const delays = synapse.kind === "dense" && synapse.delays ? Math.max(...synapse.delays) : 0;
  const next = plan.blocks[index + 1];
  const nextCores = next ? coresOf(next.outputShape, cuts[index + 1]!) : [];
  const reached = own.map(() => new Set<number>());
  if (next)
    sourcesOf(next).forEach((list, target) => {
      for (const i of list) reached[i]!.add(nextCores[target]!);
    });
  const cores = new Set(own);
  const most = { compartments: 0, synapseBits: 0, inputAxons: 0, outputAxons: 0, total: 0 };
  for (const core of cores) {
    const members = own.flatMap((of, neuron) => (of === core ? [neuron] : []));
    const parts = synapse.kind === "dense" && synapse.imaginary ? 2 : 1;
    const axons = new Map<number, number>();
    for (const neuron of members) for (const i of sources[neuron]!) axons.set(i, (axons.get(i) ?? 0) + 1);
    const index6 = [0, 6, 7, 8, 9, 10, 11, 12].find((bits) => 2 ** bits >= members.length)!;
    const each = 8 + Math.ceil(Math.log2(delays + 1)) + (synapse.kind === "conv" ? index6 : 0);
    let bits = 0;
    for (const weights of axons.values()) bits += parts * bitsOf(weights / parts, each);
    if (recurrent) bits += own.length * bitsOf(members.length, each);
    const sent = members.reduce((sum, neuron) => sum + (next ? reached[neuron]!.size : 1), 0);
    most.compartments = Math.max(most.compartments, members.length);
    most.synapseBits = Math.max(most.synapseBits, bits);
    most.inputAxons = Math.max(most.inputAxons, axons.size * parts + (recurrent ? own.length : 0));
    most.outputAxons = Math.max(most.outputAxons, sent + (recurrent ? members.length * cores.size : 0));
    most.total += bits;
  }
  return most;
}
