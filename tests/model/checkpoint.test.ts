/** Checkpoints of whole networks: what comes back, and what is refused by name before anything is changed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream, type SpikeshipError } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import {
  copyParameters,
  loadCheckpoint,
  loadStateDict,
  type Network,
  readSafetensors,
  type StoredTensor,
  saveCheckpoint,
  storedFromTensor,
  writeSafetensors,
} from "../../src/model/index.ts";
import { scope, Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";
import { smallNetwork } from "./small-network.ts";

const folder = temporaryFolder();
const path = join(folder, "network.safetensors");

let network: Network;
beforeAll(() => {
  network = smallNetwork(5);
});
afterAll(() => network.dispose());

const stored = () => new Map([...network.stateDict()].map(([name, tensor]) => [name, storedFromTensor(tensor)]));
const numbers = (net: Network) => new Map([...net.stateDict()].map(([name, tensor]) => [name, [...tensor.toArray()]]));

/** The error of loading these tensors into a fresh network, which must have stayed as it was. */
function refusal(tensors: ReadonlyMap<string, StoredTensor>): SpikeshipError {
  const fresh = smallNetwork(6);
  try {
    const before = numbers(fresh);
    const error = errorOf(() => loadStateDict(fresh, tensors, "weights.pt"));
    expect(numbers(fresh)).toEqual(before);
    return error;
  } finally {
    fresh.dispose();
  }
}

describe("a checkpoint", () => {
  it("brings back the network, its answers, and what a program stored beside it", () => {
    const extra = Tensor.from([1, 2, 3], [3]);
    saveCheckpoint(path, network, new Map([["moment", extra]]), { epoch: 3, note: { a: [1, null] } });
    extra.dispose();
    const loaded = loadCheckpoint(path, layers);
    expect(loaded.network.describe()).toEqual(network.describe());
    expect(numbers(loaded.network)).toEqual(numbers(network));
    expect([...loaded.extra.get("moment")!.data]).toEqual([1, 2, 3]);
    expect(loaded.metadata).toEqual({ epoch: 3, note: { a: [1, null] } });
    scope(() => {
      const x = uniform([2, 1, 8, 8], new RandomStream(1));
      const predict = (net: Network) => [...net.predict(x, new RandomStream(2)).toArray()];
      expect(predict(loaded.network)).toEqual(predict(network));
    });
    loaded.network.dispose();
  });

  it("is refused when it is not ours, or describes a network that cannot be", () => {
    const { metadata, tensors } = readSafetensors(path);
    const write = (change: Record<string, string>) => writeSafetensors(path, tensors, { ...metadata, ...change });
    const refused = (change: Record<string, string>, code = "FILE") => {
      write(change);
      const error = errorOf(() => loadCheckpoint(path, layers));
      expect(error.code).toBe(code);
      expect(error.message).toContain(path);
      return error.message;
    };
    expect(refused({ format: "other" })).toContain('got format "other"');
    expect(refused({ network: "{" })).toContain("metadata network: expected JSON");
    expect(refused({ network: '{"steps":1}' })).toContain("inputShape");
    const description = JSON.parse(metadata.network!) as { root: { layers: Record<string, object> } };
    const withHead = (head: object) =>
      JSON.stringify({ ...description, root: { ...description.root, layers: { ...description.root.layers, head } } });
    expect(refused({ network: withHead({ kind: "Lineer" }) })).toContain(".root.head: expected one of");
    expect(refused({ network: withHead({ kind: "Linear", inFeatures: 3, outFeatures: 10 }) })).toContain(
      'Linear "head": expected input [3], got [48]',
    );
    expect(refused({ network: withHead({ kind: "Linear", inFeatures: 48, outFeatures: 4 }) }, "SHAPE")).toContain(
      '"head.weight": expected shape [4,48], got [10,48]',
    );
    write({});
    loadCheckpoint(path, layers).network.dispose();
  });

  it("that is truncated is refused, and the earlier file stays when writing fails", () => {
    saveCheckpoint(path, network);
    const bytes = readFileSync(path);
    const short = join(folder, "short.safetensors");
    writeFileSync(short, bytes.subarray(0, bytes.length - 8));
    expect(errorOf(() => loadCheckpoint(short, layers)).code).toBe("FILE");
    expect(errorOf(() => saveCheckpoint(join(folder, "missing", "x.safetensors"), network)).code).toBe("WRITE");
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });
});

describe("a state_dict", () => {
  it("must hold the network's tensors and no others, except the batch counter that old files lack", () => {
    const tensors = stored();
    const head = tensors.get("head.bias")!;
    tensors.delete("head.bias");
    expect(refusal(tensors).message).toBe(
      "weights.pt: expected exactly the tensors of the network, got no head.bias. Was the file made for another network?",
    );
    tensors.set("head.extra", head);
    expect(refusal(tensors).message).toContain("got no head.bias and unknown head.extra.");
    tensors.delete("head.extra");
    tensors.set("head.bias", head);
    tensors.delete("features.1.num_batches_tracked");
    const fresh = smallNetwork(6);
    loadStateDict(fresh, tensors);
    expect(fresh.stateDict().get("features.1.num_batches_tracked")!.item()).toBe(0);
    fresh.dispose();
  });

  it("must have the network's shapes and finite numbers", () => {
    const turned = stored();
    const head = turned.get("head.weight")!;
    turned.set("head.weight", { ...head, shape: [...head.shape].reverse() });
    expect(refusal(turned).message).toContain('weights.pt: "head.weight": expected shape [10,48], got [48,10].');
    const broken = stored();
    (broken.get("features.1.bias")!.data as Float32Array)[1] = Number.NaN;
    const { code, message } = refusal(broken);
    expect(code).toBe("VALUE");
    expect(message).toContain('weights.pt: "features.1.bias"[1]: expected finite numbers, got NaN');
  });

  it("is copied between networks of one structure, into the tensors that are there", () => {
    const other = smallNetwork(8);
    const tensors = new Map(other.stateDict());
    copyParameters(network, other);
    expect(numbers(other)).toEqual(numbers(network));
    expect([...other.stateDict()].every(([name, tensor]) => tensors.get(name) === tensor)).toBe(true);
    const part = other.layer("features");
    const small = { stateDict: () => new Map([["0.weight", part.children.get("0")!.tensor("weight")]]) };
    const { code, message } = errorOf(() => copyParameters(network, small as unknown as Network));
    expect(code).toBe("SHAPE");
    expect(message).toContain("expected a tensor in both networks");
    other.dispose();
  });
});
