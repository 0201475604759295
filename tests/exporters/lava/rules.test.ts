/** Every design rule over networks: one that keeps it, and one that breaks it. */
import { describe, expect, it } from "vitest";
import { graphRules } from "../../../src/exporters/lava/graph-rules.ts";
import { checkGraph } from "../../../src/exporters/lava/rules.ts";
import type { Graph } from "../../../src/model/index.ts";
import { convGraph, denseGraph, poolGraph } from "./graphs.ts";

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
  ];
  it.each(broken)("breaks %s", (rule, graph) => expect(rulesOf(checkGraph(graph))).toContain(rule));

  it("has a case here for every rule", () => {
    const seen = new Set(broken.map(([rule]) => rule.split(" ")[0]));
    // layer-order is judged in lower.test.ts; unsupported-layer comes with it from the same rule
    expect(seen.size).toBe(graphRules.length);
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
