/**
 * Checkpoints: one safetensors file with the network's description, its tensors under PyTorch names, and whatever else a
 * program wants to continue (`extra` tensors and `metadata`). It loads without the program that made it.
 */
import { parseWith, SpikeshipError } from "../core/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { readSafetensors, type StoredTensor, storedFromTensor, writeSafetensors } from "./checkpoint/index.ts";
import { networkSchema, partsFromDescription } from "./description.ts";
import type { LayerRegistry } from "./layers/registry.ts";
import { Network } from "./network.ts";
import { loadStateDict } from "./state-dict.ts";

/** Names the format in the metadata of our checkpoints. */
export const CHECKPOINT_FORMAT = "spikeship-checkpoint-1";
const EXTRA = "extra/";

export interface Checkpoint {
  network: Network;
  /** Anything a program stored beside the network (optimizer moments), by name. */
  extra: Map<string, StoredTensor>;
  /** JSON values a program stored (epoch, random state, config). */
  metadata: Record<string, unknown>;
}

/** Writes a checkpoint beside and renames it: an interrupted write leaves the earlier file. */
export function saveCheckpoint(
  path: string,
  network: Network,
  extra: ReadonlyMap<string, Tensor> = new Map(),
  metadata: Record<string, unknown> = {},
): void {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, tensor] of network.stateDict()) tensors.set(name, storedFromTensor(tensor));
  for (const [name, tensor] of extra) tensors.set(EXTRA + name, storedFromTensor(tensor));
  writeSafetensors(path, tensors, {
    format: CHECKPOINT_FORMAT,
    network: JSON.stringify(network.describe()),
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`json:${name}`, JSON.stringify(value)])),
  });
}

/** Reads a checkpoint and rebuilds its network. NaN, missing or surplus tensors are refused by name. */
export function loadCheckpoint(path: string, registry: LayerRegistry): Checkpoint {
  const file = readSafetensors(path);
  if (file.metadata.format !== CHECKPOINT_FORMAT || file.metadata.network === undefined) {
    throw new SpikeshipError("FILE", {
      where: path,
      expected: `a checkpoint written by spikeship (metadata format "${CHECKPOINT_FORMAT}")`,
      got: `format "${file.metadata.format ?? "none"}"`,
      hint: "A PyTorch state_dict is loaded into a network that a config describes.",
    });
  }
  const network = networkOf(path, file.metadata.network, registry);
  const extra = new Map<string, StoredTensor>();
  const weights = new Map<string, StoredTensor>();
  for (const [name, tensor] of file.tensors) {
    if (name.startsWith(EXTRA)) extra.set(name.slice(EXTRA.length), tensor);
    else weights.set(name, tensor);
  }
  try {
    loadStateDict(network, weights, path);
  } catch (error) {
    network.dispose();
    throw error;
  }
  const metadata = Object.fromEntries(
    Object.entries(file.metadata)
      .filter(([name]) => name.startsWith("json:"))
      .map(([name, text]) => [name.slice(5), parseJson(path, name, text)]),
  );
  return { network, extra, metadata };
}

function networkOf(path: string, text: string, registry: LayerRegistry): Network {
  const description = parseWith(networkSchema, parseJson(path, "network", text), path, "FILE");
  try {
    return new Network(partsFromDescription(description, registry, path));
  } catch (error) {
    if (!(error instanceof SpikeshipError)) throw error;
    // a description that no network can be made of is a fault of the file
    const { where } = error.facts;
    const place = where.startsWith(path) ? where : `${path}: ${where}`;
    throw new SpikeshipError("FILE", { ...error.facts, where: place, cause: error });
  }
}

function parseJson(path: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SpikeshipError("FILE", {
      where: `${path}: metadata ${name}`,
      expected: "JSON",
      got: "other text",
      cause,
    });
  }
}
