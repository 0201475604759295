/**
 * Moves work on five axes [T,N,C,H,W] to four, [T*N,C,H,W]: elementwise operators, means over time, and graph inputs. A view keeps the order of the
 * numbers, so nothing changes but the shape; the views put in here disappear where they meet others (`views.ts`). Serves LX001.
 */
import { sizeOf } from "../../../core/index.ts";
import type { FileChange } from "../../target.ts";
import { intAttribute, intsAttribute, type OnnxModel, type OnnxNode, type OnnxTensor } from "../onnx/onnx-model.ts";
import { type Inference, inferValues } from "../shapes/infer.ts";
import { constantsOf, exact, int64Tensor, Names, outputNames, type Pass } from "./edit.ts";
import { ELEMENTWISE } from "./step-groups.ts";

const RULE = "LX001";
const LARGEST_RANK = 4;
const REDUCTIONS: ReadonlySet<string> = new Set(["ReduceMean", "ReduceSum", "ReduceMax"]);

export const mergeTime: Pass = (model) => {
  const merging = new Merging(model);
  const inputs = model.inputs.map((input) => merging.input(input));
  const nodes = [...merging.front, ...model.nodes.flatMap((node) => merging.node(node))];
  const merged: OnnxModel = { ...model, inputs, nodes, initializers: [...model.initializers, ...merging.stored] };
  return { model: merged, changes: merging.changes };
};

class Merging {
  readonly stored: OnnxTensor[] = [];
  readonly changes: FileChange[] = [];
  /** Views of graph inputs, in front of every other node. */
  readonly front: OnnxNode[] = [];
  /** What nodes read in place of a graph input. */
  readonly #views = new Map<string, string>();
  readonly #shapes = new Map<string, number[]>();
  readonly #names: Names;
  readonly #inference: Inference;
  readonly #constants: ReadonlyMap<string, OnnxTensor>;
  readonly #outputs: ReadonlySet<string>;
  readonly #read: ReadonlySet<string>;

  constructor(model: OnnxModel) {
    this.#names = new Names(model);
    this.#inference = inferValues(model);
    this.#constants = constantsOf(model);
    this.#outputs = outputNames(model);
    this.#read = new Set(model.nodes.flatMap((node) => node.inputs));
  }

  /** An input of five axes keeps its bytes and its name; the graph reads it as [T*N,...] and views it as it was. */
  input(value: OnnxModel["inputs"][number]): OnnxModel["inputs"][number] {
    const shape = this.shapeOf(value.name);
    if (!shape || shape.length !== LARGEST_RANK + 1 || !this.#read.has(value.name)) return value;
    const view = this.#names.fresh(`${value.name}.sequence`);
    this.front.push(this.reshape(value.name, view, shape));
    this.#views.set(value.name, view);
    this.#shapes.set(view, shape);
    this.changes.push(exact(RULE, value.name, `input [${shape}] taken as [${merged(shape)}]: the same bytes`));
    return { ...value, shape: merged(shape) };
  }

  node(given: OnnxNode): OnnxNode[] {
    const node = { ...given, inputs: given.inputs.map((name) => this.#views.get(name) ?? name) };
    const [output = ""] = node.outputs;
    const shape = this.shapeOf(output);
    if (node.domain !== "" || node.outputs.length !== 1 || !shape) return [node];
    if (ELEMENTWISE.has(node.op) && shape.length > LARGEST_RANK && !this.#outputs.has(output)) {
      return this.elementwise(node, shape) ?? [node];
    }
    return REDUCTIONS.has(node.op) ? (this.meanOverTime(node, shape) ?? [node]) : [node];
  }

  private elementwise(node: OnnxNode, shape: number[]): OnnxNode[] | null {
    const [output = ""] = node.outputs;
    const flat = shape.length === LARGEST_RANK + 1 ? merged(shape) : [shape[0]!, sizeOf(shape.slice(1))];
    const views: OnnxNode[] = [];
    const inputs: string[] = [];
    for (const name of node.inputs) {
      const given = this.shapeOf(name);
      const constant = this.#constants.get(name);
      if (name === "" || given?.length === 0) inputs.push(name);
      else if (given && sizeOf(given) === sizeOf(shape)) {
        const view = this.#names.fresh(`${name}.merged`);
        views.push(this.reshape(name, view, flat));
        inputs.push(view);
      } else if (constant && constant.data.length === 1) inputs.push(this.scalar(constant));
      else return null;
    }
    const result = this.#names.fresh(`${output}.merged`);
    this.changes.push(exact(RULE, node.name, `${node.op} on [${shape}] moved to [${flat}]`));
    return [...views, { ...node, inputs, outputs: [result] }, this.reshape(result, output, shape)];
  }

  private meanOverTime(node: OnnxNode, shape: number[]): OnnxNode[] | null {
    const [input = "", second = ""] = node.inputs;
    const sequence = this.shapeOf(input);
    const axes = intsAttribute(node, "axes") ?? this.#inference.facts.get(second)?.constant;
    if (!sequence || sequence.length <= LARGEST_RANK || axes?.length !== 1 || axes[0] !== 0) return null;
    if (intAttribute(node, "keepdims", 1) !== 0) return null;
    const [steps, mean] = [this.#names.fresh(`${input}.steps`), this.#names.fresh(`${node.outputs[0]}.steps`)];
    this.changes.push(exact(RULE, node.name, `${node.op} over time on [${sequence}] moved to [T,N,L]`));
    return [
      this.reshape(input, steps, [sequence[0]!, sequence[1]!, sizeOf(sequence.slice(2))]),
      { ...node, inputs: [steps, ...node.inputs.slice(1)], outputs: [mean] },
      this.reshape(mean, node.outputs[0]!, shape),
    ];
  }

  private shapeOf(name: string): number[] | null {
    return this.#shapes.get(name) ?? this.#inference.facts.get(name)?.shape ?? null;
  }

  private scalar(tensor: OnnxTensor): string {
    const name = this.#names.fresh(`${tensor.name}.scalar`);
    this.stored.push({ ...tensor, name, shape: [] });
    return name;
  }

  private reshape(from: string, to: string, shape: readonly number[]): OnnxNode {
    const target = int64Tensor(this.#names.fresh(`${to}.shape`), shape);
    this.stored.push(target);
    return {
      name: `${to}.view`,
      op: "Reshape",
      domain: "",
      inputs: [from, target.name],
      outputs: [to],
      attributes: {},
    };
  }
}

/** [T,N,...] to [T*N,...] */
const merged = ([steps = 1, batch = 1, ...rest]: readonly number[]): number[] => [steps * batch, ...rest];
