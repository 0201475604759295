/** Rules about how neurons stand in the graph. */
import { formatShape } from "../../../core/index.ts";
import type { DesignRule, RuleSubject, Violation } from "../rules.ts";
import { findSpikeLayers } from "../spike-layers.ts";
import { SOURCES } from "./source.ts";

const COMPARISONS = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less"]);

function neuronShape({ model, inference }: RuleSubject): Violation[] {
  return model.nodes.flatMap((node): Violation[] => {
    if (!COMPARISONS.has(node.op)) return [];
    const shape = inference.facts.get(node.inputs[0] ?? "")?.shape;
    if (!shape || (shape.length === 3 && shape[0] === 1)) return [];
    return [
      { place: node.name, message: `compares ${formatShape(shape)}; seen on the chip is [1,N,L], one step of [T,N,L]` },
    ];
  });
}

function rowsDivideBySteps({ model, inference, steps }: RuleSubject): Violation[] {
  if (steps === null) return [];
  const layers = findSpikeLayers(model)
    .filter((layer) => layer.steps !== steps)
    .map((layer) => ({ place: layer.value, message: `${layer.steps} steps, the network has ${steps}` }));
  const reshapes = model.nodes.flatMap((node): Violation[] => {
    const [from, to] = [node.inputs[0], node.outputs[0]].map((name) => inference.facts.get(name ?? "")?.shape);
    if (node.op !== "Reshape" || !from || to?.length !== 3 || to[0] !== steps || from[0]! % steps === 0) return [];
    return [{ place: node.name, message: `${from[0]} rows do not divide by T = ${steps}` }];
  });
  return [...layers, ...reshapes];
}

function comparisonForm({ model }: RuleSubject): Violation[] {
  const readers = new Map<string, string[]>();
  for (const node of model.nodes) {
    for (const input of node.inputs) readers.set(input, [...(readers.get(input) ?? []), node.op]);
  }
  const outputOf = new Map(model.nodes.map((node) => [node.inputs[0], node] as const));
  return model.nodes.flatMap((node): Violation[] => {
    if (!COMPARISONS.has(node.op)) return [];
    const place = node.name;
    if (node.op === "Greater" || node.op === "LessOrEqual") {
      return [{ place, message: `${node.op} misses a potential exactly on the threshold` }];
    }
    const output = node.outputs[0] ?? "";
    if (node.op === "Less" && !readers.get(output)?.every((op) => op === "Not")) {
      return [{ place, message: "Less without a Not behind it" }];
    }
    const fired = node.op === "Less" ? (outputOf.get(output)?.outputs[0] ?? "") : output;
    if (readers.get(fired)?.every((op) => op === "Cast")) return [];
    return [{ place, message: "the spike is not cast to a number" }];
  });
}

function neuronEquation({ neurons }: RuleSubject): Violation[] {
  return neurons
    .filter(({ vReset, form }) => vReset !== null && vReset !== 0 && form === "exchange")
    .map(({ layer, vReset }) => ({
      place: layer,
      message: `vReset ${vReset} in the form of lynxi_exchange: charge and start differ from the trained neuron`,
    }));
}

export const neuronRules: readonly DesignRule[] = [
  {
    id: "LX007",
    severity: "warning",
    title: "neurons compute on [T,N,L], one step [1,N,L] at a time",
    source: `${SOURCES.tutorial}; ${SOURCES.exchange}`,
    rewrite: "Insert one direct Reshape to [T,N,L].",
    check: neuronShape,
  },
  {
    id: "LX008",
    severity: "error",
    title: "rows divide by T everywhere",
    source: SOURCES.exchange,
    rewrite: "Keep T*N as the first axis from layer to layer.",
    check: rowsDivideBySteps,
  },
  {
    id: "LX016",
    severity: "error",
    title: "a spike is potential >= threshold, cast to a number",
    source: `${SOURCES.tutorial}; ${SOURCES.bidl}, pass_function.py`,
    rewrite: "GreaterOrEqual (or Not of Less), then Cast.",
    check: comparisonForm,
  },
  {
    id: "LX017",
    severity: "error",
    title: "neurons start and charge as in training",
    source: `measured on ${SOURCES.exchange} with vReset other than 0`,
    rewrite: "Write the neuron from its reset potential: u = v - vReset, threshold lowered by vReset, reset to 0.",
    check: neuronEquation,
  },
];
