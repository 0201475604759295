/** Tensors of 16 bits: what they hold, which operations keep their type, and that gradients follow. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  add,
  avgPool,
  backwardFrom,
  batchNorm,
  concat,
  conv2d,
  convTranspose,
  exp,
  flatten,
  linear,
  max,
  maxPool,
  mean,
  mul,
  pad,
  permute,
  repeatLeading,
  reshape,
  scale,
  scope,
  slice,
  sub,
  sum,
  sumPool,
  Tensor,
  toChannelsLast,
  toDtype,
  unstack,
  withPrecision,
} from "../../src/tensor/index.ts";
import { leaf, randomNumbers } from "./gradient.ts";
import { expectNear, floats, type Half, leafOf, TYPES } from "./halves.ts";

interface Case {
  /** Shapes of the inputs that are activations, and of parameters (float32 always). */
  inputs: number[][];
  parameters?: number[][];
  run(inputs: Tensor[], parameters: Tensor[]): Tensor;
  /** The result is float32. */
  widens?: boolean;
}

const norm =
  (training: boolean) =>
  (inputs: Tensor[], [weight, bias]: Tensor[]) =>
    batchNorm(toChannelsLast(inputs[0]!, 2), {
      runningMean: Tensor.full([5], 0.25),
      runningVar: Tensor.full([5], 1.5),
      weight: weight!,
      bias: bias!,
      training,
    });

const CASES: Record<string, Case> = {
  conv2d: {
    inputs: [[3, 5, 7, 6]],
    parameters: [[4, 5, 3, 3], [4]],
    run: ([x], [w, b]) => conv2d(x!, w!, b!, { padding: 1, stride: 2 }),
  },
  "conv2d with padding as large as keeps the size": {
    inputs: [[2, 3, 5, 5]],
    parameters: [[4, 3, 2, 2]],
    run: ([x], [w]) => conv2d(x!, w!, null, { padding: "same" }),
  },
  linear: { inputs: [[5, 11]], parameters: [[7, 11], [7]], run: ([x], [w, b]) => linear(x!, w!, b!) },
  "batch norm of a batch": { inputs: [[3, 5, 3, 3]], parameters: [[5], [5]], run: norm(true) },
  "batch norm with known statistics": { inputs: [[3, 5, 3, 3]], parameters: [[5], [5]], run: norm(false) },
  maxPool: { inputs: [[2, 3, 7, 5]], run: ([x]) => maxPool(x!, { kernelSize: 2, padding: 1 }) },
  avgPool: { inputs: [[2, 3, 7, 5]], run: ([x]) => avgPool(x!, { kernelSize: 3, stride: 2 }) },
  sumPool: { inputs: [[2, 4, 6, 6]], run: ([x]) => sumPool(x!, { kernelSize: 2 }) },
  add: {
    inputs: [
      [3, 7],
      [3, 7],
    ],
    run: ([a, b]) => add(a!, b!),
  },
  sub: {
    inputs: [
      [3, 7],
      [3, 7],
    ],
    run: ([a, b]) => sub(a!, b!),
  },
  mul: {
    inputs: [
      [3, 7],
      [3, 7],
    ],
    run: ([a, b]) => mul(a!, b!),
  },
  "add in two layouts": {
    inputs: [
      [2, 3, 4, 5],
      [2, 3, 4, 5],
    ],
    run: ([a, b]) => add(toChannelsLast(a!, 2), b!),
  },
  "an input that is read twice": { inputs: [[3, 7]], run: ([x]) => add(mul(x!, x!), x!) },
  flatten: { inputs: [[2, 3, 4, 5]], run: ([x]) => flatten(toChannelsLast(x!, 2)) },
  reshape: { inputs: [[2, 3, 5]], run: ([x]) => reshape(x!, [5, 6]) },
  permute: { inputs: [[2, 3, 5]], run: ([x]) => permute(x!, [2, 0, 1]) },
  slice: { inputs: [[3, 5]], run: ([x]) => slice(x!, 1, 1, 4) },
  concat: {
    inputs: [
      [3, 5],
      [3, 2],
    ],
    run: ([a, b]) => concat([a!, b!], 1),
  },
  unstack: { inputs: [[3, 5]], run: ([x]) => unstack(x!)[1]! },
  pad: {
    inputs: [[1, 2, 3, 3]],
    run: ([x]) =>
      pad(x!, [
        [1, 0],
        [2, 1],
      ]),
  },
  repeatLeading: { inputs: [[3, 5]], run: ([x]) => repeatLeading(x!, 3) },
  "exp, which computes in float32": { inputs: [[3, 5]], run: ([x]) => exp(x!), widens: true },
  "sum, which computes in float32": { inputs: [[3, 5]], run: ([x]) => sum(x!, 0), widens: true },
  "mean, which computes in float32": { inputs: [[3, 5]], run: ([x]) => mean(x!, 0), widens: true },
  "max, which computes in float32": { inputs: [[3, 5]], run: ([x]) => max(x!, 1), widens: true },
  "scale, which computes in float32": { inputs: [[3, 5]], run: ([x]) => scale(x!, 3), widens: true },
  "add with repetition, which computes in float32": {
    inputs: [[3, 5], [5]],
    run: ([a, b]) => add(a!, b!),
    widens: true,
  },
  "convTranspose, which computes in float32": {
    inputs: [[2, 3, 4, 4]],
    parameters: [[3, 2, 2, 2], [2]],
    run: ([x], [w, b]) => convTranspose(x!, w!, b!, { stride: 2 }),
    widens: true,
  },
  "concat with a float32 tensor, which gives float32": {
    inputs: [[3, 5]],
    run: ([x]) => concat([x!, Tensor.ones([2, 5])], 0),
    widens: true,
  },
};

