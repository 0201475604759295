/** Rules about how neurons stand in the graph. */
import { formatShape } from "../../../core/index.ts";
import { float16Below, roundToFloat16 } from "../emulation/float16.ts";
import { findSpikeLayers } from "../emulation/spike-layers.ts";
import { type OnnxNode, type OnnxTensor, storedTensors, tensorNumbers } from "../onnx/onnx-model.ts";
import { SOURCES } from "./source.ts";
import { type DesignRule, type RuleSubject, readersOf, type Violation } from "./subject.ts";

const COMPARISONS: ReadonlySet<string> = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less"]);

const hasComparisons = ({ model }: RuleSubject): boolean => model.nodes.some(({ op }) => COMPARISONS.has(op));

function neuronShape({ model, inference, style }: RuleSubject): Violation[] {
  if (style === "single-step") return [];
  return model.nodes.flatMap((node): Violation[] => {
    if (!COMPARISONS.has(node.op)) return [];
    const shape = inference.facts.get(node.outputs[0] ?? "")?.shape;
    if (!shape || (shape.length === 3 && shape[0] === 1)) return [];
    return [
      { place: node.name, message: `compares ${formatShape(shape)}; seen on the chip is [1,N,L], one step of [T,N,L]` },
    ];
  });
}

/** T of the network where it is known, else the T of the graph's first spiking layer: all others must have the same. */
function rowsDivideBySteps({ model, inference, steps, style }: RuleSubject): Violation[] {
  if (style === "single-step") return [];
  const layers = findSpikeLayers(model);
  const expected = steps ?? layers[0]?.steps ?? null;
  if (expected === null) return [];
  const whose = steps === null ? "the first spiking layer has" : "the network has";
  const counts = layers
    .filter((layer) => layer.steps !== expected)
    .map((layer) => ({ place: layer.value, message: `${layer.steps} steps, ${whose} ${expected}` }));
  const reshapes = model.nodes.flatMap((node): Violation[] => {
    const [from, to] = [node.inputs[0], node.outputs[0]].map((name) => inference.facts.get(name ?? "")?.shape);
    if (node.op !== "Reshape" || !from || to?.length !== 3 || to[0] !== expected || from[0]! % expected === 0)
      return [];
    return [{ place: node.name, message: `${from[0]} rows do not divide by T = ${expected}` }];
  });
  return [...counts, ...reshapes];
}

function missingSteps(subject: RuleSubject): string | null {
  if (subject.steps !== null || subject.style === "single-step" || !hasComparisons(subject)) return null;
  const [layer] = findSpikeLayers(subject.model);
  return layer ? `T of the network (the graph's spiking layers have ${layer.steps} steps)` : "T of the network";
}

/** A comparison as it reads with the threshold on the right: threshold <= v is v >= threshold. */
function direction(node: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): string {
  const [left = "", right = ""] = node.inputs;
  if (!constants.has(left) || constants.has(right)) return node.op;
  const turned = {
    GreaterOrEqual: "LessOrEqual",
    LessOrEqual: "GreaterOrEqual",
    Greater: "Less",
    Less: "Greater",
  } as const;
  return turned[node.op as keyof typeof turned];
}

function comparisonForm(subject: RuleSubject): Violation[] {
  const readers = readersOf(subject.model);
  const outputs = new Set(subject.model.outputs.map(({ name }) => name));
  const constants = new Map(storedTensors(subject.model).map((tensor) => [tensor.name, tensor]));
  const spikes = spikeValues(subject.model);
  return subject.model.nodes.flatMap((node): Violation[] => {
    if (!COMPARISONS.has(node.op)) return [];
    const place = node.name;
    const output = node.outputs[0] ?? "";
    const behind = readers.get(output) ?? [];
    const inverted = behind.length > 0 && behind.every(({ op }) => op === "Not");
    const op = direction(node, constants);
    if (spikes.has(node.inputs[0] ?? "") && splitsSpikes(node, constants)) return [];
    if (op === "GreaterOrEqual" && inverted) return [{ place, message: "fires below the threshold" }];
    if (op === "Less" && !inverted) return [{ place, message: "Less without a Not behind it" }];
    if ((op === "Greater" || op === "LessOrEqual") && !thresholdLowered(node, subject, constants)) {
      return [{ place, message: `${node.op} misses a potential exactly on the threshold` }];
    }
    if (op === "LessOrEqual" && !inverted) return [{ place, message: "LessOrEqual without a Not behind it" }];
    const fired = inverted ? behind.flatMap((not) => not.outputs) : [output];
    if (fired.every((name) => isCast(readers.get(name)) && !outputs.has(name))) return [];
    return [{ place, message: "the spike is not cast to a number" }];
  });
}

/** Values that hold 0 and 1 only: comparisons that were cast to numbers. */
function spikeValues({ nodes }: RuleSubject["model"]): Set<string> {
  const [truths, spikes] = [new Set<string>(), new Set<string>()];
  for (const { op, inputs, outputs } of nodes) {
    const [input = "", output = ""] = [inputs[0], outputs[0]];
    if (COMPARISONS.has(op) || (op === "Not" && truths.has(input))) truths.add(output);
    if (op === "Cast" && truths.has(input)) spikes.add(output);
  }
  return spikes;
}

/** Asking a spike whether it is one (spike > 0.5) is a mask, not a neuron that fires. */
function splitsSpikes(node: OnnxNode, constants: ReadonlyMap<string, OnnxTensor>): boolean {
  const stored = constants.get(node.inputs[1] ?? "");
  return stored !== undefined && tensorNumbers(stored).every((number) => number > 0 && number < 1);
}

const isCast = (readers: readonly OnnxNode[] | undefined): boolean =>
  readers?.every(({ op }) => op === "Cast") ?? false;

/** True when a strict comparison is against the float16 number just below the threshold of a known neuron. */
function thresholdLowered(
  node: OnnxNode,
  { neurons }: RuleSubject,
  constants: ReadonlyMap<string, OnnxTensor>,
): boolean {
  const stored = node.inputs.flatMap((name) => constants.get(name) ?? []);
  const thresholds = (neurons ?? []).map(({ vThreshold, vReset, form }) =>
    roundToFloat16(form === "shift" ? vThreshold - (vReset ?? 0) : vThreshold),
  );
  return stored.some((tensor) =>
    tensorNumbers(tensor).every((number) => thresholds.some((threshold) => number === float16Below(threshold))),
  );
}

function neuronEquation({ neurons }: RuleSubject): Violation[] {
  return (neurons ?? [])
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
    needs: missingSteps,
  },
  {
    id: "LX016",
    severity: "error",
    title:
      "a spike is potential >= threshold, cast to a number; strict only against a threshold one float16 step lower",
    source: `${SOURCES.tutorial}; ${SOURCES.bidl}, pass_function.py`,
    rewrite: "GreaterOrEqual (or Not of Less), then Cast.",
    check: comparisonForm,
  },
  {
    id: "LX017",
    severity: "error",
    title: "neurons start and charge as in training",
    source: `${SOURCES.measured} on lynxi_exchange.py with vReset other than 0`,
    rewrite: "Write the neuron from its reset potential: u = v - vReset, threshold lowered by vReset, reset to 0.",
    check: neuronEquation,
    needs: (subject) =>
      subject.neurons === null && hasComparisons(subject) ? "the trained neurons (a manifest beside the file)" : null,
  },
];
