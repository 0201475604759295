/** The closed list of datasets that a config can name. */
import { z } from "zod";
import { unreachable } from "../core/index.ts";
import type { Dataset } from "./dataset.ts";
import { digitsSchema, openDigits } from "./digits.ts";
import { mnistSchema, openMnist } from "./mnist.ts";

export const datasetSchema = z.discriminatedUnion("kind", [digitsSchema, mnistSchema]);
export type DatasetConfig = z.infer<typeof datasetSchema>;

/** Reads the dataset of a config into memory. @throws FILE, OPTION */
export function openDataset(config: DatasetConfig): Dataset {
  switch (config.kind) {
    case "digits":
      return openDigits();
    case "mnist":
      return openMnist(config);
    default:
      return unreachable(config);
  }
}
