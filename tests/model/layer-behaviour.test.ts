/** What is special about single layers: options that must fit each other, dropout, flattening, refusals, tensors. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import {
  AvgPool2d,
  BatchNorm2d,
  Conv2d,
  Dropout,
  describeLayer,
  Flatten,
  GraphBuilder,
  IFNode,
  type Layer,
  Linear,
  layerFromDescription,
  MaxPool2d,
  Sequential,
} from "../../src/model/index.ts";
import { scope, Tensor } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";

describe("options of layers", () => {
  it("must make sense together", () => {
    const groups = errorOf(() => Conv2d({ inChannels: 3, outChannels: 4, kernelSize: 1, groups: 2 }));
    expect(groups.message).toContain("Conv2d: groups: expected consistent values, got groups that do not divide");
    const padding = errorOf(() => MaxPool2d({ kernelSize: 2, padding: 2 }));
    expect(padding.message).toContain("a padding of more than half the window");
    const names = errorOf(() => Sequential({ conv: Flatten(), 0: IFNode() }));
    expect(names.message).toContain("numbers and words mixed");
  });

  it("of a surrogate are read and refused like those of a layer", () => {
    expect(describeLayer(IFNode()).surrogate).toEqual({ kind: "Sigmoid", alpha: 4 });
    const { message } = errorOf(() => layerFromDescription({ kind: "IFNode", surrogate: { kind: "Atan" } }, layers));
    expect(message).toContain('got "Atan". Did you mean "ATan"?');
  });
});

describe("Dropout", () => {
  const ones = () => Tensor.ones([4, 2, 50]);
  const training = (seed = 1) => ({ training: true, random: new RandomStream(seed) });

  it("cuts the same connections at every step and in every call until it is reset", () => {
    const dropout = Dropout({ p: 0.4 });
    dropout.stepMode = "m";
    scope(() => {
      const random = training();
      const first = [...dropout.forward(ones(), random).toArray()];
      const step = first.slice(0, 100);
      expect(first).toEqual([...step, ...step, ...step, ...step]);
      expect(new Set(step)).toEqual(new Set([0, Math.fround(1 / 0.6)]));
      expect([...dropout.forward(ones(), random).toArray()]).toEqual(first);
      dropout.reset();
      expect([...dropout.forward(ones(), random).toArray()]).not.toEqual(first);
    });
    dropout.dispose();
  });

  it("changes nothing in evaluation", () => {
    const dropout = Dropout();
    dropout.stepMode = "m";
    scope(() => {
      const x = ones();
      expect(dropout.forward(x, { ...training(), training: false })).toBe(x);
    });
  });

  it("names the layer and the way out when the batch changes without a reset", () => {
    const dropout = Dropout();
    dropout.stepMode = "m";
    scope(() => {
      dropout.forward(ones(), training());
      const { code, message } = errorOf(() => dropout.forward(Tensor.ones([4, 1, 50]), training()));
      expect(code).toBe("SHAPE");
      expect(message).toContain("Dropout mask: expected shape [2,50], got [1,50]. Reset the network");
    });
    dropout.dispose();
  });
});

describe("Flatten", () => {
  it("gives features in C,H,W order, whatever lies in memory", () => {
    const network = Sequential([Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 1, bias: false }), Flatten()]);
    network.children.get("0")!.setTensor("weight", Tensor.from([1, 10], [2, 1, 1, 1]));
    scope(() => {
      const x = Tensor.from([1, 2, 3, 4], [1, 1, 2, 2]);
      const flat = network.forward(x, { training: false, random: new RandomStream(0) });
      expect([...flat.toArray()]).toEqual([1, 2, 3, 4, 10, 20, 30, 40]);
    });
    network.dispose();
  });

  it("of some axes only has a shape but no place on a chip", () => {
    const flatten = Flatten({ startDim: 2 });
    expect(flatten.outputShape([3, 4, 5])).toEqual([3, 20]);
    const graph = new GraphBuilder(1);
    graph.add("input", { source: "input", shape: [3, 4, 5], form: "image", values: "real" });
    expect(errorOf(() => flatten.definition.lower(flatten, graph)).code).toBe("TARGET");
    expect(errorOf(() => Flatten({ startDim: 3 }).outputShape([7])).message).toContain("got 3 to -1 (input [7])");
  });
});

describe("what PyTorch can and no chip", () => {
  const refusal = (layer: Layer, input: number[]) => {
    const graph = new GraphBuilder(1);
    graph.add("input", { source: "input", shape: input, form: "image", values: "real" });
    layer.initialize(new RandomStream(0));
    const { code, message } = errorOf(() => layer.definition.lower(layer, graph));
    layer.dispose();
    expect(code).toBe("TARGET");
    return message;
  };
  const window = { inChannels: 2, outChannels: 2, kernelSize: 2 };

  it("has a shape and a forward pass, but is not lowered", () => {
    const same = Conv2d({ ...window, padding: "same" });
    expect(same.outputShape([2, 5, 4])).toEqual([2, 5, 4]);
    expect(refusal(same, [2, 5, 4])).toContain(
      "Conv2d: expected the same number of zeros on both sides, got [0,1,0,1]",
    );
    const mirrored = Conv2d({ ...window, padding: 1, paddingMode: "reflect" });
    expect(refusal(mirrored, [2, 5, 4])).toContain('got paddingMode "reflect". Chips pad with zeros only.');
    expect(refusal(AvgPool2d({ kernelSize: 2, divisorOverride: 3 }), [2, 4, 4])).toContain("got divisorOverride 3");
    const stateless = BatchNorm2d({ numFeatures: 2, trackRunningStats: false });
    expect(refusal(stateless, [2, 4, 4])).toContain("expected running statistics, got trackRunningStats false");
  });

  it("is lowered where it comes to the same", () => {
    const same = Conv2d({ ...window, kernelSize: 3, padding: "same" });
    const graph = new GraphBuilder(1);
    graph.add("input", { source: "input", shape: [2, 5, 4], form: "image", values: "real" });
    same.initialize(new RandomStream(0));
    same.definition.lower(same, graph);
    expect(graph.current).toMatchObject({ kind: "conv", padding: [1, 1], shape: [2, 5, 4] });
    same.dispose();
  });
});

describe("tensors of a layer", () => {
  it("must have the layer's shape, not only its size", () => {
    const linear = Linear({ inFeatures: 2, outFeatures: 3, bias: false });
    scope(() => {
      const { code, message } = errorOf(() => linear.setTensor("weight", Tensor.zeros([2, 3])));
      expect(code).toBe("SHAPE");
      expect(message).toContain("Linear weight: expected shape [3,2], got [2,3].");
      expect(errorOf(() => linear.setTensor("wieght", Tensor.zeros([3, 2]))).code).toBe("OPTION");
    });
  });

  it("are missed with a way out before the layer was initialised", () => {
    const { code, message } = errorOf(() => BatchNorm2d({ numFeatures: 2 }).tensor("weight"));
    expect(code).toBe("STATE");
    expect(message).toContain("createNetwork()");
  });
});
