/** All design rules of Loihi as Lava's netx format holds it: over a network before training and export, and over a `.net` file. */
import type { Graph } from "../../model/index.ts";
import type { Finding } from "../target.ts";
import { netRules } from "./file-rules/index.ts";
import { chainOf } from "./lowering/chain.ts";
import type { NetFile } from "./net/net-file.ts";
import { graphRules } from "./network-rules/index.ts";

/** What a network breaks, or loses. */
export function checkGraph(graph: Graph): Finding[] {
  const chain = chainOf(graph);
  return graphRules.flatMap((rule) => rule(chain));
}

/** What a file, whoever wrote it, breaks or loses when Lava loads it, or what the chip cannot hold. */
export function checkNet(net: NetFile): Finding[] {
  return netRules.flatMap((rule) => rule(net));
}
