/**
 * Writes neurons in the form that was seen on the chip: a sequence [T,N,L], each step a Slice [1,N,L], everything elementwise, one Concat. Gathered rows
 * [N,L] get their leading axis back, images [N,C,H,W] are flattened to L (views that then stand behind each other are joined by `views.ts`). No
 * number changes. Serves LX007, and LX001 where the sequence had five axes.
 */
import { sizeOf } from "../../../core/index.ts";
import type { FileChange } from "../../target.ts";
import type { OnnxModel, OnnxNode, OnnxTensor } from "../onnx/onnx-model.ts";
import { exact, int64Tensor, Names, type Pass, type Rewritten, withoutNodes } from "./edit.ts";
import { spread } from "./evaluate.ts";
import { type SelectedStep, type StepGroups, stepGroups } from "./step-groups.ts";

const RULE = "LX007";
const FORM_RANK = 3;

export const liftSteps: Pass = (model) => {
  const groups = stepGroups(model);
  return groups.selections.size === 0 ? { model, changes: [] } : new Lifting(model, groups).rewritten();
};

class Lifting {
  readonly #names: Names;
  readonly #initializers: OnnxTensor[];
  readonly #changes: FileChange[] = [];
  /** Views of sequences as [T,N,L], by the name of the sequence. */
  readonly #views = new Map<string, { name: string; node: OnnxNode | null }>();
  readonly #stored = new Map<string, string>();
  /** Values that leave their group in their old shape: what the group calls them. */
  readonly #lifted = new Map<string, string>();

  constructor(
    readonly model: OnnxModel,
    readonly groups: StepGroups,
  ) {
    this.#names = new Names(model);
    this.#initializers = [...model.initializers];
  }

  rewritten(): Rewritten {
    const { selections, inner, joins, concats, exits } = this.groups;
    const members = [...selections.keys(), ...inner].flatMap(({ outputs }) => outputs);
    for (const value of members) if (exits.has(value)) this.#lifted.set(value, this.#names.fresh(`${value}.step`));
    const passed = new Map<OnnxNode, string>();
    const nodes = this.model.nodes.flatMap((node): OnnxNode[] => {
      const selected = selections.get(node);
      if (selected) return this.slice(node, selected);
      if (inner.has(node)) return this.left(this.aligned(node));
      if (concats.has(node)) return this.concat(node);
      if (joins.has(node)) passed.set(node, this.inside(node.inputs[0]!));
      return [node];
    });
    const model = { ...this.model, nodes, initializers: this.#initializers };
    return { model: withoutNodes(model, passed), changes: this.#changes };
  }

  /** The name under which the members of a group know a value. */
  private inside(name: string): string {
    return this.#lifted.get(name) ?? name;
  }

  /** A member of a group, with a view of its result for whoever else reads it. */
  private left(node: OnnxNode): OnnxNode[] {
    const [output = ""] = node.outputs;
    const lifted = this.#lifted.get(output);
    if (lifted === undefined) return [node];
    return [{ ...node, outputs: [lifted] }, this.reshape(`${node.name}.view`, lifted, output)];
  }

  private shapeOf(name: string): number[] {
    return this.groups.inference.facts.get(name)!.shape!;
  }

  private slice(node: OnnxNode, { sequence, step }: SelectedStep): OnnxNode[] {
    const known = this.#views.get(sequence);
    const view = known ?? this.view(sequence);
    this.#changes.push(
      exact(RULE, node.name, `${node.op} of step ${step} written as Slice, which keeps the form [1,N,L]`),
    );
    const inputs = [view.name, this.bound(step), this.bound(step + 1), this.bound(0)];
    const slice = { ...node, op: "Slice", inputs, attributes: {} };
    return [...(known || !view.node ? [] : [view.node]), ...this.left(slice)];
  }

  /** The sequence as [T,N,L]: itself, or a Reshape in front of its first step. */
  private view(sequence: string): { name: string; node: OnnxNode | null } {
    const shape = this.shapeOf(sequence);
    const name = shape.length === FORM_RANK ? sequence : this.#names.fresh(`${sequence}.steps`);
    const flat = [shape[0]!, shape[1]!, sizeOf(shape.slice(2))];
    const node = name === sequence ? null : this.reshapeTo(`${name}.view`, sequence, name, flat);
    const view = { name, node };
    this.#views.set(sequence, view);
    return view;
  }

  private bound(number: number): string {
    return this.store(`step_${number}`, () => int64Tensor("", [number]));
  }

  /** A tensor that several nodes may share. */
  private store(stem: string, make: () => OnnxTensor): string {
    const known = this.#stored.get(stem);
    if (known) return known;
    const name = this.#names.fresh(stem);
    this.#initializers.push({ ...make(), name });
    this.#stored.set(stem, name);
    return name;
  }

  /** Stored numbers of an elementwise node in the flattened form of its result. */
  private aligned(node: OnnxNode): OnnxNode {
    const shape = this.shapeOf(node.outputs[0]!);
    const known = node.inputs.map((name) => this.inside(name));
    if (shape.length === FORM_RANK - 1) return { ...node, inputs: known };
    const inputs = known.map((name) => {
      const tensor = this.groups.constants.get(name);
      if (!tensor || tensor.shape.length === 0) return name;
      return this.store(`${name}.flat_${shape.join("_")}`, () => flattened(tensor, shape));
    });
    return { ...node, inputs };
  }

  /** Joins the steps to [T,N,L] and views that as the sequence it was. */
  private concat(node: OnnxNode): OnnxNode[] {
    const [output = ""] = node.outputs;
    if (this.shapeOf(output).length === FORM_RANK) return [node];
    const flat = this.#names.fresh(`${output}.steps`);
    return [{ ...node, outputs: [flat] }, this.reshape(`${node.name}.view`, flat, output)];
  }

  private reshape(name: string, from: string, to: string): OnnxNode {
    return this.reshapeTo(name, from, to, this.shapeOf(to));
  }

  private reshapeTo(name: string, from: string, to: string, shape: readonly number[]): OnnxNode {
    const target = this.store(`shape_${shape.join("_")}`, () => int64Tensor("", shape));
    return { name, op: "Reshape", domain: "", inputs: [from, target], outputs: [to], attributes: {} };
  }
}

/** A stored tensor as it meets values [1,N,L] in place of [N,...]: one number where all are equal, else [L], or [N,L] where samples differ. */
function flattened(tensor: OnnxTensor, shape: readonly number[]): OnnxTensor {
  const [first] = tensor.data;
  if (first !== undefined && tensor.data.every((number: number | bigint) => Object.is(number, first))) {
    return { ...tensor, shape: [], data: tensor.data.slice(0, 1) };
  }
  const perSample = tensor.shape.length === shape.length && tensor.shape[0] !== 1;
  const rest = perSample ? shape : shape.slice(1);
  const trimmed = perSample ? tensor : { ...tensor, shape: tensor.shape.slice(-rest.length) };
  const data = spread(trimmed, rest);
  return { ...tensor, shape: perSample ? [shape[0]!, data.length / shape[0]!] : [data.length], data };
}
