/** A network's tensors under their PyTorch names: taken from a file, copied between networks. */
import { expectShape, fail } from "../core/index.ts";
import { assign, Tensor } from "../tensor/index.ts";
import { refuseNonFinite, type StoredTensor, toFloat32 } from "./checkpoint/index.ts";
import { type Layer, OTHER_NETWORK } from "./layers/layer.ts";
import { copyLayer } from "./layers/members.ts";
import { Network } from "./network.ts";

/**
 * Puts tensors under their PyTorch names into a network. Every tensor of the network must be there (except
 * `num_batches_tracked`, which old files lack) and nothing else. All is checked before anything is changed.
 */
export function loadStateDict(
  network: Network,
  tensors: ReadonlyMap<string, StoredTensor>,
  where = "state_dict",
): void {
  const places = placesOf(network);
  expectNames(where, new Set(tensors.keys()), places);
  const loaded = places.map(({ key, layer, name }) => {
    const stored = tensors.get(key);
    if (!stored) return new Float32Array(1);
    expectShape(`${where}: "${key}"`, stored.shape, layer.specs[name]!.shape, OTHER_NETWORK);
    const numbers = toFloat32(where, key, stored);
    refuseNonFinite(where, key, numbers);
    return numbers;
  });
  places.forEach(({ layer, name }, i) => {
    layer.setTensor(name, Tensor.from(loaded[i]!, layer.specs[name]!.shape, { device: network.device }));
  });
}

/** A tensor of a network: its key in a state_dict, and the layer that holds it under a name. */
interface Place {
  key: string;
  layer: Layer;
  name: string;
}

function placesOf(network: Network): Place[] {
  const keyOf = (layer: Layer, name: string) => (layer.path === "" ? name : `${layer.path}.${name}`);
  return network
    .layers()
    .flatMap((layer) => Object.keys(layer.specs).map((name) => ({ key: keyOf(layer, name), layer, name })));
}

/** PyTorch wrote no batch counter before version 0.4.1. */
const MAY_BE_MISSING = "num_batches_tracked";

function expectNames(where: string, names: ReadonlySet<string>, places: readonly Place[]): void {
  const known = new Set(places.map(({ key }) => key));
  const missing = places.filter(({ key, name }) => name !== MAY_BE_MISSING && !names.has(key)).map(({ key }) => key);
  const unknown = [...names].filter((name) => !known.has(name));
  if (missing.length + unknown.length === 0) return;
  const parts = [
    ...(missing.length > 0 ? [`no ${firstOf(missing)}`] : []),
    ...(unknown.length > 0 ? [`unknown ${firstOf(unknown)}`] : []),
  ];
  fail("FILE", {
    where,
    expected: "exactly the tensors of the network",
    got: parts.join(" and "),
    hint: OTHER_NETWORK,
  });
}

const LISTED = 5;
const firstOf = (names: string[]) => `${names.slice(0, LISTED).join(", ")}${names.length > LISTED ? ", ..." : ""}`;

/** A copy of a network with its own tensors, where the network lies. */
export function cloneNetwork(network: Network): Network {
  const { inputShape, steps, encoder, root } = network;
  return new Network({ inputShape, steps, encoder, root: copyLayer(root) }).to(network.device);
}

/** Overwrites the numbers of a network with those of another of the same structure. Tensors stay the same objects. */
export function copyParameters(from: Network, to: Network): void {
  const source = from.stateDict();
  const target = to.stateDict();
  for (const name of new Set([...source.keys(), ...target.keys()])) {
    const [a, b] = [source.get(name), target.get(name)];
    const where = `network "${name}"`;
    if (a && b) expectShape(where, a.shape, b.shape, OTHER_NETWORK);
    else
      fail("SHAPE", { where, expected: "a tensor in both networks", got: "one in one of them", hint: OTHER_NETWORK });
  }
  for (const [name, tensor] of target) assign(tensor, source.get(name)!);
}
