/** Reduces a tensor of any layout over any axes with the one native reduction `[outer, axis, inner]`. Nothing is recorded. */
import type { Shape } from "../../core/index.ts";
import { core } from "../../kernels/index.ts";
import { memoryAxes } from "../layout.ts";
import { Tensor } from "../tensor.ts";

/** Runs of neighbouring axes in memory that are reduced or not, outermost first; axes of size 1 are left out. */
function runsInMemory(x: Tensor, axes: readonly number[]): { size: number; reduced: boolean }[] {
  const runs: { size: number; reduced: boolean }[] = [];
  for (const axis of memoryAxes(x.shape.length, x.spatial)) {
    const size = x.shape[axis]!;
    const reduced = axes.includes(axis);
    if (size === 1) continue;
    const last = runs.at(-1);
    if (last && last.reduced === reduced) last.size *= size;
    else runs.push({ size, reduced });
  }
  return runs;
}

/** Reduces over `axes`, which keep size 1; the layout stays. */
export function reduceKeeping(op: "sum" | "mean" | "max", x: Tensor, axes: readonly number[]): Tensor {
  const shape = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const runs = runsInMemory(x, axes);
  let current = x.detach();
  const sizes = runs.map((run) => run.size);
  for (let i = runs.length - 1; i >= 0; i--) {
    if (!runs[i]!.reduced) continue;
    const axis = sizes[i]!;
    sizes[i] = 1;
    const outer = product(sizes.slice(0, i));
    const inner = product(sizes.slice(i + 1));
    const out = Tensor.empty([outer, inner]);
    core().reduce(op, current.buffer, outer, axis, inner, out.buffer);
    current.dispose();
    current = out;
  }
  const result = current.view(shape, x.spatial);
  current.dispose();
  return result;
}

function product(sizes: Shape): number {
  return sizes.reduce((total, size) => total * size, 1);
}

/** Takes reduced axes (now of size 1) out of the shape; what is left of the layout stays. */
export function dropAxes(x: Tensor, axes: readonly number[]): Tensor {
  const channel = x.shape.length - 1 - x.spatial;
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const spatial = axes.includes(channel) ? 0 : kept.filter((axis) => axis > channel).length;
  return x.view(
    kept.map((axis) => x.shape[axis]!),
    x.spatial === 0 ? 0 : spatial,
  );
}
