/** Verifies an export directory as it stands on disk: its network, its file, and a split of samples; leaves `verdict.json` there. */
import { basename, join } from "node:path";
import { readFileChecked, sha256 } from "../core/index.ts";
import type { Split } from "../data/index.ts";
import { readArtefactHead, targetById } from "../exporters/index.ts";
import { type LayerRegistry, loadCheckpoint } from "../model/index.ts";
import { NETWORK_FILE, type Proof, prove, type VerifyOptions } from "./run.ts";
import { VERDICT_FILE, type VerdictDocument, verdictDocument, writeVerdict } from "./verdict.ts";

export interface ArtefactProof {
  verdict: VerdictDocument;
  verdictFile: string;
  proof: Proof;
}

/** @throws FILE when something is missing or broken, SHAPE when the samples do not fit. */
export async function verifyArtefact(
  directory: string,
  split: Split,
  registry: LayerRegistry,
  options: VerifyOptions = {},
): Promise<ArtefactProof> {
  const { target: id, file } = readArtefactHead(directory);
  const target = targetById(id);
  const networkFile = join(directory, NETWORK_FILE);
  const { network } = loadCheckpoint(networkFile, registry);
  const { plans, dispose } = target.comparisons(network);
  try {
    const runtime = await target.open(file);
    try {
      const proof = await prove(plans, runtime, split, options);
      const verdict = verdictDocument({
        target: id,
        file: basename(file),
        hashes: {
          network: sha256(readFileChecked(networkFile)),
          file: sha256(readFileChecked(file)),
          input: proof.inputHash,
        },
        comparisons: proof.comparisons,
        ...(proof.numbers ? { numbers: proof.numbers } : {}),
      });
      const verdictFile = join(directory, VERDICT_FILE);
      writeVerdict(verdictFile, verdict);
      return { verdict, verdictFile, proof };
    } finally {
      runtime.close();
    }
  } finally {
    dispose();
    network.dispose();
  }
}