interface Results {
  dtype: string;
  y: Float32Array;
  gradients: Float32Array[];
  gradientTypes: string[];
}

/** The case with inputs of a type. Its parameters are numbers that both 16-bit types hold. */
function results({ inputs, parameters = [], run }: Case, type: Half | "float32"): Results {
  return scope(() => {
    const given = inputs.map((shape, i) => {
      const numbers = randomNumbers(
        shape.reduce((a, b) => a * b, 1),
        i + 1,
        -1,
        1,
      ).map((x) => Math.round(x * 64) / 64);
      const typed = toDtype(Tensor.from(numbers, shape), type);
      return leafOf(typed);
    });
    const learned = parameters.map((shape, i) =>
      leaf(
        randomNumbers(
          shape.reduce((a, b) => a * b, 1),
          i + 5,
          -1,
          1,
        ).map((x) => Math.round(x * 64) / 64),
        shape,
      ),
    );
    const forward = () => run(given, learned);
    const body = () => {
      const y = forward();
      const seed = Tensor.from(
        randomNumbers(y.size, 99, -1, 1).map((x) => Math.round(x * 64) / 64),
        y.shape,
      );
      backwardFrom([[y, seed]]);
      const leaves = [...given, ...learned];
      return {
        dtype: y.dtype,
        y: floats(y),
        gradients: leaves.map((tensor) => floats(tensor.grad!)),
        gradientTypes: leaves.map((tensor) => tensor.grad!.dtype),
      };
    };
    return type === "float32" ? body() : withPrecision(type, body, { activations: "half" });
  });
}

describe.each(TYPES)("activations in %s", (type) => {
  for (const [name, example] of Object.entries(CASES)) {
    it(`${name}: numbers and gradients are those of float32 but for rounding, and of the right types`, () => {
      const [half, exact] = [results(example, type), results(example, "float32")];
      expect(half.dtype).toBe(example.widens ? "float32" : type);
      const activations = example.inputs.map(() => type);
      expect(half.gradientTypes).toEqual([...activations, ...(example.parameters ?? []).map(() => "float32")]);
      expectNear(half.y, exact.y, type, "result");
      for (const [i, gradient] of half.gradients.entries()) {
        expectNear(gradient, exact.gradients[i]!, type, `gradient ${i}`);
      }
    });
  }

  it("are what convolutions and linear layers give of float32 inputs, whose gradients stay float32", () => {
    scope(() => {
      const x = leaf(randomNumbers(2 * 3 * 25), [2, 3, 5, 5]);
      const weight = leaf(randomNumbers(4 * 3 * 9, 2), [4, 3, 3, 3]);
      withPrecision(
        type,
        () => {
          const y = conv2d(x, weight);
          expect(y.dtype).toBe(type);
          expect(linear(flatten(x), Tensor.ones([2, 75])).dtype).toBe(type);
          backwardFrom([[y, Tensor.ones(y.shape)]]);
        },
        { activations: "half" },
      );
      expect([x.grad!.dtype, weight.grad!.dtype]).toEqual(["float32", "float32"]);
      expect(conv2d(x, weight).dtype).toBe("float32");
    });
  });

  it("outside such a body become float32 in a convolution", () => {
    scope(() => expect(linear(toDtype(Tensor.ones([2, 3]), type), Tensor.ones([4, 3])).dtype).toBe("float32"));
  });

  it("change no sum of conv2d where every number and sum has few bits", () => {
    const spikes = randomNumbers(3 * 4 * 36).map((value) => (value > 0 ? 1 : 0));
    const weights = randomNumbers(5 * 4 * 9, 2).map((value) => Math.round(value));
    const forward = (body: (run: () => Float32Array) => Float32Array) =>
      scope(() => body(() => floats(conv2d(Tensor.from(spikes, [3, 4, 6, 6]), Tensor.from(weights, [5, 4, 3, 3])))));
    const half = forward((run) => withPrecision(type, run, { activations: "half" }));
    expect(half).toEqual(forward((run) => run()));
  });

  it("carry spikes unchanged through moves, pools and the conversion back", () => {
    const spikes = fc.array(fc.boolean(), { minLength: 48, maxLength: 48 });
    fc.assert(
      fc.property(spikes, (fired) =>
        scope(() => {
          const exact = Tensor.from(fired.map(Number), [2, 2, 3, 4]);
          const ways = (x: Tensor) => [
            x,
            permute(x, [3, 1, 0, 2]),
            slice(toChannelsLast(x, 2), 3, 1, 3),
            maxPool(x, { kernelSize: 2, stride: 1 }),
            sumPool(x, { kernelSize: 2, stride: 1 }),
            mul(x, x),
            add(x, x),
          ];
          const expected = ways(exact).map((y) => y.toArray());
          expect(ways(toDtype(exact, type)).map((y) => toDtype(y, "float32").toArray())).toEqual(expected);
        }),
      ),
    );
  });

  it("are the nearest numbers, and those of a repeated tensor are repeated", () => {
    scope(() => {
      const x = repeatLeading(Tensor.from([1, 1 + 2 ** -12, -3.3, 65504, 1e-8], [5]), 2);
      const half = toDtype(x, type);
      expect(half.once).not.toBeNull();
      const near = { bfloat16: [1, 1, -3.296875, 65536], float16: [1, 1, -3.30078125, 65504] };
      expect([...floats(half)].slice(5, 9)).toEqual(near[type]);
    });
  });
});
