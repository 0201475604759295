/**
 * Pools without neurons of their own, merged into the synapse behind them: netx has a neuron in every layer. Pool and convolution are one
 * convolution with an enlarged kernel; pool and matrix are a matrix with repeated columns. The sums stay the same, so it is exact.
 */
import { formatShape, sizeOf } from "../../../core/index.ts";
import { type ConvNode, type GraphNode, graphArray, type LinearNode, type PoolNode } from "../../../model/index.ts";
import { type ComposedWindow, composeWindows } from "../../../quantize/index.ts";
import type { LossyStep } from "../../target.ts";
import { windowOutput } from "../chip/window.ts";

/** A pool that cannot be merged, and why. */
export interface PoolObstacle {
  place: string;
  message: string;
  rewrite: string;
}

export interface MergedPools {
  nodes: GraphNode[];
  merges: LossyStep[];
  obstacles: PoolObstacle[];
}

/** Nodes with every pool that stands before a convolution or a matrix merged into it. Max pools stay. */
export function mergePools(nodes: readonly GraphNode[]): MergedPools {
  const result: MergedPools = { nodes: [], merges: [], obstacles: [] };
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]!;
    const group =
      node.kind === "pool" && node.operation !== "max" && node.kernelSize.length === 2 ? nodes.slice(i) : [];
    const [pool, second, third] = group as [PoolNode, GraphNode?, GraphNode?];
    const shape = nodes.find(({ id }) => id === node.inputs[0])?.shape ?? [];
    if (pool && second?.kind === "conv" && reads(second, pool)) {
      i += 1;
      result.nodes.push(mergeConv(pool, second, shape, result));
    } else if (
      pool &&
      second?.kind === "flatten" &&
      third?.kind === "linear" &&
      reads(second, pool) &&
      reads(third, second)
    ) {
      i += 2;
      const flatten: GraphNode = { ...second, inputs: pool.inputs, shape: [sizeOf(shape)] };
      result.nodes.push(flatten, mergeLinear(pool, third, shape, result));
    } else result.nodes.push(node);
  }
  return result;
}

const reads = ({ inputs }: GraphNode, { id }: GraphNode): boolean => inputs.length === 1 && inputs[0] === id;

/** Sum over the window, or divided by its size for a mean. */
const divisorOf = ({ operation, kernelSize }: PoolNode): number => (operation === "avg" ? sizeOf(kernelSize) : 1);

/** Why a pool is no sum of equal windows, rounded down. */
function obstacleOf(pool: PoolNode, shape: readonly number[]): { message: string; rewrite: string } | null {
  if (formatShape(windowOutput(shape.slice(1), pool)) !== formatShape(pool.shape.slice(1))) {
    return { message: "Its output size is rounded up, which no convolution does.", rewrite: "Use ceilMode: false." };
  }
  if (pool.operation === "avg" && !pool.countIncludePad && pool.padding.some((size) => size > 0)) {
    return {
      message: "Its windows at the border have other sizes.",
      rewrite: "Use countIncludePad: true, or SumPool2d.",
    };
  }
  return null;
}

function mergeConv(pool: PoolNode, conv: ConvNode, shape: readonly number[], result: MergedPools): ConvNode {
  const behind: ConvNode = { ...conv, inputs: pool.inputs };
  const [outputs = 0, perGroup = 0, kernelY = 0, kernelX = 0] = conv.weight.shape;
  const window = { ...conv, kernelSize: [kernelY, kernelX] };
  const composed = composeWindows(pool, window, shape.slice(1));
  const obstacle =
    obstacleOf(pool, shape) ??
    ("refusal" in composed
      ? {
          message: `It does not merge with ${conv.source}: ${composed.refusal}`,
          rewrite: "Use a window that divides the image, or a convolution without padding behind it.",
        }
      : null);
  if (obstacle || "refusal" in composed) {
    result.obstacles.push({ place: pool.source, ...obstacle! });
    return behind;
  }
  const { kernelSize, stride, padding } = composed.window;
  const weight = graphArray(enlarged(conv, pool, composed), [outputs, perGroup, ...kernelSize]);
  result.merges.push({
    place: conv.source,
    what: `${pool.operation} pool ${pool.source} merged: a window of ${kernelSize.join("x")} instead of ${kernelY}x${kernelX}, exact`,
    count: weight.data.length,
    largestChange: 0,
  });
  return { ...behind, weight, stride, padding, dilation: [1, 1] };
}

/** The kernel with each weight at every place of the pool's window. */
function enlarged(conv: ConvNode, pool: PoolNode, { window: { kernelSize }, tap }: ComposedWindow): Float32Array {
  const [outputs = 0, perGroup = 0, kernelY = 0, kernelX = 0] = conv.weight.shape;
  const [height = 0, width = 0] = kernelSize;
  const kernel = new Float32Array(outputs * perGroup * height * width);
  const divisor = divisorOf(pool);
  const [poolY = 0, poolX = 0] = pool.kernelSize;
  conv.weight.data.forEach((weight, i) => {
    const [plane, y, x] = [Math.floor(i / (kernelY * kernelX)), Math.floor(i / kernelX) % kernelY, i % kernelX];
    for (let a = 0; a < poolY; a++) {
      for (let b = 0; b < poolX; b++)
        kernel[(plane * height + tap(0, a, y)) * width + tap(1, b, x)]! += weight / divisor;
    }
  });
  return kernel;
}

/** Columns `[c, y, x]` of the pooled image, repeated for every pixel of their windows. */
function mergeLinear(pool: PoolNode, linear: LinearNode, shape: readonly number[], result: MergedPools): LinearNode {
  const obstacle = obstacleOf(pool, shape);
  if (obstacle) {
    result.obstacles.push({ place: pool.source, ...obstacle });
    return linear;
  }
  const [outputs = 0, columns = 0] = linear.weight.shape;
  const inputs = sizeOf(shape);
  const sources = pixelsOf(pool, shape);
  const data = new Float32Array(outputs * inputs);
  const divisor = divisorOf(pool);
  for (let row = 0; row < outputs; row++) {
    for (let column = 0; column < columns; column++) {
      const share = linear.weight.data[row * columns + column]! / divisor;
      for (const pixel of sources[column]!) data[row * inputs + pixel]! += share;
    }
  }
  result.merges.push({
    place: linear.source,
    what: `${pool.operation} pool ${pool.source} merged: ${inputs} columns instead of ${columns}, exact`,
    count: data.length,
    largestChange: 0,
  });
  return { ...linear, weight: graphArray(data, [outputs, inputs]) };
}

/** For each place of the pooled image `[C,h,w]` the pixels of the image `[C,H,W]` in its window. */
function pixelsOf(pool: PoolNode, shape: readonly number[]): number[][] {
  const [, height = 0, width = 0] = shape;
  const [channels = 0, rows = 0, places = 0] = pool.shape;
  const along = (axis: number, place: number, length: number) =>
    Array.from({ length: pool.kernelSize[axis]! }, (_, tap) => {
      return place * pool.stride[axis]! - pool.padding[axis]! + tap * pool.dilation[axis]!;
    }).filter((pixel) => pixel >= 0 && pixel < length);
  return Array.from({ length: channels * rows * places }, (_, i) => {
    const [c, y, x] = [Math.floor(i / (rows * places)), Math.floor(i / places) % rows, i % places];
    return along(0, y, height).flatMap((row) =>
      along(1, x, width).map((column) => (c * height + row) * width + column),
    );
  });
}
