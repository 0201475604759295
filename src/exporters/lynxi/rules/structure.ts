/** Rules about shapes, control flow and indices. */
import { formatShape } from "../../../core/index.ts";
import { intsAttribute } from "../onnx/onnx-model.ts";
import { SOURCES } from "./source.ts";
import type { DesignRule, RuleSubject, Violation } from "./subject.ts";

const LARGEST_RANK = 4;

/** Longer shapes are named by their number of dimensions alone. */
const LONGEST_SHOWN = 8;

function tooManyDimensions({ model, inference }: RuleSubject): Violation[] {
  const deep = (place: string, sizes: readonly (number | string | null)[]): Violation[] => {
    if (sizes.length <= LARGEST_RANK) return [];
    const shown = sizes.length > LONGEST_SHOWN ? "" : `: [${sizes.map((size) => size ?? "?").join(",")}]`;
    return [{ place, message: `${sizes.length} dimensions${shown}` }];
  };
  const declared = [...model.inputs, ...model.initializers, ...model.outputs, ...model.values];
  const hidden = model.nodes.flatMap((node) => [
    ...(node.op === "Reshape" ? deep(node.name, inference.facts.get(node.inputs[1] ?? "")?.constant ?? []) : []),
    ...(node.op === "Transpose" ? deep(node.name, intsAttribute(node, "perm") ?? []) : []),
    ...Object.values(node.attributes).flatMap((attribute) =>
      attribute.kind === "tensor" ? deep(node.name, attribute.value.shape) : [],
    ),
  ]);
  const seen = new Set<string>();
  return [
    ...[...inference.facts].flatMap(([name, { shape }]) => deep(name, shape ?? [])),
    ...declared.flatMap(({ name, shape }) => deep(name, shape ?? [])),
    ...hidden,
  ].filter(({ place }) => !seen.has(place) && seen.add(place));
}

function shapeNotStatic({ model, inference }: RuleSubject): Violation[] {
  const conflicts = inference.conflicts.map(({ node, problem }) => ({ place: node.name, message: problem }));
  const unknown = [...inference.facts].flatMap(([name, { shape, constant }]): Violation[] => {
    if (!shape) return [{ place: name, message: "shape unknown at export" }];
    // an empty list of numbers (no axes, no scales) is harmless
    const empty = shape.some((size) => size <= 0) && !constant;
    return empty ? [{ place: name, message: `shape ${formatShape(shape)}` }] : [];
  });
  const undeclared = model.outputs
    .filter(({ shape }) => shape === null)
    .map(({ name }): Violation => {
      return {
        place: name,
        message: "an output that declares no shape; onnx's own checker refuses it",
        severity: "warning",
      };
    });
  return [...conflicts, ...unknown, ...undeclared];
}

const CONTROL_FLOW = /^(If|Loop|Scan|Sequence.*|SplitToSequence|ConcatFromSequence|Optional.*)$/;

function controlFlow({ model }: RuleSubject): Violation[] {
  return model.nodes.flatMap((node) => {
    const graph = Object.values(node.attributes).some(({ kind, value }) => kind === "unread" && value === "graph");
    if (!CONTROL_FLOW.test(node.op) && !graph) return [];
    return [{ place: node.name, message: `${node.op}${graph ? " with a graph inside" : ""}` }];
  });
}

function writesInPlace({ model }: RuleSubject): Violation[] {
  return model.nodes
    .filter(({ op }) => op.startsWith("Scatter"))
    .map(({ name, op }) => ({
      place: name,
      message: `${op} writes into a tensor; the chip drops such writes silently`,
    }));
}

/** Inputs that say where, by operator. */
const INDEX_INPUTS: ReadonlyMap<string, number[]> = new Map([
  ["Slice", [1, 2, 3, 4]],
  ["Gather", [1]],
  ["Split", [1]],
]);

function computedIndex({ model, inference }: RuleSubject): Violation[] {
  return model.nodes.flatMap((node) =>
    (INDEX_INPUTS.get(node.op) ?? []).flatMap((at): Violation[] => {
      const name = node.inputs[at];
      if (!name || inference.facts.get(name)?.constant) return [];
      return [{ place: node.name, message: `${node.op} with a computed index "${name}"` }];
    }),
  );
}

const SELECTIONS = new Set([
  "TopK",
  "NonZero",
  "NonMaxSuppression",
  "ArgMax",
  "ArgMin",
  "GatherND",
  "GatherElements",
  "Unique",
]);

function dataDependentSelection({ model, inference }: RuleSubject): Violation[] {
  const last = new Set(model.outputs.map(({ name }) => name));
  return model.nodes.flatMap((node): Violation[] => {
    // the last step of a classifier: LX004 sends it to the host
    if (node.op.startsWith("Arg") && node.outputs.every((name) => last.has(name))) return [];
    if (SELECTIONS.has(node.op)) return [{ place: node.name, message: `${node.op} depends on the data` }];
    const index = node.inputs[1];
    if (node.op !== "Gather" || !index || inference.facts.get(index)?.constant) return [];
    return [{ place: node.name, message: `Gather with a computed index "${index}"` }];
  });
}

export const structureRules: readonly DesignRule[] = [
  {
    id: "LX001",
    severity: "error",
    title: "no value has more than 4 dimensions",
    source: `${SOURCES.tutorial}; ${SOURCES.exchange}`,
    rewrite: "Merge T and N into one axis; flatten the rest to [T,N,L] for neurons.",
    check: tooManyDimensions,
  },
  {
    id: "LX002",
    severity: "error",
    title: "every shape is known and positive",
    source: `${SOURCES.tutorial}; ${SOURCES.zoo}`,
    rewrite: "Fix N and T at export, write shapes as constants and declare those of inputs and outputs.",
    check: shapeNotStatic,
  },
  {
    id: "LX003",
    severity: "error",
    title: "no control flow",
    source: `${SOURCES.documents}, neuron_simulation_toolkit`,
    rewrite: "Unroll the loop; write a choice as s*a + (1-s)*b.",
    check: controlFlow,
  },
  {
    id: "LX009",
    severity: "error",
    title: "no writing into tensors",
    source: `${SOURCES.exchange}; ${SOURCES.zoo}`,
    rewrite: "Build a list and Concat it.",
    check: writesInPlace,
  },
  {
    id: "LX010",
    severity: "error",
    title: "time-steps are chosen with constant indices",
    source: `${SOURCES.exchange}; ${SOURCES.bidl}`,
    rewrite: "Use Slice with constant bounds.",
    check: computedIndex,
  },
  {
    id: "LX021",
    severity: "error",
    title: "no index, sorting or selection that depends on the data",
    source: `${SOURCES.bidl}; ${SOURCES.zoo}`,
    rewrite: "Use a MatMul with one-hot rows, or do it on the host.",
    check: dataDependentSelection,
  },
];
