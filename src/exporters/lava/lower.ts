/**
 * Lowers the graph of a prepared network to a `.net` file: one layer for each block of synapse and neuron. Weights, decays and thresholds
 * are the whole numbers training computed with; nothing is approximated, and what cannot be exact is refused by the rules before.
 */
import { fail, sizeOf } from "../../core/index.ts";
import type { Graph, HostInput, NeuronNode } from "../../model/index.ts";
import type { Finding, LossyStep } from "../target.ts";
import { loadDense } from "./chip/dense-weights.ts";
import { chainOf, inputNeuronOf } from "./lowering/chain.ts";
import { type ChipNeuron, chipNeuronOf, unitOf } from "./lowering/chip-neuron.ts";
import { lowerDelays, outputDelaysOf } from "./lowering/lower-delays.ts";
import { lowerNeuron } from "./lowering/lower-neuron.ts";
import { biasSteps, isSilent, lowerPool, matricesOf, weightSteps } from "./lowering/lower-synapse.ts";
import type { BlockPart, InputPart } from "./lowering/parts.ts";
import { outlastsReset } from "./lowering/reset-memory.ts";
import type { ConvLayer, DenseLayer, NetArray, NetFile, NetLayer, RecurrentLayer } from "./net/net-file.ts";
import { checkGraph } from "./rules.ts";

/** A spiking layer of the network and where it stands in the file. */
export interface LoweredLayer {
  /** Path of the neuron's layer in the network. */
  path: string;
  /** Number of the layer in the file. */
  layer: number;
  /** One step of one sample. */
  shape: number[];
  /** Whole numbers of the simulation in a training unit of what it sends: 1 for spikes. */
  unit: number;
  /** Steps that each neuron's spikes come later in the file than in the layer, whose delay stands behind it; null: none. */
  outputDelays: number[] | null;
}

export interface NetLowering {
  net: NetFile;
  layers: LoweredLayer[];
  lossy: LossyStep[];
  findings: Finding[];
  /** What the host makes of the input where neurons receive it; null where spikes enter. */
  hostInput: HostInput | null;
  /** What separates samples: a network of its own for each, where spikes under way or sums outlast a reset. */
  between: "reset" | "rebuild";
}

/** `findings`: what the rules say of it, where that is known already. @throws TARGET with the first broken rule: such a graph is not lowered. */
export function lowerToNet(graph: Graph, findings: Finding[] = checkGraph(graph)): NetLowering {
  const broken = findings.find(({ severity }) => severity === "error");
  if (broken) {
    fail("TARGET", {
      where: `Loihi, "${broken.place}"`,
      expected: `the rule ${broken.rule} to hold`,
      got: broken.message,
      ...(broken.rewrite ? { hint: broken.rewrite } : {}),
    });
  }
  const chain = chainOf(graph);
  const lossy: LossyStep[] = [...chain.merges];
  const layers: LoweredLayer[] = [];
  const netLayers = chain.parts.map((part, layer): NetLayer => {
    if (part.kind === "flatten") return { type: "flatten", shape: [sizeOf(part.node.shape), 1, 1], extras: {} };
    if (!part.neuron) return inputLayer(part as InputPart, null);
    const neuron = chipNeuronOf(part.neuron)!;
    layers.push({
      path: part.neuron.source,
      layer,
      shape: [...part.neuron.shape],
      unit: unitOf(neuron),
      outputDelays: part.kind === "block" ? outputDelaysOf(part) : null,
    });
    lossy.push(...roundings(part.neuron, neuron), ...notesOf(part.neuron));
    return part.kind === "input" ? inputLayer(part, neuron) : lowerBlock(part, neuron, lossy);
  });
  return {
    net: { layers: netLayers, simulation: null },
    layers,
    lossy,
    findings,
    hostInput: inputNeuronOf(chain)?.hostInput ?? null,
    between: outlastsReset(chain) ? "rebuild" : "reset",
  };
}

/** slayer also writes the host's weight and bias; Lava's loader hands them back to the host, which here has them from the manifest. */
function inputLayer({ node }: InputPart, neuron: ChipNeuron | null): NetLayer {
  const written = neuron && lowerNeuron(neuron, 1);
  return { type: "input", shape: [...node.shape], weight: null, bias: null, neuron: written, extras: {} };
}

function lowerBlock(part: BlockPart, neuron: ChipNeuron, lossy: LossyStep[]): NetLayer {
  return part.synapse.kind === "linear" ? lowerLinear(part, neuron, lossy) : lowerConv(part, neuron, lossy);
}

/** What training rounded as well: the chip's decays and thresholds. */
function roundings({ source }: NeuronNode, neuron: ChipNeuron): LossyStep[] {
  const decays: [string, number[], number[]][] =
    neuron.model === "cuba"
      ? [
          ["current decay rounded to 4096ths, as in training", neuron.currentDecays, neuron.exactCurrentDecays],
          ["voltage decay rounded to 4096ths, as in training", neuron.voltageDecays, neuron.exactVoltageDecays],
        ]
      : [];
  const cut = "threshold cut to whole weight steps, as in training";
  const pairs: typeof decays = [...decays, [cut, [neuron.threshold], [neuron.exactThreshold]]];
  return pairs.flatMap(([what, rounded, exact]) => {
    const changes = rounded.map((value, c) => Math.abs(value - exact[c]!)).filter((change) => change !== 0);
    return changes.length === 0
      ? []
      : [{ place: source, what, count: changes.length, largestChange: Math.max(...changes) }];
  });
}

/** What the block did when it was lowered. */
function notesOf({ source, notes = [] }: NeuronNode): LossyStep[] {
  return notes.map((what) => ({ place: source, what, count: 1, largestChange: 0 }));
}

function lowerLinear(block: BlockPart, neuron: ChipNeuron, lossy: LossyStep[]): DenseLayer | RecurrentLayer {
  const [weight, weightRec] = matricesOf(block, neuron)!;
  if (isSilent(block, neuron)) keepLoadable(weight!, weightRec, block.synapse.source, lossy);
  const parts = {
    shape: [weight!.shape[0]!],
    weight: weight!,
    bias: asList(biasSteps(block, neuron)),
    delay: lowerDelays(block, lossy),
    neuron: lowerNeuron(neuron, 1),
    extras: {},
  };
  return weightRec ? { type: "dense_rec", ...parts, weightRec } : { type: "dense", ...parts, imaginary: null };
}

/** Lava's loader fails on a matrix of zeros. In a layer that cannot fire, one inhibitory weight changes no spike. */
function keepLoadable(weight: NetArray, weightRec: NetArray | undefined, place: string, lossy: LossyStep[]): void {
  if (loadDense(weightRec ? [weight, weightRec] : [weight])) return;
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
    neuron: lowerNeuron(neuron, factor),
    extras: {},
  };
}

function asList(values: Float64Array | null): NetArray | null {
  return values && { shape: [values.length], data: values };
}
