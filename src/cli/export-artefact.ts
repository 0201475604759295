/** Writes a prepared network's artefact and, beside it, the network itself, which verification reads. */
import { join } from "node:path";
import type { Artefact, DeploymentTarget } from "../exporters/index.ts";
import { type Checkpoint, type Network, saveCheckpoint } from "../model/index.ts";
import { NETWORK_FILE } from "../verify/index.ts";

/** `origin`: metadata of the checkpoint that the network comes from; config and target are kept, the state of a training is not. */
export async function exportArtefact(
  target: DeploymentTarget,
  prepared: Network,
  directory: string,
  origin: Checkpoint["metadata"],
  options: Record<string, unknown> = {},
): Promise<Artefact> {
  const artefact = await target.export(prepared, directory, options);
  const { config, target: preparedFor } = origin;
  saveCheckpoint(join(directory, NETWORK_FILE), prepared, new Map(), {
    ...(config === undefined ? {} : { config }),
    ...(preparedFor === undefined ? {} : { target: preparedFor }),
  });
  return artefact;
}
