/**
 * How much work a call into the native core is, counted from its arguments: floating-point operations and bytes that must move. What is not listed
 * is timed without a rate.
 */
import type { NativeCore } from "./native-core.ts";
import type { ActivationType, ConvSpec, NeuronBackward, NeuronForward, PoolSpec } from "./native-types.ts";

export interface Count {
  /** What tells calls of one function apart. */
  detail?: string;
  flops?: number;
  bytes?: number;
}

type Counters = { [K in keyof NativeCore]?: (...values: Parameters<NativeCore[K]>) => Count };

const FLOAT = 4;
const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);
const width = (type: ActivationType | undefined) => (type === undefined || type === "float32" ? FLOAT : FLOAT / 2);
const stored = (count: number, arrays: number, type?: ActivationType): Count => ({
  detail: `${count}`,
  bytes: width(type) * count * arrays,
});
const present = (buffers: readonly number[]) => buffers.filter((buffer) => buffer !== 0).length;

/** Convolutions move input, output and weights once, in whichever direction. */
function conv(spec: ConvSpec, type?: ActivationType): Count {
  const input = spec.batch * spec.inChannels * product(spec.input);
  const output = spec.batch * spec.outChannels * product(spec.output);
  const weights = (spec.outChannels * spec.inChannels * product(spec.kernel)) / spec.groups;
  return {
    detail: `${spec.batch}x${spec.inChannels}x${spec.input.join("x")} -> ${spec.outChannels}`,
    flops: 2 * spec.batch * product(spec.output) * weights,
    bytes: width(type) * (input + output) + FLOAT * weights,
  };
}

/** Types of a `[m,k]`, b `[k,n]` and c `[m,n]`. */
function matrices(m: number, n: number, k: number, ...[a, b, c]: (ActivationType | undefined)[]): Count {
  const bytes = width(a) * m * k + width(b) * k * n + width(c) * m * n;
  return { detail: `${m}x${k} ${k}x${n}`, flops: 2 * m * n * k, bytes };
}

function pool(spec: PoolSpec, indices: number, type?: ActivationType): Count {
  const [input, output] = [product(spec.input), product(spec.output)];
  const perChannel = width(type) * (input + output) + (indices ? FLOAT * output : 0);
  return {
    detail: `${spec.batch}x${spec.channels}x${spec.input.join("x")}`,
    bytes: spec.batch * spec.channels * perChannel,
  };
}

function forwardScan(call: NeuronForward): Count {
  const { variant, steps, elements, repeatedInput, spike, saved, stateSeqs, initialStates, finalStates } = call;
  const sequences = present([spike, ...saved, ...stateSeqs]);
  const rows = steps * sequences + (repeatedInput ? 1 : steps);
  const states = present([...initialStates, ...finalStates]);
  return { detail: `${variant} ${steps}x${elements}`, bytes: elements * (width(call.type) * rows + FLOAT * states) };
}

function backwardScan(call: NeuronBackward): Count {
  const { variant, steps, elements, x, saved, gradSpike, gradStateSeqs, gradSaved, initialStates, gradFinalStates } =
    call;
  const sequences = present([gradSpike, ...saved, ...gradStateSeqs, ...gradSaved]);
  const inputs = (1 + present([x])) * (call.repeatedInput ? 1 : steps);
  const rows = steps * sequences + inputs;
  const states = present([...initialStates, ...gradFinalStates, ...call.gradInitialStates]);
  return { detail: `${variant} ${steps}x${elements}`, bytes: elements * (width(call.type) * rows + FLOAT * states) };
}

export const COUNTERS: Counters = {
  fill: (_, count, _v, type) => stored(count, 1, type),
  copy: (_s, _sb, _t, _tb, bytes) => ({ detail: `${bytes / FLOAT}`, bytes: 2 * bytes }),
  copyStrided: (rows, block) => ({ detail: `${rows}x${block / FLOAT}`, bytes: 2 * rows * block }),
  permute: (elementBytes, _, shape) => ({ detail: shape.join("x"), bytes: 2 * elementBytes * product(shape) }),
  unary: (op, _x, _o, count) => ({ ...stored(count, 2), detail: `${op} ${count}` }),
  binary: (op, _a, _b, _o, count, type) => ({ ...stored(count, 3, type), detail: `${op} ${count}` }),
  binaryScalar: (op, _a, _v, _r, _o, count) => ({ ...stored(count, 2), detail: `${op} ${count}` }),
  axpy: (_a, _x, _y, count) => stored(count, 3),
  reduce: (op, _, outer, axis, inner, _o, type) => ({
    detail: `${op} ${outer}x${axis}x${inner}`,
    bytes: outer * inner * (width(type) * axis + FLOAT),
  }),
  matmul: (_ta, _tb, m, n, k, _a, _b, _c, _s, ...types) => matrices(m, n, k, ...types),
  linearForward: (rows, inFeatures, outFeatures, _x, _w, _b, _y, type) =>
    matrices(rows, outFeatures, inFeatures, type, "float32", type),
  convForward: (spec, _x, _w, _b, _y, type) => conv(spec, type),
  convEvents: (spec) => conv(spec),
  convBackwardData: (spec, _g, _w, _x, type) => conv(spec, type),
  convBackwardWeights: (spec, _x, _g, _w, _b, type) => conv(spec, type),
  poolForward: (_, spec, _x, _y, indices, type) => pool(spec, indices, type),
  poolBackward: (_, spec, _g, indices, _x, type) => pool(spec, indices, type),
  batchNormTrain: (rows, channels, _e, _x, _w, _b, _m, _v, _a, type) => ({
    ...stored(rows * channels, 1, type),
    detail: `${rows}x${channels}`,
  }),
  channelAffine: (rows, channels, _x, _a, _y, type) => ({
    ...stored(rows * channels, 2, type),
    detail: `${rows}x${channels}`,
  }),
  batchNormBackward: (_, rows, channels, ...rest) => ({
    ...stored(rows * channels, 5, rest[9]),
    detail: `${rows}x${channels}`,
  }),
  neuronForward: forwardScan,
  neuronBackward: backwardScan,
  optimizerStep: ({ rules, numbers, first }) =>
    stored(
      numbers.filter((_, i) => i % 4 === 0).reduce((sum, count) => sum + count, 0),
      rules.kind === "adam" ? 7 : first[0] ? 5 : 3,
    ),
  sgdStep: (_p, _g, momentum, count) => stored(count, momentum ? 5 : 3),
  adamStep: (_p, _g, _m, _v, count) => stored(count, 7),
  randomBernoulli: (_s, _t, _p, _x, _o, count) => stored(count, 2),
};
