/** Drives an optimizer by hand in tests: parameters, gradients, steps. */
import { Tensor } from "../../src/tensor/index.ts";
import { Optimizer, type OptimizerInput } from "../../src/train/optimizers.ts";

/** A trainable vector. */
export function parameter(...numbers: number[]): Tensor {
  return Tensor.from(Float32Array.from(numbers), [numbers.length], { requiresGrad: true });
}

/** Gives a parameter its gradient, in place of the one it had. */
export function setGrad(tensor: Tensor, numbers: ArrayLike<number>): void {
  tensor.grad?.dispose();
  tensor.variable!.grad = Tensor.from(Float32Array.from(numbers), tensor.shape);
}

/** Steps one parameter tensor through given gradients; returns its numbers after each step. */
export function run(config: OptimizerInput, start: number[], gradients: number[][]): number[][] {
  const w = parameter(...start);
  const optimizer = new Optimizer(config, new Map([["w", w]]));
  const steps = gradients.map((gradient) => {
    setGrad(w, gradient);
    optimizer.step();
    return [...w.toArray()];
  });
  optimizer.zeroGrad();
  optimizer.dispose();
  w.dispose();
  return steps;
}
