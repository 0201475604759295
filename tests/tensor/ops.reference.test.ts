/** Operations against PyTorch and SpikingJelly: `layers.h5`, the classes whose work is one tensor operation, and two losses. */
import { afterAll, describe, expect, it } from "vitest";
import {
  avgPool,
  backward,
  backwardFrom,
  batchNorm,
  conv1d,
  conv2d,
  conv3d,
  flatten,
  linear,
  maxPool,
  mse,
  type PadMode,
  pad,
  reshape,
  scope,
  softmaxCrossEntropy,
  Tensor,
  Variable,
} from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference, type ReferenceFile } from "../h5.ts";

/** The reference's own tolerance: 1e-5 of the largest stored value, plus 1e-6 (sums of float32 in another order). */
const RELATIVE = 1e-5;
const ABSOLUTE = 1e-6;

// Vitest asks for the test names before any hook runs, so the file is opened while the module loads.
const file: ReferenceFile = await openReference(fixture("layers.h5"));
afterAll(() => file.close());

function expectStored(got: Tensor | null | undefined, path: string): void {
  const stored = file.array(path);
  expect(got, `${path}: a result`).toBeTruthy();
  expect(got!.shape, path).toEqual(stored.shape);
  const numbers = got!.toArray();
  const largest = Array.from(stored.data).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < numbers.length; i++) {
    const deviation = Math.abs(numbers[i]! - stored.data[i]!);
    if (!(deviation <= RELATIVE * largest + ABSOLUTE)) {
      expect.fail(`${path} element ${i}: expected ${stored.data[i]}, got ${numbers[i]}`);
    }
  }
}

function load(path: string, requiresGrad: boolean): Tensor {
  const { data, shape } = file.array(path);
  const tensor = Tensor.from(data, shape);
  if (requiresGrad) tensor.variable = new Variable(true);
  return tensor;
}

interface CaseConfig {
  // biome-ignore lint/suspicious/noExplicitAny: constructor arguments differ by class
  args: any;
  step_mode: "s" | "m";
  mode: "train" | "eval";
}
type Run = (x: Tensor, params: Record<string, Tensor>, config: CaseConfig) => Tensor;

/** Runs a stateless operation on `[T, N, ...]` as the layer does: T and N are one batch axis. */
function onMergedBatch(config: CaseConfig, x: Tensor, operation: (x: Tensor) => Tensor): Tensor {
  if (config.step_mode === "s") return operation(x);
  const [steps, batch, ...rest] = x.shape;
  const out = operation(reshape(x, [steps! * batch!, ...rest]));
  return reshape(out, [steps!, batch!, ...out.shape.slice(1)]);
}

const PADDING_MODES: Record<string, PadMode> = { reflect: "reflect", replicate: "replicate", circular: "circular" };

function convolution(convolve: typeof conv2d): Run {
  return (x, { weight, bias }, { args }) => {
    const mode = PADDING_MODES[args.padding_mode as string];
    const axes = x.shape.length - 2;
    const amounts = typeof args.padding === "number" ? new Array<number>(axes).fill(args.padding) : args.padding;
    const input = mode
      ? pad(
          x,
          (amounts as number[]).map((amount) => [amount, amount] as const),
          mode,
        )
      : x;
    const padding = mode ? 0 : args.padding;
    const { stride, dilation, groups } = args;
    return convolve(input, weight!, bias ?? null, { stride, padding, dilation, groups });
  };
}

const batchNormalisation: Run = (x, params, { args, mode }) => {
  const { running_mean: runningMean = null, running_var: runningVar = null, weight = null, bias = null } = params;
  // momentum null: the cumulative mean, of which this is batch number num_batches_tracked + 1
  const momentum =
    args.momentum === null ? 1 / ((params.num_batches_tracked?.item() ?? 0) + 1) : (args.momentum ?? 0.1);
  const training = mode === "train" || runningMean === null;
  return batchNorm(x, { runningMean, runningVar, weight, bias, training, momentum, eps: args.eps ?? 1e-5 });
};

function pooling(operation: typeof avgPool): Run {
  return (x, _, { args }) =>
    operation(x, {
      kernelSize: args.kernel_size,
      stride: args.stride,
      padding: args.padding,
      dilation: args.dilation,
      ceilMode: args.ceil_mode,
      countIncludePad: args.count_include_pad,
      divisorOverride: args.divisor_override,
    });
}

const CLASSES: Record<string, Run> = {
  Conv1d: convolution(conv1d),
  Conv2d: convolution(conv2d),
  Conv3d: convolution(conv3d),
  Linear: (x, { weight, bias }) => linear(x, weight!, bias ?? null),
  BatchNorm1d: batchNormalisation,
  BatchNorm2d: batchNormalisation,
  BatchNorm3d: batchNormalisation,
  MaxPool1d: pooling(maxPool),
  MaxPool2d: pooling(maxPool),
  AvgPool1d: pooling(avgPool),
  AvgPool2d: pooling(avgPool),
  Flatten: (x, _, { args }) => flatten(x, args.start_dim, args.end_dim),
};

const BUFFERS = ["running_mean", "running_var", "num_batches_tracked"];
const namesIn = (path: string) => (file.has(path) ? file.keys(path) : []);

function runCase(path: string, run: Run): void {
  const config = file.config(path) as CaseConfig;
  scope(() => {
    const x = load(`${path}/x`, true);
    const params = Object.fromEntries(
      namesIn(`${path}/params`).map((name) => [name, load(`${path}/params/${name}`, !BUFFERS.includes(name))]),
    );
    const output = onMergedBatch(config, x, (merged) => run(merged, params, config));
    expectStored(output, `${path}/output`);
    backwardFrom([[output, load(`${path}/grad_output`, false)]]);
    for (const name of file.keys(`${path}/grads`)) {
      expectStored(name === "x" ? x.grad : params[name]?.grad, `${path}/grads/${name}`);
    }
    for (const name of namesIn(`${path}/buffers_after`)) {
      // counting batches is the layer's business
      if (name !== "num_batches_tracked") expectStored(params[name], `${path}/buffers_after/${name}`);
    }
  });
}

describe.each(Object.keys(CLASSES))("%s", (name) => {
  it.each(file.keys(name))("gives the stored output, gradients and buffers of %s", (member) => {
    runCase(`${name}/${member}`, CLASSES[name]!);
  });
});

describe("losses", () => {
  const LOSSES: Record<string, (x: Tensor, target: string) => Tensor> = {
    cross_entropy: (x, target) => {
      const { data, shape } = file.array(target);
      return softmaxCrossEntropy(x, Tensor.from(data, shape, { dtype: "int32" }));
    },
    mse: (x, target) => mse(x, load(target, false)),
  };

  it.each(Object.keys(LOSSES).flatMap((name) => file.keys(`losses/${name}`).map((member) => [name, member] as const)))(
    "%s gives the stored loss and gradient of %s",
    (name, member) => {
      const path = `losses/${name}/${member}`;
      scope(() => {
        const x = load(`${path}/x`, true);
        const loss = LOSSES[name]!(x, `${path}/target`);
        expectStored(loss, `${path}/loss`);
        backward(loss);
        expectStored(x.grad, `${path}/grads/x`);
      });
    },
  );
});
