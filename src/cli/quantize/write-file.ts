/** From a fine-tuned network to a proven file: export beside its checkpoint, and verification of what was written. */

import type { Dataset } from "../../data/index.ts";
import type { Artefact, DeploymentTarget } from "../../exporters/index.ts";
import { layers } from "../../layers.ts";
import { loadCheckpoint } from "../../model/index.ts";
import { type VerdictDocument, verifyArtefact } from "../../verify/index.ts";
import { exportArtefact } from "../export-artefact.ts";
import type { Progress } from "../progress.ts";

export interface WrittenArtefact {
  artefact: Artefact;
  /** Null when it was not verified. */
  verdict: VerdictDocument | null;
}

/** `checkpoint`: as fine-tuning wrote it; the file is made from what is on disk. `samples`: to verify with; null: not. */
export async function writeArtefact(
  target: DeploymentTarget,
  checkpoint: string,
  directory: string,
  proof: { dataset: Dataset; seed: number; samples: number; progress: Progress } | null,
): Promise<WrittenArtefact> {
  const { network, metadata } = loadCheckpoint(checkpoint, layers);
  try {
    const artefact = await exportArtefact(target, network, directory, metadata);
    if (!proof) return { artefact, verdict: null };
    const { dataset, seed, samples, progress } = proof;
    const { verdict } = await verifyArtefact(directory, dataset.test, layers, {
      seed,
      samples,
      onProgress: (done, of) => progress.update(done, of, `verified ${done} of ${of} samples`),
    });
    return { artefact, verdict };
  } finally {
    network.dispose();
  }
}
