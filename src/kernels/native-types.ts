/** What the calls of the native core (`native-core.ts`) are given and give back: operations by name, geometries, options, reports. */

/** A native buffer: a number that stays valid until `release`. 0 is "no buffer". */
export type BufferId = number;

export type BytesView = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array | Int8Array;

export type UnaryOp =
  | "neg"
  | "exp"
  | "log"
  | "sqrt"
  | "abs"
  | "sign"
  | "sigmoid"
  | "tanh"
  | "relu"
  | "floor"
  | "trunc"
  | "roundEven"
  | "roundFloat16"
  | "reciprocal"
  | "square"
  | "isFinite";

export type BinaryOp = "add" | "sub" | "mul" | "div" | "max" | "min" | "greaterEqual" | "greater" | "equal";

export type ReduceOp = "sum" | "mean" | "max" | "argmax";
export type PoolOp = "max" | "avg" | "sum";

/** A convolution over 1 to 3 spatial axes. `input`, `kernel`, `output`... list those axes in order (D, H, W). */
export interface ConvSpec {
  batch: number;
  inChannels: number;
  outChannels: number;
  groups: number;
  input: number[];
  kernel: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  output: number[];
}

/** A pooling over 1 to 3 spatial axes. `divisor` (avg): 0 means the window's own count, see `countIncludePad`. */
export interface PoolSpec {
  batch: number;
  channels: number;
  input: number[];
  kernel: number[];
  stride: number[];
  padding: number[];
  dilation: number[];
  output: number[];
  countIncludePad: boolean;
  divisor: number;
}

export interface SgdOptions {
  learningRate: number;
  momentum: number;
  dampening: number;
  weightDecay: number;
  nesterov: boolean;
  /** The first step sets the momentum buffer to the gradient instead of mixing (as PyTorch). */
  firstStep: boolean;
}

export interface AdamOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** AdamW: decay the weights directly instead of through the gradient. */
  decoupled: boolean;
  /** 1 for the first step (bias correction). */
  step: number;
}

/**
 * One step of an optimizer over all its parameters, in the order of the lists. `control` is memory of the optimizer, where the parameters lie:
 * float32 `scale` of the loss; uint32 `halted` (0, or why no step is taken any more: 1 the loss, 2 the norm of the gradients, 3 no scale
 * helped); then float64: good steps since the scale changed, learning rate, norm of the last step that was clipped by it, and the number of
 * steps of each parameter. The call reads and changes it there; nothing waits, so that it may be recorded.
 */
export interface OptimizerStep {
  rules: {
    kind: "sgd" | "adam";
    momentum: number;
    dampening: number;
    nesterov: boolean;
    beta1: number;
    beta2: number;
    epsilon: number;
    decoupled: boolean;
    /** By the root of the sum of all squares, or each number to -limit..limit. */
    clip: "none" | "norm" | "value";
    limit: number;
    /** Divide the gradients by the scale, leave the step out where one is not finite, and adapt the scale. */
    scaled: boolean;
  };
  params: BufferId[];
  /** Read only. */
  grads: BufferId[];
  /** Momentum or mean, or 0. */
  first: BufferId[];
  /** Variance, or 0. */
  second: BufferId[];
  /** For each parameter: elements, place of its steps in the control, factor of the learning rate, weight decay. */
  numbers: Float64Array;
  control: BufferId;
  /** One number, or 0. Where it is not finite, this and all later steps are left out. */
  loss: BufferId;
}

/**
 * One scan of a neuron over time. Arrays are `[steps, elements]`; the meaning of states, saved values and parameters is that
 * of the generated variant (`model/neurons`), in its declared order.
 */
