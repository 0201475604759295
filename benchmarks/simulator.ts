/** The chip simulator's case: the Lava network is written as a chip's file, read back and run. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { targetById } from "../src/exporters/index.ts";
import { evaluationStream } from "../src/model/index.ts";
import { Tensor } from "../src/tensor/index.ts";
import { digitImages, lavaNetwork } from "./networks.ts";
import type { Prepared } from "./prepared.ts";
import type { Sizes } from "./sizes.ts";

/** `device`: where it runs. */
export async function prepareSimulator(sizes: Sizes, device = "cpu"): Promise<Prepared> {
  const { simulatedImages: count, image, lavaSteps } = sizes;
  const network = lavaNetwork(sizes);
  const directory = mkdtempSync(join(tmpdir(), "spikeship-bench-"));
  const target = targetById("loihi");
  const artefact = await target.export(network, directory);
  const runtime = await target.open(join(directory, artefact.file));
  const samples = Tensor.from(digitImages(count, sizes).images, [count, 1, image, image]);
  const spikes = network.encode(samples, evaluationStream(0));
  const shape = [lavaSteps, count, 1, image, image];
  const data = spikes.toArray() as Float32Array;
  for (const tensor of [samples, spikes]) tensor.dispose();
  network.dispose();
  return {
    run: async () => void (await runtime.run({ form: "sequence", shape, data }, { device })),
    dispose() {
      runtime.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
