/** What a `.net` file holds, for `spikeship inspect`: any file of the format, also one that Lava cannot run. */
import { formatShape, readFileChecked, SpikeshipError, sha256, sizeOf } from "../../core/index.ts";
import type { FileInspection } from "../target.ts";
import { latencyOf, planNet } from "./chip/plan.ts";
import { coreTables, mapPlan } from "./mapping/index.ts";
import { type NetArray, type NetFile, type NetLayer, type NetNeuron, neuronOf } from "./net/net-file.ts";
import { readNet } from "./read.ts";
import { checkNet } from "./rules.ts";

/** @throws FILE when the file is missing, truncated or no `.net` file. */
export async function inspectNet(path: string): Promise<FileInspection> {
  const net = await readNet(path);
  const bytes = readFileChecked(path);
  const findings = checkNet(net);
  const layers = net.layers.map((layer, i) => ({
    layer: i,
    type: layer.type,
    shape: "shape" in layer ? layer.shape : null,
    synapse: synapseText(layer),
    weights: weightFacts(layer),
    neuron: neuronText(neuronOf(layer)),
    neurons: neuronOf(layer) && "shape" in layer && layer.shape ? sizeOf(layer.shape) : 0,
  }));
  const timing = timingOf(net);
  const neurons = layers.reduce((sum, layer) => sum + layer.neurons, 0);
  const weights = layers.reduce((sum, { weights: facts }) => sum + (facts?.count ?? 0), 0);
  const hash = sha256(bytes);
  return {
    format: "Lava DL network (.net)",
    facts: {
      bytes: bytes.length,
      sha256: hash,
      ...timing,
      layers,
      neurons,
      weights,
      simulation: net.simulation,
      findings,
    },
    about: [
      ["size", `${bytes.length} bytes`],
      ["sha256", hash],
      ...timingLines(timing),
      ["layers", `${layers.length}`],
      ["neurons", `${neurons}`],
      ["weights", `${weights}`],
    ],
    tables: [
      {
        title: "Layers",
        header: ["layer", "type", "shape", "synapse", "weights", "neuron"],
        rows: layers.map(({ layer, type, shape, synapse, weights: facts, neuron }) => [
          `${layer}`,
          type,
          shape ? formatShape(shape) : "",
          synapse,
          facts ? `${facts.count}, ${facts.min} to ${facts.max}` : "",
          neuron,
        ]),
      },
      ...coresOf(net),
      {
        title: "Findings of the design rules",
        header: ["severity", "rule", "place", "what"],
        rows: findings.map(({ severity, rule, place, message }) => [severity, rule, place, message]),
      },
    ],
  };
}

/** Steps from an input frame to its answer and the shape of a frame, or why Lava's loader could not run the file. */
type Timing = { latency: number; inputShape: number[] } | { problem: string };

function timingOf(net: NetFile): Timing {
  try {
    const plan = planNet(net);
    return { latency: latencyOf(plan, plan.blocks.length - 1), inputShape: [...plan.inputShape] };
  } catch (error) {
    if (error instanceof SpikeshipError) return { problem: error.message };
    throw error;
  }
}

/** Where its layers would go; nothing for a file that Lava's loader could not run. */
function coresOf(net: NetFile): FileInspection["tables"] {
  try {
    return coreTables(mapPlan(planNet(net)));
  } catch (error) {
    if (error instanceof SpikeshipError) return [];
    throw error;
  }
}

function timingLines(timing: Timing): FileInspection["about"] {
  if ("problem" in timing) return [["not runnable", timing.problem]];
  return [
    ["input", formatShape(timing.inputShape)],
    ["latency", `${timing.latency} steps from an input frame to its answer`],
  ];
}

function weightFacts(layer: NetLayer): { count: number; min: number; max: number } | null {
  if (!("weight" in layer) || layer.weight === null || typeof layer.weight === "number") return null;
  const { data } = layer.weight;
  return { count: data.length, min: data.reduce((a, b) => Math.min(a, b)), max: data.reduce((a, b) => Math.max(a, b)) };
}

function synapseText(layer: NetLayer): string {
  if (layer.type === "dense" || layer.type === "dense_rec") {
    const [outputs, inputs] = layer.weight.shape;
    const extras = [
      layer.bias ? "bias" : "",
      layer.delay ? "delay" : "",
      layer.type === "dense" && layer.imaginary ? "complex" : "",
    ];
    return [`${inputs} to ${outputs}`, ...extras].filter(Boolean).join(", ");
  }
  if (!("stride" in layer)) return "";
  const [height, width] = layer.weight.shape.slice(2);
  const groups = "groups" in layer && layer.groups > 1 ? `, ${layer.groups} groups` : "";
  const bias = "bias" in layer && layer.bias ? ", bias" : "";
  return `${height}x${width}, stride ${layer.stride}, padding ${layer.padding}, dilation ${layer.dilation}${groups}${bias}`;
}

function neuronText(neuron: NetNeuron | null): string {
  if (!neuron) return "";
  const number = ({ data }: NetArray) => (data.length === 1 ? `${data[0]}` : `${data.length} values`);
  const threshold = `vThMant ${neuron.vThMant}`;
  if (neuron.type === "SDNN") return `SDNN, ${neuron.sigmaOutput ? "sigma output" : threshold}`;
  if ("iDecay" in neuron)
    return `${neuron.type}, iDecay ${number(neuron.iDecay)}, vDecay ${number(neuron.vDecay)}, ${threshold}`;
  return `${neuron.type}, sinDecay ${number(neuron.sinDecay)}, cosDecay ${number(neuron.cosDecay)}, ${threshold}`;
}
