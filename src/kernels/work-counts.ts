/**
 * How much work a call into the native core is, counted from its arguments: floating-point operations and bytes that must move. What is not listed
 * is timed without a rate.
 */
import type { ConvSpec, NativeCore, NeuronBackward, NeuronForward } from "./native-core.ts";

export interface Count {
  /** What tells calls of one function apart. */
  detail?: string;
  flops?: number;
  bytes?: number;
}

type Counters = { [K in keyof NativeCore]?: (...values: Parameters<NativeCore[K]>) => Count };

const FLOAT = 4;
const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);
const floats = (count: number, arrays: number): Count => ({ detail: `${count}`, bytes: FLOAT * count * arrays });
const present = (buffers: readonly number[]) => buffers.filter((buffer) => buffer !== 0).length;

/** Convolutions move input, output and weights once, in whichever direction. */
function conv(spec: ConvSpec): Count {
  const input = spec.batch * spec.inChannels * product(spec.input);
  const output = spec.batch * spec.outChannels * product(spec.output);
  const weights = (spec.outChannels * spec.inChannels * product(spec.kernel)) / spec.groups;
  return {
    detail: `${spec.batch}x${spec.inChannels}x${spec.input.join("x")} -> ${spec.outChannels}`,
    flops: 2 * spec.batch * product(spec.output) * weights,
    bytes: FLOAT * (input + output + weights),
  };
}

function matrices(m: number, n: number, k: number): Count {
  return { detail: `${m}x${k} ${k}x${n}`, flops: 2 * m * n * k, bytes: FLOAT * (m * n + m * k + k * n) };
}

function forwardScan(call: NeuronForward): Count {
  const { variant, steps, elements, repeatedInput, spike, saved, stateSeqs, initialStates, finalStates } = call;
  const sequences = present([spike, ...saved, ...stateSeqs]);
  const once = present([...initialStates, ...finalStates]) + (repeatedInput ? 1 : steps);
  return { detail: `${variant} ${steps}x${elements}`, bytes: FLOAT * elements * (steps * sequences + once) };
}

function backwardScan(call: NeuronBackward): Count {
  const { variant, steps, elements, x, saved, gradSpike, gradStateSeqs, gradSaved, initialStates, gradFinalStates } =
    call;
  const sequences = present([gradSpike, ...saved, ...gradStateSeqs, ...gradSaved]);
  const inputs = (1 + present([x])) * (call.repeatedInput ? 1 : steps);
  const once = inputs + present([...initialStates, ...gradFinalStates, ...call.gradInitialStates]);
  return { detail: `${variant} ${steps}x${elements}`, bytes: FLOAT * elements * (steps * sequences + once) };
}

export const COUNTERS: Counters = {
  fill: (_, count) => floats(count, 1),
  copy: (_s, _sb, _t, _tb, bytes) => ({ detail: `${bytes / FLOAT}`, bytes: 2 * bytes }),
  copyStrided: (rows, block) => ({ detail: `${rows}x${block / FLOAT}`, bytes: 2 * rows * block }),
  permute: (elementBytes, _, shape) => ({ detail: shape.join("x"), bytes: 2 * elementBytes * product(shape) }),
  unary: (op, _x, _o, count) => ({ ...floats(count, 2), detail: `${op} ${count}` }),
  binary: (op, _a, _b, _o, count) => ({ ...floats(count, 3), detail: `${op} ${count}` }),
  binaryScalar: (op, _a, _v, _r, _o, count) => ({ ...floats(count, 2), detail: `${op} ${count}` }),
  axpy: (_a, _x, _y, count) => floats(count, 3),
  reduce: (op, _, outer, axis, inner) => ({
    detail: `${op} ${outer}x${axis}x${inner}`,
    bytes: FLOAT * outer * inner * (axis + 1),
  }),
  matmul: (_a, _b, m, n, k) => matrices(m, n, k),
  linearForward: (rows, inFeatures, outFeatures) => matrices(rows, outFeatures, inFeatures),
  convForward: conv,
  convEvents: conv,
  convBackwardData: conv,
  convBackwardWeights: conv,
  poolForward: (_, spec, _x, _y, indices) => ({
    detail: `${spec.batch}x${spec.channels}x${spec.input.join("x")}`,
    bytes: FLOAT * spec.batch * spec.channels * (product(spec.input) + product(spec.output) * (indices ? 2 : 1)),
  }),
  poolBackward: (_, spec, _g, indices) => ({
    detail: `${spec.batch}x${spec.channels}x${spec.input.join("x")}`,
    bytes: FLOAT * spec.batch * spec.channels * (product(spec.input) + product(spec.output) * (indices ? 2 : 1)),
  }),
  batchNormTrain: (rows, channels) => ({ ...floats(rows * channels, 1), detail: `${rows}x${channels}` }),
  channelAffine: (rows, channels) => ({ ...floats(rows * channels, 2), detail: `${rows}x${channels}` }),
  batchNormBackward: (_, rows, channels) => ({ ...floats(rows * channels, 5), detail: `${rows}x${channels}` }),
  neuronForward: forwardScan,
  neuronBackward: backwardScan,
  sgdStep: (_p, _g, momentum, count) => floats(count, momentum ? 5 : 3),
  adamStep: (_p, _g, _m, _v, count) => floats(count, 7),
  randomBernoulli: (_s, _t, _p, _x, _o, count) => floats(count, 2),
};
