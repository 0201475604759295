/** A layer of the same kind and options with its own copies of the tensors. Members are copied by the caller. */
import { Layer } from "../model/index.ts";
import { Tensor } from "../tensor/index.ts";

export function copyLayer(layer: Layer): Layer {
  const copy = new Layer(layer.definition, layer.options);
  for (const name of Object.keys(layer.specs)) {
    const tensor = layer.tensor(name);
    copy.setTensor(name, Tensor.from(tensor.toArray(), tensor.shape));
  }
  return copy;
}
