/** What an ONNX file holds, for `spikeship inspect`: any ONNX graph, not only ours. It judges nothing (`rules.ts`). */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatShape, SpikeshipError, sizeOf } from "../../core/index.ts";
import { MANIFEST_FILE } from "../artefact.ts";
import type { FileInspection, InspectedLayer } from "../target.ts";
import { readManifest } from "./artefact/manifest.ts";
import { type OnnxFile, type OnnxSummary, readOnnx, summarizeOnnx } from "./read.ts";
import { INPUT_BYTES, LARGEST_AXIS, ROW_BYTES } from "./rules/limits.ts";

/** Nodes of the graph that come from one layer of the network. */
interface SourceLayer {
  layer: string;
  kind: string;
  nodes: number;
  spiking: boolean;
}

/** @throws FILE when the file is missing, truncated or no ONNX model. */
export function inspectOnnx(path: string): FileInspection {
  const file = readOnnx(path);
  const summary = summarizeOnnx(file);
  const layers = sourceLayers(file);
  return {
    format: "ONNX graph (.onnx)",
    facts: { ...summary, layers: layers.map(({ layer, kind, nodes }) => ({ layer, kind, nodes })) },
    ...(layers.length > 0 ? { layers: layers.map(boxOf) } : {}),
    about: aboutOf(summary),
    tables: [
      {
        title: "Operators",
        header: ["operator", "nodes"],
        rows: Object.entries(summary.operators).map(([name, count]) => [name, `${count}`]),
      },
      {
        title: "Source layers",
        header: ["layer", "what", "nodes"],
        rows: layers.map(({ layer, kind, nodes }) => [layer, kind, `${nodes}`]),
      },
      {
        title: "Spiking layers",
        header: ["spikes", "steps", "neurons"],
        rows: summary.spikeLayers.map(({ value, steps, neurons }) => [value, `${steps}`, `${neurons ?? "unknown"}`]),
      },
    ],
  };
}

/** One box of the picture: `conv [32,28,28]` is a kind and a shape. */
function boxOf({ layer, kind, nodes, spiking }: SourceLayer): InspectedLayer {
  const [what = kind, shape = ""] = kind.split(" ");
  return { kind: what, name: layer, shape, size: countNodes(nodes), spiking };
}

const countNodes = (nodes: number): string => (nodes === 1 ? "1 node" : `${nodes} nodes`);

const FLOAT16_BYTES = 2;

/** Share of the documented bounds that the inputs take, as the host sends them in float16. */
function inputLimits({ inputs }: OnnxSummary): string {
  const shapes = inputs.map(({ shape }) => (shape ?? []).map((size) => (typeof size === "number" ? size : 0)));
  const bytes = shapes.reduce((sum, shape) => sum + FLOAT16_BYTES * sizeOf(shape), 0);
  const axis = Math.max(0, ...shapes.flatMap((shape) => shape.slice(1)));
  const row = Math.max(0, ...shapes.map(([, channels = 1, ...rest]) => (rest.at(-1) ?? 1) * channels * FLOAT16_BYTES));
  return `${bytes} of ${INPUT_BYTES} bytes, longest axis ${axis} of ${LARGEST_AXIS}, ${row} of ${ROW_BYTES} bytes in a row`;
}

function aboutOf(summary: OnnxSummary): FileInspection["about"] {
  const value = ({ name, type, shape }: OnnxSummary["inputs"][number]) =>
    `${name} ${type} ${shape ? `[${shape.map((size) => size ?? "?").join(",")}]` : "of any shape"}`;
  return [
    ["size", `${summary.bytes} bytes`],
    ["sha256", summary.sha256],
    ["producer", summary.producer || "not named"],
    ["opset", `${summary.opset} (IR version ${summary.irVersion})`],
    ...summary.inputs.map((input): [string, string] => ["input", value(input)]),
    ...summary.outputs.map((output): [string, string] => ["output", value(output)]),
    ["input limits", inputLimits(summary)],
    ["nodes", `${summary.nodes}, values of at most ${summary.maxDimensions} dimensions`],
    ["parameters", `${summary.parameters}`],
    ["multiply-adds", `${summary.multiplyAdds} a call`],
  ];
}

/** From the manifest where it belongs to this very file; else from the names of the nodes, which exporters write as paths. */
function sourceLayers(file: OnnxFile): SourceLayer[] {
  const manifest = manifestOf(file);
  if (manifest) {
    return manifest.layers.map(({ layer, kind, shape, nodes, neuron }) => ({
      layer,
      kind: `${kind} ${formatShape(shape)}`,
      nodes: nodes.length,
      spiking: neuron !== null,
    }));
  }
  const counts = new Map<string, number>();
  for (const { name } of file.model.nodes) {
    const layer = name.split("/").filter(Boolean).slice(0, -1).join("/") || "(graph)";
    counts.set(layer, (counts.get(layer) ?? 0) + 1);
  }
  return [...counts].map(([layer, nodes]) => ({ layer, kind: "by node name", nodes, spiking: false }));
}

function manifestOf({ path, sha256 }: OnnxFile) {
  const beside = join(dirname(path), MANIFEST_FILE);
  if (!existsSync(beside)) return null;
  try {
    const manifest = readManifest(beside);
    return manifest.sha256[manifest.file] === sha256 ? manifest : null;
  } catch (error) {
    // another program's manifest.json says nothing about this file
    if (error instanceof SpikeshipError) return null;
    throw error;
  }
}