export interface NeuronForward {
  variant: string;
  steps: number;
  elements: number;
  /** true: x is `[elements]`, the same at every step. */
  repeatedInput: boolean;
  x: BufferId;
  /** State before step 0, one buffer `[elements]` for each state, or 0: its number in `initialValues` for all elements. */
  initialStates: BufferId[];
  initialValues: Float64Array;
  /** Out: each state after the last step `[elements]`, or 0 where it is not wanted. May be the buffer of the initial state. */
  finalStates: BufferId[];
  params: Float64Array;
  /** `[steps, elements]`, or 0 for a neuron that does not spike. */
  spike: BufferId;
  /** One `[steps, elements]` buffer for each value the variant marks with `charged`, or 0 where it is not wanted. */
  saved: BufferId[];
  /** One `[steps, elements]` buffer for each state (its value after each step), or 0 where it is not wanted. */
  stateSeqs: BufferId[];
  /** Of batchNormTrain or batchNormInfer: the neuron gets what channelAffine would make of x. 0: x itself. */
  affine: BufferId;
  /** Of `affine`, innermost in a step; they divide `elements`. */
  channels: number;
  /** Of the sequences: x, spike, saved, stateSeqs. States before and after the scan are float32. */
  type?: ActivationType;
}

export interface NeuronBackward {
  variant: string;
  surrogate: string;
  surrogateParams: Float64Array;
  steps: number;
  elements: number;
  /** true: x is `[elements]`, the same at every step, and so is `gradX`, the sum over the steps (from the last to the first). */
  repeatedInput: boolean;
  /** Input of the forward scan; may be 0 when the variant's derivative does not read it and all saved values that it reads are given. */
  x: BufferId;
  /** State before step 0, `[elements]` each, or 0: its number in `initialValues` for all elements. */
  initialStates: BufferId[];
  initialValues: Float64Array;
  /** What forward saved, or 0: where the derivative reads an absent one, they are computed again from x, in a cache-sized scratch. */
  saved: BufferId[];
  params: Float64Array;
  /** Gradient of the spikes `[steps, elements]`, or 0. */
  gradSpike: BufferId;
  /** Gradient of each state's sequence, or 0. */
  gradStateSeqs: BufferId[];
  /** Gradient of each saved (charged) value, or 0: a loss on the potential before reset. */
  gradSaved: BufferId[];
  /** In: gradient of each state after the last step (or 0). */
  gradFinalStates: BufferId[];
  /** Out: gradient of the input. */
  gradX: BufferId;
  /** Out: gradient of each state before step 0, `[elements]`, or 0 where it is not wanted. */
  gradInitialStates: BufferId[];
  /** Out: gradient of each parameter, summed over everything in a fixed order (double precision). */
  gradParams: Float64Array;
  /** As in the forward scan; `gradX` is the gradient of what channelAffine would make of x. */
  affine: BufferId;
  channels: number;
  /** Of the sequences: x, saved, gradX and the gradients of sequences. */
  type?: ActivationType;
}

export type DensePrecision = "float32" | "bfloat16" | "float16";

/** How the numbers that layers hand on lie in memory; arithmetic and sums are float32 in each. Left out of a call: float32. */
export type ActivationType = "float32" | "float16" | "bfloat16";

export interface MemoryStats {
  /** Buffers handed out and not released. */
  liveBuffers: number;
  liveBytes: number;
  /** Largest `liveBytes` since `resetPeak`. */
  peakBytes: number;
  /** Released memory kept for reuse. */
  cachedBytes: number;
}

export interface CoreInfo {
  version: string;
  onednn: string;
  compiler: string;
  /** Instruction set that the neuron and element kernels were chosen for at run time: "avx512", "avx2" or "baseline". */
  isa: string;
  threads: number;
  cpu: string;
}

/** A device of the open device library. */
export interface DeviceInfo {
  name: string;
  /** "sm_90" */
  architecture: string;
  totalBytes: number;
  /** 0: not asked, because nothing has used the device yet. */
  freeBytes: number;
  multiprocessors: number;
}

/** A library that is opened at run time by name. */
export interface LibraryInfo {
  name: string;
  /** Empty: not found. */
  version: string;
  /** Where it was found, or what was tried. */
  file: string;
}

export interface DeviceReport {
  kind: "cuda" | "emulated";
  /** "CUDA 13.0", or empty where there is no driver. */
  driver: string;
  /** Why `devices` is empty. */
  whyNone: string;
  devices: DeviceInfo[];
  libraries: LibraryInfo[];
}

export interface DeviceMemory {
  liveBytes: number;
  peakBytes: number;
  cachedBytes: number;
}
