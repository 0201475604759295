/**
 * Lowers the graph of a prepared network to a `.net` file: one layer for each block of synapse and neuron. Weights, decays and thresholds
 * are the whole numbers training computed with; nothing is approximated, and what cannot be exact is refused by the rules before.
 */
import { fail, sizeOf } from "../../core/index.ts";
import type { Graph } from "../../model/index.ts";
import type { Finding, LossyStep } from "../target.ts";
import { type ChipNeuron, chipNeuronOf } from "./block-integers.ts";
import { type BlockPart, chainOf, type Part } from "./chain.ts";
import { loadDense } from "./dense-weights.ts";
import { biasSteps, isSilent, lowerPool, weightSteps } from "./lower-synapse.ts";
import {
  type ConvLayer,
  type CubaNeuron,
  type DenseLayer,
  type NetArray,
  type NetFile,
  type NetLayer,
  scalar,
} from "./net-file.ts";
import { checkGraph } from "./rules.ts";

/** A spiking layer of the network and where it stands in the file. */
export interface LoweredLayer {
  /** Path of the neuron's layer in the network. */
  path: string;
  /** Number of the layer in the file. */
  layer: number;
  /** One step of one sample. */
  shape: number[];
}

export interface NetLowering {
  net: NetFile;
  layers: LoweredLayer[];
  lossy: LossyStep[];
  findings: Finding[];
}

/** @throws TARGET with the first broken rule: a graph with errors is not lowered. */
export function lowerToNet(graph: Graph): NetLowering {
  const findings = checkGraph(graph);
  const broken = findings.find(({ severity }) => severity === "error");
  if (broken) {
    fail("TARGET", {
      where: `Loihi, "${broken.place}"`,
      expected: `the rule ${broken.rule} to hold`,
      got: broken.message,
      ...(broken.rewrite ? { hint: broken.rewrite } : {}),
    });
  }
  const lossy: LossyStep[] = [];
  const layers: LoweredLayer[] = [];
  const netLayers = chainOf(graph).parts.map((part, i): NetLayer => {
    if (part.kind === "block") layers.push({ path: part.neuron.source, layer: i, shape: [...part.neuron.shape] });
    return lowerPart(part, lossy);
  });
  return { net: { layers: netLayers, simulation: null }, layers, lossy, findings };
}

function lowerPart(part: Part, lossy: LossyStep[]): NetLayer {
  if (part.kind === "input") {
    return { type: "input", shape: [...part.node.shape], weight: null, bias: null, neuron: null, extras: {} };
  }
  // slayer writes the flattened size as an image of one pixel
  if (part.kind === "flatten") return { type: "flatten", shape: [sizeOf(part.node.shape), 1, 1], extras: {} };
  const neuron = chipNeuronOf(part)!;
  lossy.push(...roundings(part, neuron));
  return part.synapse.kind === "linear" ? lowerLinear(part, neuron, lossy) : lowerConv(part, neuron, lossy);
}

/** What training rounded as well: the chip's decays and thresholds. */
function roundings({ neuron: { source } }: BlockPart, neuron: ChipNeuron): LossyStep[] {
  const steps: [string, number][] = [
    ["current decay rounded to 4096ths, as in training", neuron.currentDecay - neuron.exactCurrentDecay],
    ["voltage decay rounded to 4096ths, as in training", neuron.voltageDecay - neuron.exactVoltageDecay],
    ["threshold cut to whole weight steps, as in training", neuron.threshold - neuron.exactThreshold],
  ];
  return steps
    .filter(([, change]) => change !== 0)
    .map(([what, change]) => ({ place: source, what, count: 1, largestChange: Math.abs(change) }));
}

function lowerLinear(block: BlockPart, neuron: ChipNeuron, lossy: LossyStep[]): DenseLayer {
  const weight = weightSteps(block, neuron);
  if (isSilent(block, neuron)) keepLoadable(weight, block.synapse.source, lossy);
  return {
    type: "dense",
    shape: [weight.shape[0]!],
    weight,
    imaginary: null,
    bias: asList(biasSteps(block, neuron)),
    delay: null,
    neuron: cubaNeuron(neuron, 1),
    extras: {},
  };
}

/** Lava's loader fails on a matrix of zeros. In a layer that cannot fire, one inhibitory weight changes no spike. */
function keepLoadable(weight: NetArray, place: string, lossy: LossyStep[]): void {
  if (loadDense([weight])) return;
  weight.data[0] = -2;
  lossy.push({
    place,
    what: "one weight of a matrix of zeros set to -2, because Lava cannot load zeros alone; no neuron of it can fire",
    count: 1,
    largestChange: 2,
  });
}

function lowerConv(block: BlockPart, neuron: ChipNeuron, lossy: LossyStep[]): ConvLayer {
  const { synapse } = block;
  if (synapse.kind === "linear") throw new Error("a matrix is no convolution");
  const pool = lowerPool(block, neuron);
  const factor = pool && "thresholdFactor" in pool ? pool.thresholdFactor : 1;
  if (factor !== 1) {
    lossy.push({
      place: synapse.source,
      what: `mean lowered to a sum, threshold times ${factor}: exact for this neuron`,
      count: 1,
      largestChange: 0,
    });
  }
  const pair = (values: readonly number[]): [number, number] => [values[0]!, values[1]!];
  return {
    type: "conv",
    shape: [...synapse.shape],
    weight: weightSteps(block, neuron),
    stride: pair(synapse.stride),
    padding: pair(synapse.padding),
    dilation: pair(synapse.dilation),
    groups: synapse.kind === "pool" ? synapse.shape[0]! : synapse.groups,
    bias: asList(biasSteps(block, neuron)),
    delay: null,
    neuron: cubaNeuron(neuron, factor),
    extras: {},
  };
}

function asList(values: Float64Array | null): NetArray | null {
  return values && { shape: [values.length], data: values };
}

/** slayer also writes `refDelay` and `gradedSpike`; Lava's loader reads neither. */
function cubaNeuron({ currentDecay, voltageDecay, threshold }: ChipNeuron, factor: number): CubaNeuron {
  return {
    type: "CUBA",
    iDecay: scalar(currentDecay),
    vDecay: scalar(voltageDecay),
    vThMant: threshold * factor,
    extras: { gradedSpike: scalar(0), refDelay: scalar(1) },
  };
}
