/**
 * Finds neurons in a graph by their form: time-steps selected from the first axis of a value, elementwise operators with a comparison among them,
 * and an Unsqueeze in front of each result, as torch.stack writes it. It changes nothing; `lift-steps.ts` does.
 */

import { intAttribute, intsAttribute, type OnnxModel, type OnnxNode, type OnnxTensor } from "../onnx/onnx-model.ts";
import { makersOf, readersOf } from "../rules/subject.ts";
import { type Inference, inferValues } from "../shapes/infer.ts";
import { constantsOf, outputNames } from "./edit.ts";

/** Each number of the result depends on the numbers at the same place, so views may be moved through them. */
export const ELEMENTWISE: ReadonlySet<string> = new Set(
  (
    "Add Sub Mul Div Pow Max Min Where Exp Sigmoid Tanh Relu LeakyRelu Clip Not And Or Cast GreaterOrEqual Greater LessOrEqual Less Equal " +
    "Identity Abs Neg Sqrt Erf Round HardSigmoid"
  ).split(" "),
);
const COMPARISONS: ReadonlySet<string> = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less"]);
/** [T, N, L] and everything with more axes, which can be viewed as that. */
const LEAST_RANK = 3;

/** A step taken from a sequence: `sequence` is [T, ...], the node's result is without the first axis. */
export interface SelectedStep {
  sequence: string;
  step: number;
}

export interface StepGroups {
  inference: Inference;
  constants: Map<string, OnnxTensor>;
  /** Nodes that select a step of a neuron. */
  selections: Map<OnnxNode, SelectedStep>;
  /** Elementwise nodes between selection and join. */
  inner: Set<OnnxNode>;
  /** Each Unsqueeze that puts the first axis back in front of a Concat of all steps, and these Concats. */
  joins: Set<OnnxNode>;
  concats: Set<OnnxNode>;
  /** Values of the above that something else reads as well, in the shape they have. */
  exits: Set<string>;
}

export function stepGroups(model: OnnxModel): StepGroups {
  const inference = inferValues(model);
  const constants = constantsOf(model);
  const makers = makersOf(model);
  const selections = new Map<OnnxNode, SelectedStep>();
  for (const node of model.nodes) {
    const selected = selectedStep(node, makers, inference);
    if (selected) selections.set(node, selected);
  }
  const groups = new Connected();
  const inner = new Set<OnnxNode>();
  const { joins, concats } = stepConcats(model, inference);
  const exits = outputNames(model);
  for (const node of model.nodes) {
    const [output = ""] = node.outputs;
    const inside = node.inputs.filter((name) => groups.has(name));
    if (selections.has(node)) groups.add(output, []);
    else if (inside.length === 0) continue;
    else if (isElementwise(node) && staysInForm(node, inside, inference, constants)) {
      groups.add(output, inside);
      inner.add(node);
      if (COMPARISONS.has(node.op)) groups.mark(output, "fires");
    } else if (isElementwise(node)) for (const name of inside) groups.mark(name, "mixed");
    else if (!joins.has(node)) for (const name of inside) exits.add(name);
  }
  const taken = ({ outputs: [value = ""] }: OnnxNode) => groups.is(value, "fires") && !groups.is(value, "mixed");
  const lifted = new Set(
    [...joins].filter((node) => makers.has(node.inputs[0]!) && taken(makers.get(node.inputs[0]!)!)),
  );
  return {
    inference,
    constants,
    selections: new Map([...selections].filter(([node]) => taken(node))),
    inner: new Set([...inner].filter(taken)),
    joins: lifted,
    concats: new Set([...concats].filter((node) => node.inputs.every((name) => lifted.has(makers.get(name)!)))),
    exits,
  };
}

/** A Gather along the first axis with a constant scalar index, or a Squeeze behind a Split into single steps (torch.unbind). */
function selectedStep(
  node: OnnxNode,
  makers: ReadonlyMap<string, OnnxNode>,
  { facts }: Inference,
): SelectedStep | null {
  if (node.domain !== "") return null;
  const [input = "", second = ""] = node.inputs;
  if (node.op === "Squeeze") {
    const axes = intsAttribute(node, "axes") ?? facts.get(second)?.constant;
    const split = makers.get(input);
    const [sequence = ""] = split?.inputs ?? [];
    const shape = facts.get(sequence)?.shape;
    if (split?.op !== "Split" || axes?.length !== 1 || axes[0] !== 0 || intAttribute(split, "axis", 0) !== 0)
      return null;
    if (!shape || shape.length < LEAST_RANK || shape[0] !== split.outputs.length) return null;
    return facts.get(input)?.shape?.[0] === 1 ? { sequence, step: split.outputs.indexOf(input) } : null;
  }
  const [sequence, index] = [facts.get(input), facts.get(second)];
  const [at] = index?.constant ?? [];
  if (node.op !== "Gather" || intAttribute(node, "axis", 0) !== 0 || at === undefined) return null;
  if (!sequence?.shape || sequence.shape.length < LEAST_RANK || index?.shape?.length !== 0) return null;
  const step = at < 0 ? at + sequence.shape[0]! : at;
  return step >= 0 && step < sequence.shape[0]! ? { sequence: input, step } : null;
}

