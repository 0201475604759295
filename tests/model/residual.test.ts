/** Residual blocks: what joining two paths computes and differentiates, what it lowers to, and what it refuses. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import {
  ConstantEncoder,
  createNetwork,
  IFNode,
  type Layer,
  Linear,
  SEWBlock,
  Sequential,
  SpikingResBlock,
} from "../../src/model/index.ts";
import { backward, scope, sum, Tensor } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";

const context = { training: false, random: new RandomStream(0) };

/** A path that doubles its input, which is smooth, so that gradients can be written down. */
function doubling(): Layer {
  const path = Linear({ inFeatures: 1, outFeatures: 1, bias: false });
  path.setTensor("weight", Tensor.from(Float32Array.of(2), [1, 1]));
  return path;
}

function valueAndSlope(block: Layer, at: number): [number, number] {
  return scope(() => {
    const x = Tensor.from(Float32Array.of(at), [1, 1], { requiresGrad: true });
    const output = block.forward(x, context);
    const value = output.toArray()[0] as number;
    backward(sum(output));
    return [value, x.grad!.toArray()[0] as number];
  });
}

describe("SEWBlock", () => {
  // with p = 2x: ADD p + x, AND p x, IAND (1 - p) x
  it.each([
    ["ADD", 1.5, 3],
    ["AND", 0.5, 2],
    ["IAND", 0, -1],
  ] as const)("joins its paths by %s and differentiates the join", (connect, value, slope) => {
    const block = SEWBlock({ path: doubling(), connect });
    expect(valueAndSlope(block, 0.5)).toEqual([value, slope]);
    block.dispose();
    for (const child of block.children.values()) child.dispose();
  });

  it("uses the shortcut where one is given", () => {
    const block = SEWBlock({ path: doubling(), shortcut: doubling(), connect: "ADD" });
    expect(valueAndSlope(block, 0.25)).toEqual([1, 4]);
    for (const layer of block.walk()) layer.dispose();
  });

  it("names both shapes where the paths do not meet", () => {
    const block = SEWBlock({ path: Linear({ inFeatures: 3, outFeatures: 2 }) });
    const { code, message } = errorOf(() => block.outputShape([3]));
    expect(code).toBe("SHAPE");
    expect(message).toContain("got [2] and [3]");
  });

  it("lowers to two branches from one node", () => {
    const root = Sequential([
      IFNode(),
      SEWBlock({ path: Sequential([Linear({ inFeatures: 3, outFeatures: 3 }), IFNode()]), connect: "IAND" }),
    ]);
    const network = createNetwork({ inputShape: [3], steps: 2, encoder: ConstantEncoder(), root });
    const { nodes } = network.lower();
    const gate = nodes.find((node) => node.kind === "gate")!;
    expect(gate).toMatchObject({ inverted: true, source: "1", shape: [3] });
    expect(gate.inputs.map((id) => nodes.find((node) => node.id === id)!.source)).toEqual(["1.path.1", "0"]);
    network.dispose();
  });
});

describe("SpikingResBlock", () => {
  it("fires on the sum of both paths", () => {
    const block = SpikingResBlock({ path: doubling(), neuron: IFNode({ vThreshold: 1.4 }) });
    for (const layer of block.walk()) layer.stepMode = "m";
    const fire = (x: number) =>
      scope(() => block.forward(Tensor.from(Float32Array.of(x), [1, 1, 1]), context).toArray()[0] as number);
    expect(
      [0.46, 0.48].map((x) => {
        const spike = fire(x);
        for (const layer of block.walk()) layer.reset();
        return spike;
      }),
    ).toEqual([0, 1]);
    for (const layer of block.walk()) layer.dispose();
  });
});
