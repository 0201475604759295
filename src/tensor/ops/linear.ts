/** Fully connected layer. */
import { fail, formatShape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { producedType } from "../precision.ts";
import { record } from "../tape.ts";
import { Tensor } from "../tensor.ts";
import { activationType, expectFloat } from "./arguments.ts";
import { toDtype } from "./cast.ts";
import { product } from "./matmul.ts";
import { toPlain } from "./shape.ts";

/** x `[..., I]` times weight `[O, I]` transposed, plus bias `[O]`: `[..., O]`. */
export function linear(x: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  expectFloat("linear", weight, bias);
  activationType("linear", x);
  const [outFeatures = 0, inFeatures = 0] = weight.shape;
  const lead = x.shape.slice(0, -1);
  const biasFits = !bias || (bias.shape.length === 1 && bias.shape[0] === outFeatures);
  if (weight.shape.length !== 2 || x.shape.at(-1) !== inFeatures || !biasFits) {
    fail("SHAPE", {
      where: "linear",
      expected: "input [...,I], weight [O,I], bias [O]",
      got: `${formatShape(x.shape)}, ${formatShape(weight.shape)}, ${bias ? formatShape(bias.shape) : "no bias"}`,
      hint: "Check the layer before it; images need flatten() first.",
    });
  }
  const rows = lead.reduce((total, size) => total * size, 1);
  const type = producedType();
  const typed = toDtype(x, type);
  const [input, matrix] = [toPlain(typed), toPlain(weight)];
  const out = Tensor.empty([...lead, outFeatures], type);
  core().linearForward(rows, inFeatures, outFeatures, input.buffer, matrix.buffer, bias?.buffer ?? 0, out.buffer, type);
  const shape = x.shape;
  record("linear", [input, matrix, bias], out, [input, matrix], (grad, saved, [needsX, needsWeight, needsBias]) => {
    const [heldX, heldWeight] = saved as [Tensor, Tensor];
    return [
      needsX ? product(false, false, rows, inFeatures, outFeatures, grad, heldWeight, type).view(shape, 0) : null,
      needsWeight ? product(true, false, outFeatures, inFeatures, rows, grad, heldX) : null,
      needsBias ? sumRows(grad, rows, outFeatures) : null,
    ];
  });
  for (const tensor of [typed, input, matrix]) tensor.dispose();
  return out;
}

/** Sum over the rows of a matrix `[rows, columns]` in memory: `[columns]`, float32. Not recorded. */
export function sumRows(x: Tensor, rows: number, columns: number): Tensor {
  const out = Tensor.empty([columns]);
  core().reduce("sum", x.buffer, 1, rows, columns, out.buffer, activationType("sumRows", x));
  return out;
}
