/** The samples on which an export directory is run: those that are named, or those its network was trained on. */
import { join } from "node:path";
import type { DatasetConfig } from "../data/index.ts";
import { layers } from "../layers.ts";
import { loadCheckpoint } from "../model/index.ts";
import type { Config } from "../train/index.ts";
import { NETWORK_FILE } from "../verify/index.ts";
import { configOf } from "./run-config.ts";

export interface DatasetChoice {
  /** `digits`, or a folder of MNIST files. */
  data?: string;
  /** A config that names the dataset. */
  config?: string;
}

/** @throws OPTION when nothing names a dataset, FILE when the directory holds no network. */
export function datasetOf(directory: string, options: DatasetChoice): { dataset: DatasetConfig; seed: number } {
  const { data } = options;
  const trained = trainedOn(directory, options);
  const seed = trained?.seed ?? 0;
  if (data === undefined) return { dataset: trained!.dataset, seed };
  if (data === "digits") return { dataset: { kind: "digits" }, seed };
  // rows and normalisation stay those of the training, so that a moved folder still means the same samples
  if (trained?.dataset.kind === "mnist") return { dataset: { ...trained.dataset, directory: data }, seed };
  return { dataset: { kind: "mnist", directory: data }, seed };
}

/** The config of the training; null when the network carries none and --data makes it unnecessary. */
function trainedOn(directory: string, { data, config }: DatasetChoice): Config | null {
  const path = join(directory, NETWORK_FILE);
  const checkpoint = loadCheckpoint(path, layers);
  try {
    const known = config !== undefined || checkpoint.metadata.config !== undefined;
    return known || data === undefined ? configOf(path, checkpoint, config) : null;
  } finally {
    checkpoint.network.dispose();
  }
}
