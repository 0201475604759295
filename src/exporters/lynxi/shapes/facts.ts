/** What is known of a value of an ONNX model. */
import type { ElementType } from "../onnx/onnx-model.ts";

export interface ValueFacts {
  type: ElementType;
  /** Null: unknown. */
  shape: number[] | null;
  /** The numbers, where they are whole, few and known without an input: shapes, indices, axes. */
  constant: number[] | null;
  /** Stored floating numbers, where they are few: the scales of a Resize. */
  floats?: number[];
}
