/** Where the layers of a `.net` file go on the chip: what each needs, how it is cut into cores on Loihi 1, and what is known of Loihi 2. */
import { fail, formatShape } from "../../../core/index.ts";
import type { Block, Plan } from "../chip/blocks.ts";
import { placeOf } from "../net/net-file.ts";
import { CORES_PER_CHIP, type CoreUse, LOIHI_1_CORE, LOIHI_2_NEURONS, LOIHI_2_SYNAPSES } from "./capacity.ts";
import { type Impossible, type Partition, partitionLayer, type Sharing, sendsInto } from "./partition.ts";
import { largestFanIn, largestFanOut, neuronCount, type Reach, reachOf, synapseCount, weightCount } from "./reach.ts";

/** Longer axes are no network but a damaged file, and cutting them would take minutes. */
const LONGEST_AXIS = 2 ** 16;

export interface MappedLayer {
  /** Place in the file, such as `/layer/3`. */
  place: string;
  block: Block;
  reach: Reach;
  neurons: number;
  /** Each connection counted, also those of weight 0 and those that share a weight. */
  synapses: number;
  /** Weights that the file holds. */
  weights: number;
  fanIn: number;
  fanOut: number;
  /** Different pairs of decays among its neurons. */
  profiles: number;
  /** Why Loihi 1 has no such neurons; null where it has. */
  notOnLoihi1: string | null;
  /** On Loihi 1; null where the layer is not, or a later one could not be cut. */
  perTarget: Partition | Impossible | null;
  shared: Partition | Impossible | null;
}

export interface NetMapping {
  layers: MappedLayer[];
  /** On Loihi 1, upper and lower bound; null where a layer does not fit at all. */
  loihi1: Record<Sharing, { cores: number; chips: number } | null>;
  /** Least number of chips by neurons and synapses alone; nothing is known per core. */
  loihi2: { neurons: number; chips: Record<Sharing, number> };
}

/** `core`: what a core of Loihi 1 holds. @throws TARGET when a layer has no neurons, or far too many. */
export function mapPlan(plan: Plan, core: CoreUse = LOIHI_1_CORE): NetMapping {
  for (const block of plan.blocks) expectMappable(block);
  const reaches = plan.blocks.map(reachOf);
  const perTarget = cutLayers(plan, reaches, core, "perTarget");
  const shared = cutLayers(plan, reaches, core, "shared");
  const layers = plan.blocks.map((block, i) => mappedLayer(block, reaches[i]!, perTarget[i]!, shared[i]!));
  const sum = (of: (layer: MappedLayer) => number) => layers.reduce((all, layer) => all + of(layer), 0);
  const neurons = sum((layer) => layer.neurons);
  const least = (synapses: number) =>
    Math.max(Math.ceil(neurons / LOIHI_2_NEURONS), Math.ceil(synapses / LOIHI_2_SYNAPSES));
  return {
    layers,
    loihi1: { perTarget: totalOf(perTarget), shared: totalOf(shared) },
    loihi2: { neurons, chips: { perTarget: least(sum((l) => l.synapses)), shared: least(sum((l) => l.weights)) } },
  };
}

function expectMappable({ layer, outputShape }: Block): void {
  if (outputShape.every((size) => size >= 1 && size <= LONGEST_AXIS)) return;
  fail("TARGET", {
    where: `Loihi, layer ${placeOf(layer)}`,
    expected: `1 to ${LONGEST_AXIS} neurons on each axis`,
    got: formatShape(outputShape),
  });
}

/** From the last layer to the first: how many axons a layer sends depends on how the next one was cut. */
function cutLayers(
  plan: Plan,
  reaches: readonly Reach[],
  core: CoreUse,
  sharing: Sharing,
): (Partition | Impossible | null)[] {
  const cut: (Partition | Impossible | null)[] = plan.blocks.map(() => null);
  let next: { reach: Reach; partition: Partition } | null = null;
  for (let i = plan.blocks.length - 1; i >= 0; i--) {
    if (reasonAgainst(plan.blocks[i]!)) continue;
    const reach = reaches[i]!;
    const partition = partitionLayer(reach, sendsInto(reach, next), core, sharing);
    cut[i] = partition;
    // a layer that fits nowhere has no cores to send to; the one before it is judged by itself
    next = "impossible" in partition ? null : { reach, partition };
  }
  return cut;
}

function totalOf(parts: readonly (Partition | Impossible | null)[]): { cores: number; chips: number } | null {
  let cores = 0;
  for (const part of parts) {
    if (part === null || "impossible" in part) return null;
    cores += part.cores;
  }
  return { cores, chips: Math.ceil(cores / CORES_PER_CHIP) };
}

function mappedLayer(
  block: Block,
  reach: Reach,
  perTarget: MappedLayer["perTarget"],
  shared: MappedLayer["shared"],
): MappedLayer {
  return {
    place: placeOf(block.layer),
    block,
    reach,
    neurons: neuronCount(reach),
    synapses: synapseCount(reach),
    weights: weightCount(reach),
    fanIn: largestFanIn(reach),
    fanOut: largestFanOut(reach),
    profiles: profilesOf(block),
    notOnLoihi1: reasonAgainst(block),
    perTarget,
    shared,
  };
}

/** Loihi 1 has CUBA neurons and spikes without payload; the other models came with Loihi 2. */
function reasonAgainst({ neuron, gradedInput, synapse }: Block): string | null {
  if (neuron.model !== "cuba") return `${neuron.model} neurons`;
  return gradedInput && synapse.kind !== "none" ? "messages with payload" : null;
}

function profilesOf({ neuron }: Block): number {
  if (neuron.model !== "cuba") return 1;
  const { currentDecay, voltageDecay } = neuron;
  const length = Math.max(currentDecay.length, voltageDecay.length);
  const at = (list: Int32Array, i: number) => list[list.length === 1 ? 0 : i]!;
  return new Set(Array.from({ length }, (_, i) => at(currentDecay, i) * 2 ** 13 + at(voltageDecay, i))).size;
}
