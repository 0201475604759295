/** What a rule of shape inference is, and what several rules share. */
import { formatShape } from "../../../core/index.ts";
import type { ElementType, OnnxNode } from "../onnx/onnx-model.ts";
import type { ValueFacts } from "./facts.ts";

export interface InferredNode {
  /** One shape for each output; null: unknown. */
  shapes?: (number[] | null)[];
  type?: ElementType;
  multiplyAdds?: number;
  /** Why the inputs do not fit together. */
  problem?: string;
}

type Shapes = (number[] | null | undefined)[];
export type Infer = (node: OnnxNode, shapes: Shapes, inputs: readonly (ValueFacts | null)[]) => InferredNode;

export const one = (shape: number[] | null | undefined): InferredNode => ({ shapes: [shape ?? null] });
export const conflict = (problem: string): InferredNode => ({ shapes: [null], problem });

export const broadcast: Infer = (_node, shapes) => {
  if (shapes.some((shape) => !shape)) return one(null);
  const known = shapes as number[][];
  const rank = Math.max(...known.map((shape) => shape.length));
  const result: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const sizes = known.map((shape) => shape[axis - rank + shape.length] ?? 1);
    const size = Math.max(...sizes);
    if (sizes.some((other) => other !== 1 && other !== size)) {
      return conflict(`shapes ${known.map((shape) => formatShape(shape)).join(" and ")} do not broadcast`);
    }
    result.push(size);
  }
  return one(result);
};

/** Axes counted from the front; null when one of them is outside the shape. */
export function frontAxes(axes: readonly number[], rank: number): number[] | null {
  const front = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  return front.every((axis) => Number.isInteger(axis) && axis >= 0 && axis < rank) ? front : null;
}

/** One axis counted from the front, or null. */
export function frontAxis(axis: number, rank: number): number | null {
  return frontAxes([axis], rank)?.[0] ?? null;
}
