/**
 * The parallel spiking neurons: no state and no reset, a matrix over time followed by the comparison (Fang et al., "Parallel Spiking
 * Neurons with High Efficiency and Ability to Learn Long-term Dependencies", 2023; SpikingJelly's `PSN`, `MaskedPSN`, `SlidingPSN`).
 * They see whole sequences only.
 */
import { z } from "zod";
import { fail, positiveInteger } from "../../core/index.ts";
import {
  add,
  concat,
  heaviside,
  matmul,
  mul,
  noGrad,
  reshape,
  roundFloat16,
  scope,
  slice,
  Tensor,
} from "../../tensor/index.ts";
import { graphArray } from "../graph.ts";
import { parseSurrogate, surrogateCall } from "../surrogates/index.ts";
import type { ForwardContext, LayerDefinition, ParameterSpec } from "./define.ts";
import type { Layer } from "./layer.ts";
import { layerFactory } from "./registry.ts";

const surrogate = z
  .unknown()
  .optional()
  .transform((chosen) => parseSurrogate(chosen ?? { kind: "ATan" }, "parallel neuron surrogate"))
  .describe('surrogate function, for example { "kind": "ATan", "alpha": 2 }');
const steps = positiveInteger.describe("number of time-steps that the matrix is for");
const order = positiveInteger.describe("how many steps back a step sees, itself included");

const psnOptions = z.strictObject({ T: steps, surrogate });
const maskedOptions = z.strictObject({
  k: order,
  T: steps,
  lambdaInit: z.number().min(0).max(1).default(0).describe("how much of the mask applies: 0 none, 1 all of it"),
  surrogate,
});
const slidingOptions = z.strictObject({
  k: order,
  expInit: z.boolean().default(true).describe("begin with the weights ..., 1/4, 1/2, 1"),
  surrogate,
});
type Surrogate = z.infer<typeof surrogate>;

/** SpikingJelly's start: weights as a linear layer's, thresholds of 1 (the bias is minus the threshold). */
const square = (T: number): Record<string, ParameterSpec> => ({
  weight: { shape: [T, T], init: { uniform: 1 / Math.sqrt(T) } },
  bias: { shape: [T, 1], init: { value: -1 } },
});

/** Row i of the mask is 1 for the steps i - k + 1 to i. With lambda below 1 the other weights count as well, by 1 - lambda. */
function maskOf(T: number, k: number, lambda: number): Float32Array {
  return Float32Array.from({ length: T * T }, (_, at) => {
    const [i, j] = [Math.floor(at / T), at % T];
    return j <= i && j > i - k ? 1 : 1 - lambda;
  });
}

/** The banded matrix of a sliding window: row t holds the last weights, ending with the newest at step t. */
function bandOf(weight: Tensor, T: number): Tensor {
  const k = weight.shape[0]!;
  const rows = Array.from({ length: T }, (_, t) => {
    const seen = Math.min(t + 1, k);
    const parts = [Tensor.zeros([t + 1 - seen]), slice(weight, 0, k - seen), Tensor.zeros([T - t - 1])];
    return reshape(
      concat(
        parts.filter(({ size }) => size > 0),
        0,
      ),
      [1, T],
    );
  });
  return concat(rows, 0);
}

/** What makes one of the three: the matrix `[T, T]` and the bias, `[T, 1]` or `[]`. */
interface Form<O> {
  kind: string;
  summary: string;
  parameters(options: O): Record<string, ParameterSpec>;
  /** T, or null where any number of steps will do. */
  steps(options: O): number | null;
  matrix(weight: Tensor, options: O, T: number): Tensor;
}

function define<O extends { surrogate: Surrogate }, I>(form: Form<O>, options: z.ZodType<O, I>): LayerDefinition<O, I> {
  const expectSteps = (layer: Layer<O>, T: number): void => {
    const expected = form.steps(layer.options);
    if (layer.stepMode === "m" && (expected === null || expected === T)) return;
    const hint = "A parallel neuron sees a whole sequence: set its T to the network's steps, and step mode m.";
    const got = layer.stepMode === "m" ? `${T}` : "step mode s";
    fail("SHAPE", { where: layer.label, expected: `a sequence of ${expected ?? "T"} steps`, got, hint });
  };
  return {
    kind: form.kind,
    summary: form.summary,
    options,
    sees: "sequence",
    rounds: false,
    shape: (input) => input,
    parameters: form.parameters,
    forward(x, layer, context) {
      const [T = 0] = x.shape;
      expectSteps(layer, T);
      const matrix = form.matrix(layer.parameter("weight", context)!, layer.options, T);
      const potential = add(matmul(matrix, reshape(x, [T, x.size / T])), layer.parameter("bias", context)!);
      const call = surrogateCall(layer.options.surrogate, { threshold: 1 });
      const fired = heaviside(rounded(potential, context), { name: call.surrogate, params: call.surrogateParams });
      return reshape(fired, x.shape);
    },
    lower(layer, graph) {
      expectSteps(layer, graph.steps);
      const T = graph.steps;
      const matrix = scope(() => noGrad(() => form.matrix(layer.tensor("weight"), layer.options, T)).toArray());
      const bias = layer.tensor("bias").toArray() as Float32Array;
      graph.add("parallelNeuron", {
        source: layer.path,
        shape: graph.current.shape,
        neuron: form.kind,
        weight: graphArray(matrix as Float32Array, [T, T]),
        bias: graphArray(bias.length === 1 ? new Float32Array(T).fill(bias[0]!) : bias, [T]),
      });
    },
  };
}

const rounded = (x: Tensor, { arithmetic }: ForwardContext): Tensor => (arithmetic === "float16" ? roundFloat16(x) : x);

export const psnDefinition = define(
  {
    kind: "PSN",
    summary: "parallel neuron: every step sees all steps through a learned matrix",
    parameters: ({ T }: z.infer<typeof psnOptions>) => square(T),
    steps: ({ T }) => T,
    matrix: (weight) => weight,
  },
  psnOptions,
);
export const maskedPsnDefinition = define(
  {
    kind: "MaskedPSN",
    summary: "parallel neuron whose matrix is masked to the last k steps",
    parameters: ({ T }: z.infer<typeof maskedOptions>) => square(T),
    steps: ({ T }) => T,
    matrix: (weight, { k, lambdaInit }, T) => mul(weight, Tensor.from(maskOf(T, k, lambdaInit), [T, T])),
  },
  maskedOptions,
);
export const slidingPsnDefinition = define(
  {
    kind: "SlidingPSN",
    summary: "parallel neuron with the same k weights at every step",
    parameters: ({ k, expInit }: z.infer<typeof slidingOptions>) => ({
      weight: {
        shape: [k],
        init: expInit
          ? { values: Float32Array.from({ length: k }, (_, i) => 2 ** (i + 1 - k)) }
          : { uniform: 1 / Math.sqrt(k) },
      },
      bias: { shape: [], init: { value: -1 } },
    }),
    steps: () => null,
    matrix: (weight, _, T) => bandOf(weight, T),
  },
  slidingOptions,
);

export const PSN = layerFactory(psnDefinition);
export const MaskedPSN = layerFactory(maskedPsnDefinition);
export const SlidingPSN = layerFactory(slidingPsnDefinition);
export const parallelNeuronDefinitions: readonly LayerDefinition[] = [
  psnDefinition,
  maskedPsnDefinition,
  slidingPsnDefinition,
] as unknown as readonly LayerDefinition[];

/** True for neurons that see a whole sequence at once. */
export const isParallelNeuron = ({ kind }: Layer): boolean =>
  parallelNeuronDefinitions.some((entry) => entry.kind === kind);
