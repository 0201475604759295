/** A mapping as tables for people. Programs take the facts instead. */
import { formatShape } from "../../../core/index.ts";
import type { FileInspection } from "../../target.ts";
import type { Activity } from "./activity.ts";
import { RESOURCE_NAMES } from "./capacity.ts";
import type { EnergyEstimate } from "./energy.ts";
import type { MappedLayer, NetMapping } from "./map.ts";
import type { Sharing } from "./partition.ts";

type Table = FileInspection["tables"][number];

export function mappingTables(mapping: NetMapping): Table[] {
  return [layerTable(mapping), ...coreTables(mapping), loihi2Table(mapping)];
}

function layerTable({ layers }: NetMapping): Table {
  return {
    title: "Layers (synapses: each connection counted, also of weight 0)",
    header: ["layer", "type", "neurons", "synapses", "weights", "fan-in", "fan-out"],
    rows: layers.map(({ block, ...layer }) => [
      `${block.layer}`,
      `${block.type} ${formatShape(block.outputShape)}`,
      ...[layer.neurons, layer.synapses, layer.weights, layer.fanIn, layer.fanOut].map(grouped),
    ]),
  };
}

const TITLES: Record<Sharing, string> = {
  perTarget: "Loihi 1, figures of nengo-loihi: a synapse for each target (upper bound)",
  shared: "Loihi 1, figures of nengo-loihi: a convolution's weights once on each core (lower bound)",
};

/** The lower bound only where there is a convolution to share weights in. */
export function coreTables({ layers }: NetMapping): Table[] {
  const known = layers.filter(({ notOnLoihi1 }) => notOnLoihi1 === null);
  const bounds: Sharing[] = known.some(({ reach }) => reach.kind === "conv") ? ["perTarget", "shared"] : ["perTarget"];
  return bounds.map((sharing) => ({
    title: TITLES[sharing],
    header: [
      "layer",
      "cores",
      "block (C,H,W)",
      "memory KiB",
      "fullest core: neurons",
      "memory KiB",
      "in axons",
      "out axons",
      "binding",
    ],
    rows: known.map((layer) => [`${layer.block.layer}`, ...partitionCells(layer, sharing)]),
  }));
}

function partitionCells(layer: MappedLayer, sharing: Sharing): string[] {
  const partition = layer[sharing];
  if (!partition) return ["unknown"];
  if ("impossible" in partition) return ["does not fit", "", "", "", "", "", "", RESOURCE_NAMES[partition.impossible]];
  const { cores, block, synapseBits, fullest, binding } = partition;
  return [
    `${cores}`,
    formatShape(block),
    kibibytes(synapseBits),
    grouped(fullest.compartments),
    kibibytes(fullest.synapseBits),
    grouped(fullest.inputAxons),
    grouped(fullest.outputAxons),
    RESOURCE_NAMES[binding],
  ];
}

const kibibytes = (bits: number) => (bits / 8192).toFixed(1);

function loihi2Table({ loihi2 }: NetMapping): Table {
  const { perTarget, shared } = loihi2.chips;
  const chips =
    perTarget === shared ? `at least ${perTarget}` : `at least ${shared}; ${perTarget} if no weight is shared`;
  return {
    title: "Loihi 2 (what is published; no verdict)",
    header: ["quantity", "value", "source"],
    rows: [
      ["chips, by neurons and synapses of a chip alone", chips, "open-neuromorphic.org: 1 million and 120 million"],
      ["neurons, synaptic memory and axons of a core", "unknown", "Intel's compiler is not public"],
      ["sharing of a convolution's weights", "unknown", ""],
    ],
  };
}

export function activityTables(mapping: NetMapping, activity: Activity): Table[] {
  const { inputSpikes, inputRate, layers, samples, steps } = activity;
  return [
    {
      title: `One inference of ${steps} steps, mean of ${samples} ${samples === 1 ? "sample" : "samples"}`,
      header: ["layer", "spikes", "rate", "synaptic operations", "neuron updates"],
      rows: [
        ["input", decimal(inputSpikes), share(inputRate), "", ""],
        ...layers.map((layer, i) => [
          `${mapping.layers[i]!.block.layer}`,
          decimal(layer.spikes),
          share(layer.rate),
          decimal(layer.synapticOperations),
          grouped(layer.neuronUpdates),
        ]),
      ],
    },
  ];
}

export function energyTable({ total, synapses, neurons, assumptions, source }: EnergyEstimate): Table {
  return {
    title: "Energy of an inference on Loihi 1: an estimate, not a measurement",
    header: ["what", "value"],
    rows: [
      ["in all", joules(total)],
      ["synaptic operations", joules(synapses)],
      ["neuron updates", joules(neurons)],
      ...assumptions.map((assumption) => ["assumed", assumption]),
      ["source", source],
    ],
  };
}

/** Three figures, in the largest unit that keeps them above 1. */
function joules(value: number): string {
  const units: [string, number][] = [
    ["mJ", 1e3],
    ["\u00b5J", 1e6],
    ["nJ", 1e9],
  ];
  const [unit, times] = units.find(([, factor]) => value * factor >= 1) ?? units.at(-1)!;
  return `${Number((value * times).toPrecision(3))} ${unit}`;
}
const share = (rate: number) => rate.toFixed(4);
const grouped = (value: number) => value.toLocaleString("en-US");
const decimal = (value: number) => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
