/** Writes a Loihi artefact: the `.net` file, manifest, script and a page of text. Everything is made in memory before anything is written. */
import type { Graph } from "../../../model/index.ts";
import { writeFiles } from "../../artefact.ts";
import type { Artefact, Finding } from "../../target.ts";
import { latencyOf, planNet } from "../chip/plan.ts";
import { alignedOffset } from "../emulation/run.ts";
import { lowerToNet, type NetLowering } from "../lower.ts";
import { checkNet } from "../rules.ts";
import { encodeNet } from "../write.ts";
import { makeManifest, NET_FILE } from "./manifest.ts";
import { namedPlaces } from "./named-places.ts";
import { README_FILE, RUN_SCRIPT, readmeText, runScript } from "./scripts.ts";

/** @throws TARGET when a rule is broken, WRITE when the directory cannot be written. */
export async function writeArtefact(graph: Graph, directory: string): Promise<Artefact> {
  const lowered = lowerToNet(graph);
  const lowering = { ...lowered, findings: [...lowered.findings, ...fileFindings(lowered)] };
  const plan = planNet(lowering.net);
  const facts = {
    steps: graph.steps,
    inputShape: plan.inputShape,
    latency: latencyOf(plan, plan.blocks.length - 1),
    resetOffset: alignedOffset(plan),
  };
  const contents = new Map<string, Uint8Array | string>([
    [NET_FILE, await encodeNet(lowering.net)],
    [RUN_SCRIPT, runScript],
    [README_FILE, readmeText({ ...facts, ...lowering, file: NET_FILE, outputShape: lowering.layers.at(-1)!.shape })],
  ]);
  return {
    target: "loihi",
    directory,
    file: NET_FILE,
    files: writeFiles(directory, contents, (hashes) => makeManifest({ ...facts, lowering, sha256: hashes })),
    findings: lowering.findings,
    lossy: lowering.lossy,
  };
}

/** What the rules say about the file beyond what they said about the network, with the network's names for places. */
function fileFindings(lowering: NetLowering): Finding[] {
  const known = new Set(lowering.findings.map(({ rule }) => rule));
  return checkNet(lowering.net)
    .filter(({ rule }) => !known.has(rule))
    .map(namedPlaces(lowering));
}
