/** What the rewrites of ONNX graphs share: the record of a change, names, and taking a node out of a graph. */
import type { FileChange } from "../../target.ts";
import { type OnnxModel, type OnnxNode, type OnnxTensor, storedTensors } from "../onnx/onnx-model.ts";

export interface Rewritten {
  model: OnnxModel;
  changes: FileChange[];
}

/** A legal rewrite: the graph before, the graph after, and what was changed. */
export type Pass = (model: OnnxModel) => Rewritten;

/** A change after which results are equal bit for bit in float32. */
export function exact(rule: string, place: string, what: string, count = 1): FileChange {
  return { rule, place, what, exact: true, count, largestChange: 0 };
}

/** Stored numbers by name: initializers and Constant nodes. */
export function constantsOf(model: OnnxModel): Map<string, OnnxTensor> {
  return new Map(storedTensors(model).map((tensor) => [tensor.name, tensor]));
}

/** Hands out names that no value of a model has. */
export class Names {
  readonly #taken: Set<string>;

  constructor(model: OnnxModel) {
    this.#taken = new Set([
      ...model.inputs.map(({ name }) => name),
      ...model.initializers.map(({ name }) => name),
      ...model.nodes.flatMap(({ outputs }) => outputs),
    ]);
  }

  fresh(stem: string): string {
    let name = stem;
    for (let n = 2; this.#taken.has(name); n++) name = `${stem}_${n}`;
    this.#taken.add(name);
    return name;
  }
}

export function int64Tensor(name: string, numbers: readonly number[]): OnnxTensor {
  return { name, type: "int64", shape: [numbers.length], data: BigInt64Array.from(numbers, BigInt) };
}

/**
 * The model without nodes that only pass a value on: whoever read an output of such a node reads its source. Nodes that write a graph output
 * must not be among them.
 */
export function withoutNodes(model: OnnxModel, sources: ReadonlyMap<OnnxNode, string>): OnnxModel {
  const renamed = new Map<string, string>();
  // in the order of the graph, so that chains of such nodes are followed once
  for (const node of model.nodes) {
    const source = sources.get(node);
    if (source !== undefined) renamed.set(node.outputs[0]!, renamed.get(source) ?? source);
  }
  const origin = (name: string): string => renamed.get(name) ?? name;
  const nodes = model.nodes
    .filter((node) => !sources.has(node))
    .map((node) => ({ ...node, inputs: node.inputs.map(origin) }));
  return { ...model, nodes };
}

export function outputNames(model: OnnxModel): Set<string> {
  return new Set(model.outputs.map(({ name }) => name));
}