const isElementwise = (node: OnnxNode): boolean =>
  node.domain === "" && ELEMENTWISE.has(node.op) && node.outputs.length === 1;

/** The result has the shape of a step, and what comes from outside is a stored number or, where steps are [N,L], has no more axes. */
function staysInForm(
  node: OnnxNode,
  inside: readonly string[],
  { facts }: Inference,
  constants: ReadonlyMap<string, OnnxTensor>,
): boolean {
  const shape = facts.get(inside[0]!)?.shape;
  const result = facts.get(node.outputs[0]!)?.shape;
  if (!shape || !result || shape.length !== result.length || shape.some((size, axis) => size !== result[axis]))
    return false;
  return node.inputs.every((name) => {
    if (name === "" || inside.includes(name) || constants.has(name)) return true;
    const rank = facts.get(name)?.shape?.length ?? Number.POSITIVE_INFINITY;
    return shape.length === LEAST_RANK - 1 && rank < LEAST_RANK;
  });
}

/** Every Unsqueeze in front of the first axis that only Concats of such read, and these Concats: torch.stack over the steps. */
function stepConcats(model: OnnxModel, { facts }: Inference): { joins: Set<OnnxNode>; concats: Set<OnnxNode> } {
  const makers = makersOf(model);
  const readers = readersOf(model);
  const outputs = outputNames(model);
  const inFront = (node: OnnxNode | undefined): boolean => {
    const axes = intsAttribute(node ?? NO_NODE, "axes") ?? facts.get(node?.inputs[1] ?? "")?.constant;
    return node?.op === "Unsqueeze" && node.domain === "" && axes?.length === 1 && axes[0] === 0;
  };
  const joinsOf = (node: OnnxNode) => node.inputs.flatMap((name) => makers.get(name) ?? []);
  const isConcat = (node: OnnxNode): boolean =>
    node.op === "Concat" && node.domain === "" && intAttribute(node, "axis", 0) === 0 && joinsOf(node).length > 0;
  const candidates = new Set(
    model.nodes.filter(
      (node) => isConcat(node) && joinsOf(node).length === node.inputs.length && joinsOf(node).every(inFront),
    ),
  );
  const onlyJoined = (name: string) =>
    !outputs.has(name) && readers.get(name)!.every((reader) => candidates.has(reader));
  const concats = new Set([...candidates].filter((node) => node.inputs.every(onlyJoined)));
  return { joins: new Set([...concats].flatMap(joinsOf)), concats };
}

const NO_NODE: OnnxNode = { name: "", op: "", domain: "", inputs: [], outputs: [], attributes: {} };

/** Values that elementwise operators connect form a group. A mark on one value is a mark on its whole group. */
class Connected {
  readonly #parents = new Map<string, string>();
  readonly #marks = new Map<string, Set<string>>();

  has(value: string): boolean {
    return this.#parents.has(value);
  }

  add(value: string, connected: readonly string[]): void {
    this.#parents.set(value, value);
    for (const name of connected) {
      const root = this.#root(name);
      this.#parents.set(root, value);
      for (const mark of this.#marks.get(root) ?? []) this.mark(value, mark);
    }
  }

  mark(value: string, mark: string): void {
    const root = this.#root(value);
    this.#marks.set(root, (this.#marks.get(root) ?? new Set()).add(mark));
  }

  is(value: string, mark: string): boolean {
    return this.has(value) && (this.#marks.get(this.#root(value))?.has(mark) ?? false);
  }

  #root(value: string): string {
    let top = value;
    for (let next = this.#parents.get(top)!; next !== top; next = this.#parents.get(top)!) {
      this.#parents.set(top, this.#parents.get(next)!);
      top = next;
    }
    return top;
  }
}
