/** Input for the counts of `spikeship map`: spikes from a NumPy file, or a dataset through the encoder of the exported network. */
import { join } from "node:path";
import { openDataset, readNpy, sampleBatch } from "../../data/index.ts";
import { arrangeInput, type ChipInput, type ChipRuntime } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { evaluationStream, loadCheckpoint } from "../../model/index.ts";
import { noGrad, scope, Tensor } from "../../tensor/index.ts";
import { NETWORK_FILE } from "../../verify/index.ts";
import { type DatasetChoice, datasetOf } from "../artefact-dataset.ts";

/** Samples that are encoded and run at once. */
const BATCH = 32;

/** The sequences of a `.npy` file, at most `samples` of them. @throws SHAPE when it does not fit the file */
export function arrayInputs(
  path: string,
  runtime: Pick<ChipRuntime, "inputShape" | "inputForm" | "steps">,
  samples: number | undefined,
): ChipInput[] {
  const { shape, data } = readNpy(path);
  const { input } = arrangeInput({ shape, data: Float32Array.from(data) }, runtime, undefined, path);
  const [steps = 0, count = 0, ...frame] = input.shape;
  const wanted = Math.min(samples ?? count, count);
  const size = input.data.length / (steps * count);
  const picked = new Float32Array(steps * wanted * size);
  for (let t = 0; t < steps; t++) {
    picked.set(input.data.subarray(t * count * size, (t * count + wanted) * size), t * wanted * size);
  }
  return [{ form: "sequence", shape: [steps, wanted, ...frame], data: picked }];
}

/** Test samples as the chip receives them, batch by batch. @throws FILE when the directory holds no network */
export function* datasetInputs(
  directory: string,
  choice: DatasetChoice,
  samples: number | undefined,
  onProgress: (done: number, of: number) => void,
): Generator<ChipInput> {
  const { dataset, seed } = datasetOf(directory, choice);
  const { test } = openDataset(dataset);
  const { network } = loadCheckpoint(join(directory, NETWORK_FILE), layers);
  const count = Math.min(samples ?? test.count, test.count);
  try {
    for (let start = 0; start < count; start += BATCH) {
      const size = Math.min(BATCH, count - start);
      const { images } = sampleBatch(test, start, size);
      yield scope(() =>
        noGrad(() => {
          const batch = Tensor.from(images, [size, ...network.inputShape]);
          const sequence = network.encode(batch, evaluationStream(seed + start));
          return { form: "sequence", shape: [...sequence.shape], data: sequence.toArray() as Float32Array };
        }),
      );
      onProgress(start + size, count);
    }
  } finally {
    network.dispose();
  }
}
