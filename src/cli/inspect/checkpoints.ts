/** What files with trained numbers hold: safetensors (ours with the network's table) and PyTorch checkpoints. */
import { statSync } from "node:fs";
import { formatShape, sizeOf } from "../../core/index.ts";
import type { FileInspection } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import {
  CHECKPOINT_FORMAT,
  loadCheckpoint,
  readSafetensorsHeader,
  readTorchFile,
  type StoredDType,
} from "../../model/index.ts";
import { networkAbout, networkFacts, networkTable } from "./network.ts";

interface TensorFacts {
  name: string;
  dtype: StoredDType;
  shape: number[];
}

export function inspectSafetensors(path: string): FileInspection {
  const { metadata, entries } = readSafetensorsHeader(path);
  const tensors = [...entries].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const common = {
    bytes: statSync(path).size,
    tensors,
    metadata: Object.fromEntries(Object.entries(metadata).map(([name, text]) => [name, parsed(text)])),
  };
  if (metadata.format !== CHECKPOINT_FORMAT) {
    return {
      format: "safetensors file",
      facts: common,
      about: [["size", `${common.bytes} bytes`], ...metadataLines(metadata), ...countLines(tensors)],
      tables: [tensorTable(tensors)],
    };
  }
  const { network, metadata: stored } = loadCheckpoint(path, layers);
  try {
    return {
      format: "Spikeship checkpoint (safetensors)",
      facts: { ...common, network: networkFacts(network) },
      about: [
        ["size", `${common.bytes} bytes`],
        ...networkAbout(network),
        ...checkpointLines(stored),
        ...countLines(tensors),
      ],
      tables: [networkTable(network), tensorTable(tensors)],
    };
  } finally {
    network.dispose();
  }
}

export function inspectTorch(path: string): FileInspection {
  const { format, tensors, values } = readTorchFile(path);
  const facts = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const bytes = statSync(path).size;
  return {
    format: `PyTorch checkpoint (${format})`,
    facts: { bytes, container: format, tensors: facts, values: Object.fromEntries(values) },
    about: [["size", `${bytes} bytes`], ...countLines(facts)],
    tables: [
      tensorTable(facts),
      {
        title: "Other values",
        header: ["name", "value"],
        rows: [...values].map(([name, value]) => [name, `${value}`]),
      },
    ],
  };
}

function tensorTable(tensors: readonly TensorFacts[]): FileInspection["tables"][number] {
  const rows = tensors.map(({ name, dtype, shape }) => [name, dtype, formatShape(shape)]);
  return { title: "Tensors", header: ["name", "type", "shape"], rows };
}

function countLines(tensors: readonly TensorFacts[]): FileInspection["about"] {
  const numbers = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return [["tensors", `${tensors.length} with ${numbers} numbers`]];
}

function metadataLines(metadata: Record<string, string>): FileInspection["about"] {
  return Object.entries(metadata).map(([name, text]) => [`metadata ${name}`, text.slice(0, 200)]);
}

/** What the file says of the run that made it. */
function checkpointLines(metadata: Record<string, unknown>): FileInspection["about"] {
  const { target, epochs, config } = metadata;
  const lines: FileInspection["about"] = [];
  const name = (config as { name?: unknown } | undefined)?.name;
  if (typeof name === "string") lines.push(["config", name]);
  if (typeof target === "string") lines.push(["prepared for", target]);
  const last = Array.isArray(epochs)
    ? (epochs.at(-1) as { epoch?: unknown; testAccuracy?: unknown } | undefined)
    : undefined;
  if (last) lines.push(["trained", `${last.epoch} epochs, test accuracy ${last.testAccuracy}`]);
  return lines;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
