/** What a `.net` file holds, for `spikeship inspect`: also one that Lava's loader would refuse, with the reason. It judges no rule. */
import { statSync } from "node:fs";
import { formatShape, readFileChecked, SpikeshipError, sha256, sizeOf } from "../../core/index.ts";
import type { FileInspection } from "../target.ts";
import { type NetArray, type NetFile, type NetLayer, neuronOf } from "./net-file.ts";
import { latencyOf, planNet } from "./plan.ts";
import { readNet } from "./read.ts";

interface LayerFacts {
  layer: number;
  type: NetLayer["type"];
  shape: number[] | null;
  /** How the synapse is laid out: kernel, stride and so on. */
  synapse: string;
  neuron: string | null;
  neurons: number;
  weights: { count: number; min: number; max: number } | null;
}

/** Steps from input to output, or why the file cannot be run. */
type Timing = { latency: number; inputShape: number[] } | { problem: string };

/** @throws FILE naming the dataset at fault when the file is damaged. */
export async function inspectNet(path: string): Promise<FileInspection> {
  const net = await readNet(path);
  const layers = net.layers.map(layerFacts);
  const timing = timingOf(net);
  const neurons = layers.reduce((sum, layer) => sum + layer.neurons, 0);
  const weights = layers.reduce((sum, layer) => sum + (layer.weights?.count ?? 0), 0);
  const bytes = statSync(path).size;
  const hash = sha256(readFileChecked(path));
  return {
    format: "Lava DL network (.net, HDF5)",
    facts: { bytes, sha256: hash, neurons, weights, ...timing, simulation: net.simulation, layers },
    about: [
      ["size", `${bytes} bytes`],
      ["sha256", hash],
      ["neurons", `${neurons}`],
      ["weights", `${weights}`],
      ...("problem" in timing
        ? [["not runnable", timing.problem] as [string, string]]
        : ([
            ["input", formatShape(timing.inputShape)],
            ["latency", `${timing.latency} steps from an input frame to its answer`],
          ] as [string, string][])),
    ],
    tables: [
      {
        title: "Layers",
        header: ["layer", "type", "shape", "synapse", "neuron", "weights"],
        rows: layers.map(layerRow),
      },
    ],
  };
}

function layerFacts(layer: NetLayer, index: number): LayerFacts {
  const neuron = neuronOf(layer);
  const shape = "shape" in layer ? layer.shape : null;
  return {
    layer: index,
    type: layer.type,
    shape,
    synapse: synapseText(layer),
    neuron: neuron && neuronText(neuron),
    neurons: neuron && shape ? sizeOf(shape) : 0,
    weights: weightFacts(layer),
  };
}

function synapseText(layer: NetLayer): string {
  if (layer.type === "dense" || layer.type === "dense_rec") return `[${layer.weight.shape.join("x")}]`;
  if ("stride" in layer) {
    const kernel = layer.weight.shape.slice(-2).join("x");
    const { stride, padding } = layer;
    const groups = "groups" in layer && layer.groups > 1 ? ` groups ${layer.groups}` : "";
    return `${kernel} stride ${stride.join("x")} padding ${padding.join("x")}${groups}`;
  }
  return "";
}

function neuronText(neuron: NonNullable<ReturnType<typeof neuronOf>>): string {
  const decays = "iDecay" in neuron ? ` iDecay ${range(neuron.iDecay)} vDecay ${range(neuron.vDecay)}` : "";
  return `${neuron.type} vThMant ${neuron.vThMant}${decays}`;
}

function weightFacts(layer: NetLayer): LayerFacts["weights"] {
  if (!("weight" in layer) || layer.weight === null) return null;
  if (typeof layer.weight === "number") return { count: 1, min: layer.weight, max: layer.weight };
  return { count: layer.weight.data.length, ...extremes(layer.weight) };
}

function extremes({ data }: NetArray): { min: number; max: number } {
  return data.reduce(({ min, max }, value) => ({ min: Math.min(min, value), max: Math.max(max, value) }), {
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  });
}

function range(array: NetArray): string {
  const { min, max } = extremes(array);
  return min === max ? `${min}` : `${min} to ${max}`;
}

function layerRow({ layer, type, shape, synapse, neuron, weights }: LayerFacts): string[] {
  return [
    `${layer}`,
    type,
    shape ? formatShape(shape) : "",
    synapse,
    neuron ?? "",
    weights ? `${weights.count}, ${weights.min} to ${weights.max}` : "",
  ];
}

function timingOf(net: NetFile): Timing {
  try {
    const plan = planNet(net);
    return { latency: latencyOf(plan, plan.blocks.length - 1), inputShape: [...plan.inputShape] };
  } catch (error) {
    if (error instanceof SpikeshipError) return { problem: error.message };
    throw error;
  }
}
