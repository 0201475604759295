/** Transposed convolutions as ONNX operators. */
import type { ConvTransposeNode } from "../../../model/index.ts";
import type { BuiltValue, OnnxBuilder } from "../onnx/onnx-builder.ts";
import { int, ints } from "../onnx/onnx-model.ts";
import type { Flow } from "./context.ts";

export function transposedConvolution(node: ConvTransposeNode, x: Flow, builder: OnnxBuilder): BuiltValue {
  const { id, source, weight, bias } = node;
  const parts = [x.value, builder.floats(`${id}.weight`, weight.shape, weight.data, `${source} weight`)];
  if (bias) parts.push(builder.floats(`${id}.bias`, bias.shape, bias.data, `${source} bias`));
  return builder.node(
    "ConvTranspose",
    id,
    parts,
    { shape: [x.value.shape[0]!, ...node.shape] },
    {
      dilations: ints(node.dilation),
      group: int(node.groups),
      kernel_shape: ints(weight.shape.slice(2)),
      output_padding: ints(node.outputPadding),
      pads: ints([...node.padding, ...node.padding]),
      strides: ints(node.stride),
    },
  );
}
