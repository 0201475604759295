/** Whether a network can be trained on a dataset: sample and class sizes. Asked once, before any batch. */
import { fail, formatShape, sizeOf } from "../core/index.ts";
import type { Dataset, Split } from "../data/index.ts";
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

/** @throws SHAPE when the samples of a split are not as large as the network's input */
export function expectSamples({ inputShape }: Network, { images, count }: Split): void {
  const [expected, got] = [sizeOf(inputShape), images.length / count];
  if (got === expected) return;
  fail("SHAPE", {
    where: "samples",
    expected: `${expected} numbers each, for a network with inputShape ${formatShape(inputShape)}`,
    got: `${got}`,
    hint: "Was the network made for another dataset?",
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
