/** The float32 reading of a float16 network: the same rounded parameters, nothing else rounded. */
import { copyLayer, Layer, mapMembers, Network, Sequential } from "../../model/index.ts";
import { noGrad, roundFloat16 } from "../../tensor/index.ts";
import { float16SequentialDefinition } from "./float16.ts";

/** A new network with its own tensors. What float16 changes in a network is the difference between it and this twin. */
export function float32Twin(prepared: Network): Network {
  return new Network({
    inputShape: prepared.inputShape,
    steps: prepared.steps,
    encoder: prepared.encoder,
    root: unrounded(prepared.root),
  });
}

function unrounded(layer: Layer): Layer {
  if (layer.children.size === 0) return roundedCopy(layer);
  if (layer.kind !== float16SequentialDefinition.kind && layer.kind !== "Sequential") {
    return new Layer(layer.definition, mapMembers(layer.options, unrounded));
  }
  const members = [...layer.children].map(([name, child]) => [name, unrounded(child)] as const);
  return Sequential(Object.fromEntries(members));
}

/** Statistics of batch norms are parameters too; the batch counter never meets a number of the network. */
function roundedCopy(layer: Layer): Layer {
  const copy = copyLayer(layer);
  for (const [name, tensor] of [...copy.parameters, ...copy.buffers]) {
    if (name !== "num_batches_tracked") {
      copy.setTensor(
        name,
        noGrad(() => roundFloat16(tensor)),
      );
    }
  }
  return copy;
}
