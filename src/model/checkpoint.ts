/**
 * Checkpoints: one safetensors file with the network's description, its tensors under PyTorch names, and whatever else a
 * program wants to continue (`extra` tensors and `metadata`). It loads without the program that made it.
 */
import { DTYPES, fail, formatShape, parseWith, sameShape, SpikeshipError } from "../core/index.ts";
import { core } from "../kernels/index.ts";
import { Tensor } from "../tensor/index.ts";
import { readSafetensors, type StoredTensor, storedFromTensor, tensorFromStored, writeSafetensors } from "./checkpoint/index.ts";
import { layerFromDescription, type LayerRegistry } from "./layers/registry.ts";
import { encoderDefinitions, encoderFromDescription } from "./encoders/index.ts";
import { Network, networkFromDescription, networkSchema } from "./network.ts";

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
  const description = parseWith(networkSchema, parseJson(path, "network", file.metadata.network), path, "FILE");
  const network = new Network({
    inputShape: description.inputShape,
    steps: description.steps,
    encoder: encoderFromDescription(description.encoder, encoderDefinitions),
    root: layerFromDescription(description.root, registry),
  });
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

function parseJson(path: string, name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SpikeshipError("FILE", { where: `${path}: metadata ${name}`, expected: "JSON", got: "other text", cause });
  }
}

/**
 * Puts tensors under their PyTorch names into a network. Every tensor of the network must be there (except
 * `num_batches_tracked`, which old files lack) and nothing else.
 */
export function loadStateDict(network: Network, tensors: ReadonlyMap<string, StoredTensor>, where = "state_dict"): void {
  const missing: string[] = [];
  const unused = new Set(tensors.keys());
  for (const layer of network.layers()) {
    for (const [name, spec] of Object.entries(layer.specs)) {
      const key = layer.path === "" ? name : `${layer.path}.${name}`;
      const found = tensors.get(key);
      unused.delete(key);
      if (!found) {
        if (name === "num_batches_tracked") layer.setTensor(name, Tensor.zeros(spec.shape));
        else missing.push(key);
        continue;
      }
      layer.setTensor(name, tensorFromStored(where, key, found));
    }
  }
  if (missing.length > 0 || unused.size > 0) {
    const parts = [
      missing.length > 0 ? `no ${missing.slice(0, 5).join(", ")}${missing.length > 5 ? ", ..." : ""}` : "",
      unused.size > 0 ? `unknown ${[...unused].slice(0, 5).join(", ")}${unused.size > 5 ? ", ..." : ""}` : "",
    ].filter(Boolean);
    throw new SpikeshipError("FILE", {
      where,
      expected: "exactly the tensors of the network",
      got: parts.join(" and "),
      hint: "Was the file made for another network?",
    });
  }
}

/** A copy of a network with its own tensors. */
export function cloneNetwork(network: Network, registry: LayerRegistry): Network {
  const copy = networkFromDescription(network.describe(), registry);
  copyParameters(network, copy);
  return copy;
}

/** Overwrites the numbers of a network with those of another of the same structure. Tensors stay the same objects. */
export function copyParameters(from: Network, to: Network): void {
  const source = from.stateDict();
  for (const [name, tensor] of to.stateDict()) {
    const other = source.get(name);
    if (!other || !sameShape(other.shape, tensor.shape)) {
      fail("SHAPE", {
        where: `network "${name}"`,
        expected: formatShape(tensor.shape),
        got: other ? formatShape(other.shape) : "no such tensor",
        hint: "Was the checkpoint made for another network?",
      });
    }
    core().copy(other.buffer, 0, tensor.buffer, 0, tensor.size * DTYPES[tensor.dtype].bytes);
  }
}
