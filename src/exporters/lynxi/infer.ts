/**
 * Types and shapes of every value of an ONNX model, with shape arithmetic on constants carried out. Operators that it does not know
 * leave their results unknown (a rule reports those); it never guesses.
 */

import { foldConstant, LARGEST_SHAPE_CONSTANT } from "./infer-constants.ts";
import { inferShape } from "./infer-shapes.ts";
import {
  type ElementType,
  isFloatType,
  type OnnxModel,
  type OnnxNode,
  storedTensors,
  tensorNumbers,
} from "./onnx-model.ts";

export interface ValueFacts {
  type: ElementType;
  /** Null: unknown. */
  shape: number[] | null;
  /** The numbers, where they are whole, few and known without an input: shapes, indices, axes. */
  constant: number[] | null;
}

export interface Inference {
  facts: Map<string, ValueFacts>;
  /** Nodes whose inputs contradict each other. */
  conflicts: { node: OnnxNode; problem: string }[];
  multiplyAdds: number;
}

export function inferValues(model: OnnxModel): Inference {
  const facts = new Map<string, ValueFacts>();
  for (const { name, type, shape } of model.inputs)
    facts.set(name, { type, shape: numericShape(shape), constant: null });
  for (const tensor of storedTensors(model)) {
    const whole = !isFloatType(tensor.type) && tensor.data.length <= LARGEST_SHAPE_CONSTANT;
    facts.set(tensor.name, { type: tensor.type, shape: tensor.shape, constant: whole ? tensorNumbers(tensor) : null });
  }
  const declared = new Map([...model.values, ...model.outputs].map((value) => [value.name, value]));
  const conflicts: Inference["conflicts"] = [];
  let multiplyAdds = 0;
  for (const node of model.nodes) {
    if (node.op === "Constant") continue;
    const inputs = node.inputs.map((name) => facts.get(name) ?? null);
    const result = inferShape(node, inputs);
    if (result.problem) conflicts.push({ node, problem: result.problem });
    multiplyAdds += result.multiplyAdds ?? 0;
    node.outputs.forEach((name, index) => {
      const known = declared.get(name);
      const folded = index === 0 ? foldConstant(node, inputs) : null;
      facts.set(name, {
        type: result.type ?? known?.type ?? "undefined",
        shape: folded?.shape ?? result.shapes?.[index] ?? numericShape(known?.shape ?? null),
        constant: folded?.numbers ?? null,
      });
    });
  }
  return { facts, conflicts, multiplyAdds };
}

/** The shape when every dimension is a number. */
export function numericShape(shape: readonly (number | string | null)[] | null): number[] | null {
  return shape?.every((size) => typeof size === "number") ? (shape as number[]) : null;
}
