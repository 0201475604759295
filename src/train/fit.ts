/** Whether a network can be trained on a dataset: sample and class sizes. Asked once, before any batch. */
import { fail, formatShape, sizeOf } from "../core/index.ts";
import type { Dataset } from "../data/index.ts";
import type { Network } from "../model/index.ts";

/** Number of outputs F of a network that answers with rates `[N, F]`. @throws SHAPE for any other output */
export function classesOf(network: Network): number {
  const shape = network.outputShape();
  const [classes] = shape;
  if (shape.length === 1) return classes!;
  return fail("SHAPE", {
    where: "network output",
    expected: "one rate for each class [F]",
    got: formatShape(shape),
    hint: "Put a Flatten and a Linear layer behind it.",
  });
}

/** @throws SHAPE when the samples or the classes of a dataset do not fit a network. Images may be read flat. */
export function expectFits(network: Network, { name, shape, classes }: Dataset): void {
  const { inputShape } = network;
  if (
    sizeOf(inputShape) !== sizeOf(shape) ||
    (inputShape.length > 1 && formatShape(inputShape) !== formatShape(shape))
  ) {
    fail("SHAPE", {
      where: "network input",
      expected: `inputShape ${formatShape(shape)}, the shape of a sample of ${name}`,
      got: formatShape(inputShape),
    });
  }
  const outputs = classesOf(network);
  if (outputs === classes) return;
  fail("SHAPE", {
    where: "network output",
    expected: `${classes} outputs, one for each class of ${name}`,
    got: `${outputs}`,
    hint: "Correct outFeatures of the last layer.",
  });
}
