/**
 * The design rules on a network, before training and before export: layers that have no way onto the chip by name, then every rule on the graph
 * that the network would become, with the layer at each place. Rules on files are run by `check-file.ts`.
 */
import { SpikeshipError, sizeOf } from "../../../core/index.ts";
import type { Graph, GraphNode, Network } from "../../../model/index.ts";
import type { Finding } from "../../target.ts";
import { type Lowering, lowerGraph, refusals } from "../lower.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { designRules } from "../rules.ts";
import { findingsOf } from "../write.ts";
import { boundsOf, type GraphSize, sizeRemarks } from "./limits.ts";
import type { Violation } from "./subject.ts";

/** Larger graphs are judged by their size alone: lowering one takes seconds, and the size is a finding already. */
const MOST_NODES_TO_LOWER = 200_000;
/** About as many operators as a neuron layer takes for one step. */
const NODES_PER_STEP = 6;
const BYTES_OF_AN_INPUT = 4;

export function checkNetwork(network: Network): Finding[] {
  const graph = lowered(network);
  if (!("nodes" in graph)) return [graph];
  const refused = refusals(graph).map(
    ({ node, refusal }): Finding => ({
      rule: refusal.rule,
      severity: "error",
      place: node.source,
      message: `expected ${refusal.expected}, got ${refusal.got}`,
      source: "exporters/lynxi: no way to write this node for the chip",
      rewrite: refusal.hint,
    }),
  );
  const size = sizeOfGraph(graph);
  if (refused.length > 0) return [...refused, ...sizeFindings(graph, size)];
  if (size.nodes > MOST_NODES_TO_LOWER) return [...sizeFindings(graph, size), notLowered(size)];
  try {
    const lowering = lowerGraph(graph);
    const layers = layersByPlace(lowering);
    return findingsOf(lowering, encodeOnnx(lowering.model)).map((finding) => {
      const layer = layers.get(finding.place);
      return layer === undefined ? finding : { ...finding, place: `${layer} (${finding.place})` };
    });
  } catch (error) {
    return [findingOfError(error, "LX012")];
  }
}

/** The chip-neutral graph, or the finding that some layer has no place in any such graph. */
function lowered(network: Network): Graph | Finding {
  try {
    return network.lower();
  } catch (error) {
    return findingOfError(error, "LX004");
  }
}

function findingOfError(error: unknown, rule: string): Finding {
  if (!(error instanceof SpikeshipError)) throw error;
  const { where, expected, got, hint } = error.facts;
  const { source, title } = ruleOf(rule);
  return {
    rule,
    severity: "error",
    place: where,
    message: `expected ${expected}, got ${got}`,
    limit: title,
    source,
    ...(hint ? { rewrite: hint } : {}),
  };
}

const ruleOf = (id: string) => designRules.find((rule) => rule.id === id)!;

/** What can be said of inputs and size without lowering: only what is above a limit. */
function sizeFindings(graph: Graph, size: GraphSize): Finding[] {
  const inputs = graph.nodes.flatMap((node) => {
    if (node.kind !== "input") return [];
    const rows = node.form === "sequence" ? graph.steps : 1;
    return [{ name: node.source, shape: [rows, ...node.shape], bytes: BYTES_OF_AN_INPUT }];
  });
  return [
    ...asFindings("LX015", boundsOf(inputs)),
    ...asFindings(
      "LX028",
      sizeRemarks(size).filter(({ severity }) => severity !== "note"),
    ),
  ];
}

function asFindings(id: string, violations: readonly Violation[]): Finding[] {
  const { severity, title, source, rewrite } = ruleOf(id);
  return violations.map((violation) => ({ rule: id, severity, limit: title, source, rewrite, ...violation }));
}

function notLowered({ nodes }: GraphSize): Finding {
  const message = `not judged: the other rules need a graph, which would have about ${nodes} nodes`;
  return asFindings("LX028", [{ place: "graph", message, severity: "note" }])[0]!;
}

/** Counted from the chip-neutral graph, for one sample: operators and multiply-adds are estimates. */
function sizeOfGraph({ nodes, steps }: Graph): GraphSize {
  const neurons = nodes.filter(({ kind }) => kind === "neuron");
  return {
    nodes: nodes.length + neurons.length * steps * NODES_PER_STEP,
    parameters: nodes.reduce((sum, node) => sum + parametersOf(node), 0),
    neurons: neurons.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    rows: neurons.length > 0 ? steps : 0,
    multiplyAdds: steps * nodes.reduce((sum, node) => sum + multiplyAddsOf(node), 0),
  };
}

const parametersOf = (node: GraphNode): number =>
  node.kind === "linear" || node.kind === "conv" ? node.weight.data.length + (node.bias?.data.length ?? 0) : 0;

function multiplyAddsOf(node: GraphNode): number {
  if (node.kind !== "linear" && node.kind !== "conv") return 0;
  return sizeOf(node.shape) * sizeOf(node.weight.shape.slice(1));
}

/** The layer behind each node and value of the graph, where there is one. */
function layersByPlace({ model, layers }: Lowering): Map<string, string> {
  const layerOfNode = new Map(layers.flatMap(({ layer, nodes }) => nodes.map((name) => [name, layer] as const)));
  const places = new Map<string, string>();
  for (const node of model.nodes) {
    const layer = layerOfNode.get(node.name);
    if (layer === undefined || layer === "") continue;
    for (const name of [...node.inputs, ...node.outputs, node.name]) if (!places.has(name)) places.set(name, layer);
  }
  return places;
}
