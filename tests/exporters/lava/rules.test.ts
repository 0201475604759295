/** Every design rule over networks: one that keeps it, and one that breaks it. */
import { describe, expect, it } from "vitest";
import { chainOf } from "../../../src/exporters/lava/lowering/chain.ts";
import { graphRules } from "../../../src/exporters/lava/network-rules/index.ts";
import { checkGraph } from "../../../src/exporters/lava/rules.ts";
import type { Graph } from "../../../src/model/index.ts";
import { convGraph, denseGraph, poolGraph, sigmaDeltaGraph, twoBlocks } from "./graphs.ts";

const rulesOf = (findings: { rule: string; severity: string }[]) =>
  findings.map(({ rule, severity }) => `${rule.replace("loihi/", "")} ${severity}`);

/** A graph whose input carries real numbers. */
function realInput(): Graph {
  const graph = denseGraph();
  return {
    ...graph,
    nodes: graph.nodes.map((node) => (node.kind === "input" ? { ...node, values: "real" as const } : node)),
  };
}

/** A block that took up a norm's divisor. */
function withNotes(): Graph {
  const graph = denseGraph();
  const notes = ["norm's divisor 2^1 moved into the threshold, 64 to 128 weight steps: exact"];
  return { ...graph, nodes: graph.nodes.map((node) => (node.kind === "neuron" ? { ...node, notes } : node)) };
}

/** A graph with a delay of one step between two of its nodes. */
function withDelay(graph: Graph, before: number): Graph {
  const { id, shape } = graph.nodes[before - 1]!;
  const delay = { kind: "delay" as const, id: "delay", inputs: [id], shape, source: "delay", steps: 1 };
  const behind = graph.nodes.slice(before).map((node, i) => (i === 0 ? { ...node, inputs: ["delay"] } : node));
  return { ...graph, nodes: [...graph.nodes.slice(0, before), delay, ...behind] };
}
const delayedConv = (): Graph => withDelay(convGraph(0.25), 1);
const delayedOutput = (bias: number[] | null): Graph =>
  bias ? withDelay(denseGraph({ bias }), 3) : withDelay(convGraph(0.25), 4);

describe("a prepared network", () => {
  it.each([
    ["dense", denseGraph()],
    ["with a convolution", convGraph(0.25)],
    ["with a pool", poolGraph({ operation: "sum" })],
  ])("%s keeps every rule", (_, graph) => expect(checkGraph(graph)).toEqual([]));

  const broken: [string, Graph][] = [
    ["unsupported-layer error", poolGraph({ operation: "max" })],
    ["unsupported-neuron error", denseGraph({ kind: "IFNode", neuron: {} })],
    ["unsupported-neuron error", denseGraph({ kind: "MyNode" })],
    ["spike-input error", realInput()],
    ["scale-power-of-two error", denseGraph({ neuron: { scale: 100 } })],
    ["weight-grid error", denseGraph({ weight: [0.5, -0.3, 1, 0.125] })],
    ["weight-grid error", denseGraph({ weight: [1 / 64, -1, 1, 1] })],
    ["weight-grid error", convGraph(Number.NaN)],
    ["weight-range error", denseGraph({ weight: [4, -0.25, 1, 0.125] })],
    ["weight-range error", convGraph(-4.03125)],
    ["threshold-grid note", denseGraph({ neuron: { vThreshold: 0.7 } })],
    ["threshold-grid error", denseGraph({ neuron: { vThreshold: 0.7, truncateThreshold: false } })],
    ["threshold-range error", denseGraph({ neuron: { vThreshold: 2048 } })],
    ["threshold-range error", poolGraph({ operation: "avg", size: 4, neuron: { scale: 16, vThreshold: 600 } })],
    ["decay-range warning", denseGraph({ neuron: { currentDecay: 0 } })],
    ["decay-range warning", denseGraph({ neuron: { voltageDecay: 1 } })],
    ["bias-place error", denseGraph({ bias: [0.5, 0.5], neuron: { currentDecay: 0.5 } })],
    ["bias-range error", denseGraph({ bias: [0.01, 0] })],
    ["bias-range error", denseGraph({ bias: [64, 0] })],
    ["bias-alignment note", denseGraph({ bias: [0.5, 0] })],
    ["bias-alignment note", denseGraph({ neuron: { bias: 0.5, currentDecay: 0.5 } })],
    ["pool error", poolGraph({ operation: "avg", size: 3 })],
    ["dense-precision warning", denseGraph({ weight: [-1, -1, -1, -2] })],
    ["dense-precision error", denseGraph({ weight: [-1, -1, -1, -2], bias: [4, 4] })],
    ["register-overflow warning", convGraph(3.96875, { currentDecay: 1 / 4096 })],
    ["register-overflow warning", convGraph(-4, { scale: 64, voltageDecay: 1 / 4096 })],
    ["message-width error", denseGraph({ neuron: { gradedSpike: true } })],
    ["threshold-epsilon note", denseGraph({ neuron: { vThreshold: 64 } })],
    ["norm-exponent note", withNotes()],
    ["delay-range error", twoBlocks({ delay: { steps: 63 } })],
    ["recurrent-delay error", twoBlocks({ delay: { steps: 1 }, recurrent: true })],
    ["conv-delay error", delayedConv()],
    ["output-delay error", delayedOutput(null)],
    ["output-delay error", delayedOutput([0, 0.5])],
    ["early-spikes error", twoBlocks({ second: { bias: 2 }, recurrent: true })],
    ["early-spikes error", twoBlocks({ first: { bias: 2 }, delay: { steps: 3, channels: [0, 3] } })],
    ["reset-interval note", { ...denseGraph(), steps: 20 }],
    ["reset-reach note", twoBlocks({ recurrent: true })],
    ["reset-reach note", twoBlocks({ delay: { steps: 1 } })],
    ["reset-offset note", denseGraph({ bias: [0.5, 0] })],
    ["input-transform note", sigmaDeltaGraph()],
    ["input-transform error", sigmaDeltaGraph({ hostWeight: 0.3 })],
    ["sigma-delta-scale error", sigmaDeltaGraph({ scale: 128 })],
    ["sigma-delta-order error", sigmaDeltaGraph({ part: "delta" })],
    ["sigma-delta-bias error", sigmaDeltaGraph({ bias: [0.5, 0] })],
    ["sigma-delta-bias error", sigmaDeltaGraph({ bias: [-0.5, 0], part: "sigma" })],
    ["sigma-delta-range warning", sigmaDeltaGraph({ weight: 3.96875, bias: [0, -60] })],
    ["message-width warning", sigmaDeltaGraph({ weight: 3.96875 })],
    ["layer-order error", { ...denseGraph(), nodes: denseGraph().nodes.slice(0, 2) }],
  ];
  it.each(broken)("breaks %s", (rule, graph) => expect(rulesOf(checkGraph(graph))).toContain(rule));

  it("has a case here for every rule", () => {
    const chains = broken.map(([, graph]) => chainOf(graph));
    const silent = graphRules.flatMap((rule, i) => (chains.some((chain) => rule(chain).length > 0) ? [] : [i]));
    expect(silent).toEqual([]);
  });

  it("is told the source of every limit and a way out", () => {
    for (const [, graph] of broken) {
      for (const { source, rewrite, message } of checkGraph(graph)) {
        expect(source).not.toBe("");
        expect(rewrite).toMatch(/\.$/);
        expect(message).toMatch(/[.;]$/);
      }
    }
  });
});
