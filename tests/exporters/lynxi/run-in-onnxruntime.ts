/** Runs a model in ONNX Runtime as it would be read back from a file, on numbers of the test. */

import { encodeOnnx, openSession } from "../../../src/exporters/lynxi/index.ts";
import { decodeOnnx } from "../../../src/exporters/lynxi/onnx/decode.ts";
import type { OnnxModel } from "../../../src/exporters/lynxi/onnx/onnx-model.ts";

/** Outputs in their order. `numbersOf` fills each input, given how many numbers it has. */
export async function outputsOf(
  model: OnnxModel,
  numbersOf: (count: number) => ArrayLike<number>,
): Promise<number[][]> {
  const session = await openSession(decodeOnnx(encodeOnnx(model), "model"), "model");
  const inputs = model.inputs.map(({ name, shape }) => {
    const sizes = shape!.map(Number);
    const data = Float32Array.from(numbersOf(sizes.reduce((product, size) => product * size, 1)));
    return [name, { shape: sizes, data }] as const;
  });
  const outputs = await session.run(new Map(inputs));
  await session.release();
  return model.outputs.map(({ name }) => Array.from(outputs.get(name)!.data));
}
