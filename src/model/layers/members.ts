/** Layers inside the options of layers: the one place that knows how containers hold their members. */
import { Tensor } from "../../tensor/index.ts";
import { Layer } from "./layer.ts";

/** Options in which every member (alone, in a list or in an object) is replaced by what `change` makes of it. */
export function mapMembers<O extends object, R>(options: O, change: (member: Layer) => R): Record<string, unknown> {
  const map = (value: unknown): unknown => {
    if (value instanceof Layer) return change(value);
    if (Array.isArray(value)) return value.map(map);
    return value !== null && typeof value === "object" ? mapMembers(value, change) : value;
  };
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, map(value)]));
}

/** A layer of the same kind, options and place, with members of its own and without tensors. */
export function copyStructure(layer: Layer): Layer {
  const copy = new Layer(layer.definition, mapMembers(layer.options, copyStructure));
  copy.path = layer.path;
  return copy;
}

/** A layer with its members and their tensors, all copied. */
export function copyLayer(layer: Layer): Layer {
  const copy = copyStructure(layer);
  const copies = copy.walk();
  for (const original of layer.walk()) {
    const own = copies.next().value as Layer;
    for (const name of Object.keys(original.specs)) {
      const tensor = original.tensor(name);
      own.setTensor(name, Tensor.from(tensor.toArray(), tensor.shape, { device: tensor.device }));
    }
  }
  return copy;
}
