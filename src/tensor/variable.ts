/** What the tape knows about a value: its identity and, for a leaf, its gradient. It outlives tensor objects; it holds no numbers. */
import type { DType, Shape } from "../core/index.ts";
import type { Tensor } from "./tensor.ts";

export class Variable {
  /** Leaf (a parameter): its gradient after `backward()`. It belongs to the variable and is freed with its last tensor. */
  grad: Tensor | null = null;
  /** The operation that made it has left the tape: no gradient can flow through it any more. */
  spent = false;
  /** Element type of the value, which its gradient has as well. */
  dtype: DType = "float32";
  /** Shape and layout of the value, which its gradient shares. Known once a tensor carries the variable. */
  shape: Shape | null = null;
  spatial = 0;
  #holders = 0;

  constructor(readonly leaf: boolean) {}

  /** True while a tensor carries this variable: only then is there somebody to read the gradient. */
  get alive(): boolean {
    return this.#holders > 0;
  }

  /** Called by a tensor that takes this variable. */
  bind(tensor: Tensor): void {
    if (this.shape === null) {
      this.shape = tensor.shape;
      this.spatial = tensor.spatial;
      this.dtype = tensor.dtype;
    }
    this.#holders++;
  }

  /** Called by a tensor that lets go. */
  unbind(): void {
    if (--this.#holders === 0) this.dropGrad();
  }

  dropGrad(): void {
    this.grad?.dispose();
    this.grad = null;
  }
}
