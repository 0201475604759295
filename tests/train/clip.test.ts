/** Gradient clipping: by the common norm, number by number, and with gradients that share memory. */
import { describe, expect, it } from "vitest";
import { keep, Tensor } from "../../src/tensor/index.ts";
import { clipGradNorm, clipGradValue } from "../../src/train/clip.ts";
import { Optimizer } from "../../src/train/optimizers.ts";
import { errorOf } from "../error-of.ts";

function withGrad(...gradient: number[]): Tensor {
  const tensor = Tensor.zeros([gradient.length], { requiresGrad: true });
  tensor.variable!.grad = Tensor.from(Float32Array.from(gradient), [gradient.length]);
  return tensor;
}

const gradOf = (tensor: Tensor) => [...tensor.grad!.toArray()];

function dispose(...tensors: Tensor[]): void {
  for (const tensor of tensors) {
    tensor.grad?.dispose();
    tensor.dispose();
  }
}

/** One float32 multiplication by a factor that is itself rounded. */
const FLOAT32_DIGITS = 6;

describe("clipGradNorm", () => {
  it("scales all gradients by the same factor and returns the norm before", () => {
    const [a, b] = [withGrad(3, 0), withGrad(4)];
    expect(clipGradNorm([a, b], 1)).toBe(5);
    // PyTorch divides by the norm plus 1e-6.
    const factor = 1 / (5 + 1e-6);
    expect(gradOf(a)[0]).toBeCloseTo(3 * factor, FLOAT32_DIGITS);
    expect(gradOf(b)[0]).toBeCloseTo(4 * factor, FLOAT32_DIGITS);
    dispose(a, b);
  });

  it("leaves small gradients exactly as they are, and skips parameters without one", () => {
    const a = withGrad(0.1, 0.2);
    const none = Tensor.zeros([2], { requiresGrad: true });
    const before = gradOf(a);
    clipGradNorm(
      new Map([
        ["a", a],
        ["none", none],
      ]).values(),
      1,
    );
    expect(gradOf(a)).toEqual(before);
    expect(none.grad).toBeNull();
    dispose(a, none);
  });

  it("changes a gradient that two parameters share once for each", () => {
    const a = withGrad(3, 4);
    const b = Tensor.zeros([2], { requiresGrad: true });
    b.variable!.grad = keep(a.grad!.detach());
    const norm = clipGradNorm([a, b], 1);
    expect(norm).toBeCloseTo(Math.sqrt(50), 12);
    for (const tensor of [a, b]) {
      expect(gradOf(tensor)[0]).toBeCloseTo(3 / norm, FLOAT32_DIGITS);
      expect(gradOf(tensor)[1]).toBeCloseTo(4 / norm, FLOAT32_DIGITS);
    }
    dispose(a, b);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])("refuses a gradient of %s", (value) => {
    const a = withGrad(1, value);
    const error = errorOf(() => clipGradNorm([a], 1));
    expect(error.code).toBe("VALUE");
    expect(error.message).toContain("a finite norm");
    dispose(a);
  });
});

describe("clipGradValue", () => {
  it("clamps every number to the limit on both sides", () => {
    const a = withGrad(-3, -0.5, 0, 0.25, 9);
    clipGradValue([a], 0.5);
    expect(gradOf(a)).toEqual([-0.5, -0.5, 0, 0.25, 0.5]);
    dispose(a);
  });
});

describe("an optimizer's step that clips", () => {
  it.each([{ norm: 0.7 }, { norm: 100 }, { value: 0.4 }])(
    "by %o takes the step of clipped gradients, bit for bit",
    (clip) => {
      const after = (apart: boolean) => {
        const leaves = [withGrad(3, -0.25, 0.1), withGrad(-0.6)];
        const grads = leaves.map((leaf) => gradOf(leaf));
        const names = leaves.map((leaf, i) => [`p${i}`, leaf] as const);
        const optimizer = new Optimizer({ kind: "sgd", learningRate: 0.3, momentum: 0.9 }, new Map(names));
        if (!apart) optimizer.step({ clip });
        else {
          if ("norm" in clip) clipGradNorm(leaves, clip.norm as number);
          else clipGradValue(leaves, clip.value);
          optimizer.step();
        }
        const numbers = leaves.map((leaf) => [...leaf.toArray()]);
        if (!apart) expect(leaves.map(gradOf)).toEqual(grads);
        optimizer.dispose();
        dispose(...leaves);
        return numbers;
      };
      expect(after(false)).toEqual(after(true));
    },
  );

  it("refuses a norm that is not finite, and takes the next step", () => {
    const leaf = withGrad(1, Number.NaN);
    const optimizer = new Optimizer({ kind: "sgd", learningRate: 1 }, new Map([["p", leaf]]));
    const step = () => {
      optimizer.step({ clip: { norm: 1 } });
      optimizer.settle();
    };
    expect(errorOf(step).message).toContain("a finite norm");
    expect([...leaf.toArray()]).toEqual([0, 0]);
    leaf.grad!.dispose();
    leaf.variable!.grad = Tensor.from(Float32Array.of(0.5, 0), [2]);
    step();
    expect([...leaf.toArray()]).toEqual([-0.5, 0]);
    optimizer.dispose();
    dispose(leaf);
  });
});
