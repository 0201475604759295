/** Reads PyTorch checkpoints (`torch.save`) as names and numbers. Nothing in them is executed. */
import { fail } from "../../core/index.ts";
import { Tuple } from "./pickle.ts";
import type { StoredTensor } from "./stored.ts";
import { readRoot } from "./torch-containers.ts";
import { readTensor, TensorReference } from "./torch-tensors.ts";

/** Names under which training programs keep the state_dict of the network inside a larger dictionary. */
const USUAL_ENTRIES = ["net", "state_dict", "model_state_dict", "model"];
/** Prefix that DataParallel adds to every name. */
const PARALLEL_PREFIX = "module.";
/** Several names may share one storage; more than so many times the file's size is an attack, not a network. */
const LARGEST_SHARING = 8;
const DEEPEST = 32;

/** A number, text, truth value or null of a checkpoint. */
export type TorchScalar = number | string | boolean | null;

export interface TorchFile {
  format: "zip" | "legacy";
  /** Every tensor by its path in the nested dictionaries, joined with dots (`net.conv_fc.0.weight`). */
  tensors: Map<string, StoredTensor>;
  /** Everything that is not a tensor, by the same kind of path (`max_test_acc`). */
  values: Map<string, TorchScalar>;
}

/** Everything in a checkpoint. @throws FILE naming the byte or entry: truncated, damaged, or holding objects other than numbers. */
export function readTorchFile(path: string): TorchFile {
  const { format, root, bytes } = readRoot(path);
  return { format, ...flatten(path, root, bytes) };
}

/**
 * The network's state_dict: the file itself when it holds tensors directly, else its entry `net`, `state_dict`, `model_state_dict` or
 * `model`, else everything with joined names. `entry` names another one. @throws FILE as `readTorchFile`, and when there are no tensors
 */
export function readTorchCheckpoint(path: string, entry?: string): Map<string, StoredTensor> {
  const { root, bytes } = readRoot(path);
  const { tensors } = flatten(path, stateDictOf(path, root, entry), bytes);
  if (tensors.size === 0) {
    fail("FILE", { where: path, expected: "a state_dict", got: "no tensors", hint: "Save the model's state_dict()." });
  }
  const parallel = [...tensors.keys()].every((name) => name.startsWith(PARALLEL_PREFIX));
  return parallel
    ? new Map([...tensors].map(([name, tensor]) => [name.slice(PARALLEL_PREFIX.length), tensor]))
    : tensors;
}

function stateDictOf(path: string, root: unknown, entry: string | undefined): unknown {
  if (!(root instanceof Map)) return root;
  if (entry !== undefined) {
    const names = [...root.keys()].filter((name) => typeof name === "string").join(", ");
    return root.get(entry) ?? fail("FILE", { where: path, expected: `one of ${names}`, got: `"${entry}"` });
  }
  const holdsTensors = (value: unknown) =>
    value instanceof Map && [...value.values()].some((member) => member instanceof TensorReference);
  if (holdsTensors(root)) return root;
  const usual = USUAL_ENTRIES.find((name) => holdsTensors(root.get(name)));
  return usual === undefined ? root : root.get(usual);
}

/** Walks nested dictionaries and lists. Depth, visits and copied bytes are bounded, because a pickle can refer to itself. */
function flatten(path: string, root: unknown, fileBytes: number): Pick<TorchFile, "tensors" | "values"> {
  const tensors = new Map<string, StoredTensor>();
  const values = new Map<string, TorchScalar>();
  let visits = 0;
  let copied = 0;
  const visit = (name: string, value: unknown, depth: number): void => {
    const where = `${path}: "${name}"`;
    if (++visits > fileBytes || depth > DEEPEST) {
      fail("FILE", { where, expected: `at most ${DEEPEST} nested levels that do not repeat`, got: "more" });
    }
    if (value instanceof TensorReference) {
      copied += value.count * (value.storage.byteLength / Math.max(value.storage.count, 1));
      if (copied > fileBytes * LARGEST_SHARING) {
        fail("FILE", {
          where,
          expected: `tensors of at most ${LARGEST_SHARING} times the file's size`,
          got: `${copied} bytes`,
        });
      }
      tensors.set(name, readTensor(value));
    } else if (value instanceof Map) {
      for (const [key, member] of value) visit(name === "" ? String(key) : `${name}.${String(key)}`, member, depth + 1);
    } else if (value instanceof Tuple || Array.isArray(value)) {
      const items = value instanceof Tuple ? value.items : value;
      for (const [i, member] of items.entries()) visit(name === "" ? `${i}` : `${name}.${i}`, member, depth + 1);
    } else {
      values.set(name, scalar(where, value));
    }
  };
  visit("", root, 0);
  return { tensors, values };
}

function scalar(where: string, value: unknown): TorchScalar {
  if (value === null || typeof value === "number" || typeof value === "string" || typeof value === "boolean")
    return value;
  if (typeof value === "bigint") return `${value}`;
  return fail("FILE", { where, expected: "a tensor, number or text", got: "another object" });
}
