/**
 * Types and shapes of every value of an ONNX model, with shape arithmetic on constants carried out. Operators that it does not know
 * leave their results unknown (a rule reports those); it never guesses.
 */
import { sizeOf } from "../../../core/index.ts";
import { isFloatType, type OnnxModel, type OnnxNode, storedTensors, tensorNumbers } from "../onnx/onnx-model.ts";
import type { ValueFacts } from "./facts.ts";
import { foldConstant, LARGEST_SHAPE_CONSTANT } from "./infer-constants.ts";
import type { InferredNode } from "./infer-rule.ts";
import { inferShape } from "./infer-shapes.ts";

export interface Inference {
  facts: Map<string, ValueFacts>;
  /** Nodes whose inputs contradict each other. */
  conflicts: { node: OnnxNode; problem: string }[];
  multiplyAdds: number;
}

/** More dimensions than any operator has: such a shape counts as unknown, so that files cannot make inference slow. */
const LARGEST_RANK = 32;
/** Numbers that folded shape arithmetic may hold in all: real graphs need some thousand. */
const FOLDED_NUMBERS = 2 ** 22;

export function inferValues(model: OnnxModel): Inference {
  const facts = new Map<string, ValueFacts>();
  for (const { name, type, shape } of model.inputs)
    facts.set(name, { type, shape: usable(numericShape(shape)), constant: null });
  for (const tensor of storedTensors(model)) {
    const whole = !isFloatType(tensor.type) && !tensor.external && tensor.data.length <= LARGEST_SHAPE_CONSTANT;
    const constant = whole ? tensorNumbers(tensor) : null;
    const few = isFloatType(tensor.type) && !tensor.external && tensor.data.length <= LARGEST_RANK;
    facts.set(tensor.name, {
      type: tensor.type,
      shape: usable(tensor.shape),
      constant,
      ...(few ? { floats: tensorNumbers(tensor) } : {}),
    });
  }
  let budget = FOLDED_NUMBERS;
  const declared = new Map([...model.values, ...model.outputs].map((value) => [value.name, value]));
  const conflicts: Inference["conflicts"] = [];
  let multiplyAdds = 0;
  for (const node of model.nodes) {
    if (node.op === "Constant") continue;
    const inputs = node.inputs.map((name) => facts.get(name) ?? null);
    const result = checked(inferShape(node, inputs));
    if (result.problem) conflicts.push({ node, problem: result.problem });
    multiplyAdds += result.multiplyAdds ?? 0;
    node.outputs.forEach((name, index) => {
      const known = declared.get(name);
      const folded = index === 0 && budget > 0 ? foldConstant(node, inputs) : null;
      budget -= folded?.numbers.length ?? 0;
      const inferred = result.shapes?.[index] ?? null;
      const fits = !folded || (inferred !== null && sizeOf(inferred) === folded.numbers.length);
      facts.set(name, {
        type: result.type ?? known?.type ?? "undefined",
        shape: usable((fits ? inferred : folded.shape) ?? numericShape(known?.shape ?? null)),
        constant: folded?.numbers ?? null,
      });
    });
  }
  return { facts, conflicts, multiplyAdds };
}

/** Attributes come from files: what they lead to must still be shapes. */
function checked(result: InferredNode): InferredNode {
  const odd = result.shapes?.find((shape) => shape && !usable(shape));
  if (!odd) return result;
  const sizes = odd.length > LARGEST_RANK ? `${odd.length} dimensions` : `[${odd.join(",")}]`;
  return { ...result, shapes: [], problem: result.problem ?? `attributes that lead to a result of ${sizes}` };
}

/** The shape when it is one: not too many axes, whole sizes from 0. */
function usable(shape: number[] | null): number[] | null {
  if (!shape || shape.length > LARGEST_RANK) return null;
  return shape.every((size) => Number.isSafeInteger(size) && size >= 0) ? shape : null;
}

/** The shape when every dimension is a number. */
export function numericShape(shape: readonly (number | string | null)[] | null): number[] | null {
  return shape?.every((size) => typeof size === "number") ? (shape as number[]) : null;
}
