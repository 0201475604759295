/** Every design rule: a network or file that keeps it, and one that breaks it. */
import { describe, expect, it } from "vitest";
import { graphRules } from "../../../src/exporters/lava/graph-rules.ts";
import {
  type CubaNeuron,
  type DenseLayer,
  type NetFile,
  type NetLayer,
  netArray,
  scalar,
} from "../../../src/exporters/lava/net-file.ts";
import { netRules } from "../../../src/exporters/lava/net-rules.ts";
import { checkGraph, checkNet } from "../../../src/exporters/lava/rules.ts";
import { simulateReference } from "../../../src/exporters/lava/simulate-reference.ts";
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

const neuron: CubaNeuron = { type: "CUBA", iDecay: scalar(4096), vDecay: scalar(0), vThMant: 64, extras: {} };
const dense: DenseLayer = {
  type: "dense",
  shape: [2],
  weight: netArray([2, 2], [2, -4, 6, 8]),
  imaginary: null,
  bias: null,
  delay: null,
  neuron,
  extras: {},
};
const input: NetLayer = { type: "input", shape: [2], weight: null, bias: null, neuron: null, extras: {} };
const file = (...layers: NetLayer[]): NetFile => ({ layers: [input, ...layers], simulation: null });
const denseFile = (changes: Partial<DenseLayer>): NetFile => file({ ...dense, ...changes });
const withNeuron = (changes: Partial<CubaNeuron>): NetFile => denseFile({ neuron: { ...neuron, ...changes } });

describe("a file", () => {
  it("keeps every rule", () => expect(checkNet(file(dense))).toEqual([]));

  it("keeps them with what slayer writes besides", () => {
    expect(
      checkNet(withNeuron({ extras: { refDelay: scalar(1), gradedSpike: scalar(0), scaleRho: scalar(10) } })),
    ).toEqual([]);
  });

  const broken: [string, NetFile][] = [
    ["loadable error", file({ type: "average", shape: [2], extras: {} })],
    ["loadable error", denseFile({ weight: netArray([2, 2], [0, 0, 0, 0]) })],
    ["loadable error", denseFile({ weight: netArray([2, 3], [2, -2, 2, 2, 2, 2]) })],
    ["loadable error", withNeuron({ extras: { messageBits: scalar(8) } })],
    [
      "loadable error",
      file({ ...dense, type: "dense_rec", weightRec: netArray([2, 2], [2, 2, 2, 2]), delay: scalar(1) }),
    ],
    ["whole-weights warning", denseFile({ weight: netArray([2, 2], [2.5, -4, 6, 8]) })],
    ["whole-weights warning", denseFile({ delay: netArray([2], [1.5, 0]) })],
    ["weight-grid warning", denseFile({ weight: netArray([2, 2], [3, -4, 6, 8]) })],
    ["weight-range error", denseFile({ weight: netArray([2, 2], [300, -4, 6, 8]) })],
    ["dense-precision warning", denseFile({ weight: netArray([2, 2], [-128, -4, -6, -8]) })],
    ["threshold-range warning", withNeuron({ vThMant: 2 ** 17 })],
    ["decay-range warning", withNeuron({ iDecay: scalar(0) })],
    ["decay-range error", withNeuron({ vDecay: scalar(5000) })],
    ["bias-range warning", denseFile({ bias: netArray([2], [5000, 0]) })],
    ["bias-alignment note", denseFile({ bias: netArray([2], [50, 0]) })],
    ["delay warning", denseFile({ delay: netArray([2], [63, 0]) })],
    [
      "input-transform note",
      { layers: [{ ...input, weight: 36, bias: 34, neuron } as NetLayer, dense], simulation: null },
    ],
    ["ignored-member warning", withNeuron({ extras: { weight_exp: scalar(2) } })],
    ["ignored-member warning", withNeuron({ extras: { gradedSpike: scalar(1) } })],
    ["ignored-member warning", denseFile({ extras: { wieght: scalar(2) } })],
    ["register-overflow warning", denseFile({ ...wide(), neuron: { ...neuron, iDecay: scalar(1) } })],
  ];
  it.each(broken)("breaks %s", (rule, net) => expect(rulesOf(checkNet(net))).toContain(rule));

  it("has a case here for every rule", () => {
    expect(new Set(broken.map(([rule]) => rule.split(" ")[0])).size).toBe(netRules.length);
  });

  it("names the nearest member for one that nobody knows", () => {
    expect(checkNet(denseFile({ extras: { wieght: scalar(2) } }))[0]).toMatchObject({
      place: "/layer/1/wieght",
      rewrite: 'Did you mean "weight"?',
    });
  });

  it("with resonators is only warned about: Lava loads it, the simulator here does not", () => {
    const resonator = {
      type: "RF_PHASE",
      sinDecay: scalar(10),
      cosDecay: scalar(4000),
      vThMant: 64,
      extras: {},
    } as const;
    const net = denseFile({ imaginary: netArray([2, 2], [2, -4, 6, 8]), neuron: resonator });
    expect(rulesOf(checkNet(net))).toContain("loadable warning");
    expect(() => simulateReference(net, { shape: [1, 1, 2], data: [1, 0] })).toThrow(/run the file in Lava/);
  });

  it("tells apart a sigma-delta network's function, of which the chip knows only one", () => {
    const layer: NetLayer = {
      ...dense,
      neuron: { type: "SDNN", activation: "tanh", vThMant: 6, sigmaOutput: false, extras: {} },
    };
    expect(rulesOf(checkNet(file(layer)))).toContain("ignored-member warning");
  });
});

/** Two neurons whose current, at the slowest decay, can leave its 24 bits. */
function wide(): Pick<DenseLayer, "weight"> {
  return { weight: netArray([2, 2], [254, 254, 254, -256]) };
}
