/**
 * The surface of the native core, declared once. C++ (`native/addon.cc`) answers it name by name; nothing but `src/kernels`
 * and `src/tensor` calls it. Shapes, dtypes and options are checked in TypeScript; C++ checks again only what memory safety
 * needs: the buffer is alive and long enough for the counts it is given.
 *
 * Buffers are numbers (slot and generation), 0 means "absent". All float data is float32 unless a name or an `ActivationType` says otherwise.
 * Images and their like are channels-last: `[rows..., spatial..., C]`. Convolution weights stay in PyTorch's order `[O, I/groups, k...]`.
 */

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

export interface NativeCore {
  // --- devices: -1 is the CPU, from 0 on those of the device library ------------------------------------------------------
  /** Opens a device library; only one in a process. */
  openDevices(file: string): DeviceReport;
  /** Where calls run whose buffers lie nowhere yet. */
  setDevice(device: number): void;
  allocOn(device: number, bytes: number): BufferId;
  deviceOf(buffer: BufferId): number;
  /** Waits for all work of a device. */
  synchronize(device: number): void;
  deviceMemory(device: number): DeviceMemory;
  /**
   * From here to `endCapture` calls on the device are recorded, not run. What would wait for the device, or must differ from run to run
   * (reading, random numbers), is refused; then `abortCapture`.
   */
  beginCapture(device: number): void;
  /** A number for `replay` and `forget`. The memory that the recorded calls took stays theirs until `forget`. */
  endCapture(): number;
  abortCapture(): void;
  /** Runs the recorded calls again, on the same memory. */
  replay(graph: number): void;
  forget(graph: number): void;

  // --- memory ---------------------------------------------------------------------------------------------------------
  /**
   * Uninitialised memory, 64-byte aligned. Where a device library is open, the first call that is given the buffer decides where it
   * lies: with the call's other buffers, else on the device of `setDevice`. Throws when the system refuses.
   */
  alloc(bytes: number): BufferId;
  release(buffer: BufferId): void;
  byteLength(buffer: BufferId): number;
  write(buffer: BufferId, byteOffset: number, source: BytesView): void;
  read(buffer: BufferId, byteOffset: number, target: BytesView): void;
  copy(source: BufferId, sourceByte: number, target: BufferId, targetByte: number, bytes: number): void;
  memoryStats(): MemoryStats;
  resetPeak(): void;
  /** Gives cached memory back to the system. */
  trimCache(): void;
  info(): CoreInfo;
  setThreads(count: number): void;
  /**
   * What the factors of convolutions and matrix products are rounded to from now on, forward and backward; their sums and all else stay
   * float32. Rounding to bfloat16 halves their bytes and lets processors with such instructions (AVX512-BF16, AMX) multiply faster.
   */
  setPrecision(precision: DensePrecision): void;

  // --- element by element ----------------------------------------------------------------------------------------------
  fill(out: BufferId, count: number, value: number, type?: ActivationType): void;
  unary(op: UnaryOp, x: BufferId, out: BufferId, count: number): void;
  /** out[i] = a[i] op b[i]. `out` may be `a` or `b`. */
  binary(op: BinaryOp, a: BufferId, b: BufferId, out: BufferId, count: number, type?: ActivationType): void;
  /** out[i] = a[i] op value, or value op a[i] when `reversed`. */
  binaryScalar(op: BinaryOp, a: BufferId, value: number, reversed: boolean, out: BufferId, count: number): void;
  /** NumPy broadcasting: strides in elements, 0 along a repeated axis. `shape` is the output's. */
  binaryBroadcast(
    op: BinaryOp,
    a: BufferId,
    aStrides: number[],
    b: BufferId,
    bStrides: number[],
    out: BufferId,
    shape: number[],
  ): void;
  /** y[i] += alpha * x[i] */
  axpy(alpha: number, x: BufferId, y: BufferId, count: number): void;
  /** out[i] = low <= x[i] <= high ? grad[i] : 0, the gradient of a clamp (1 on the boundary). */
  clampGrad(x: BufferId, grad: BufferId, low: number, high: number, out: BufferId, count: number): void;
  clamp(x: BufferId, low: number, high: number, out: BufferId, count: number): void;
  convert(fromType: number, x: BufferId, toType: number, out: BufferId, count: number): void;

  // --- moving data -----------------------------------------------------------------------------------------------------
  /** out has axes `permutation` of x (NumPy's transpose). */
  permute(elementBytes: number, x: BufferId, shape: number[], permutation: number[], out: BufferId): void;
  /** Copies `rows` blocks of `blockBytes`; steps through both buffers with the given byte strides. For concat and slice. */
  copyStrided(
    rows: number,
    blockBytes: number,
    source: BufferId,
    sourceByte: number,
    sourceStride: number,
    target: BufferId,
    targetByte: number,
    targetStride: number,
  ): void;

  // --- reductions ------------------------------------------------------------------------------------------------------
  /** x `[outer, axis, inner]` of `type` -> out `[outer, inner]`; argmax writes int32 (first maximum). Fixed order for any thread count. */
  reduce(
    op: ReduceOp,
    x: BufferId,
    outer: number,
    axis: number,
    inner: number,
    out: BufferId,
    type?: ActivationType,
  ): void;
  /** Number of elements that differ, and the first such index (-1: none). float32 compared by value. */
  countDifferent(a: BufferId, b: BufferId, count: number): { different: number; first: number };
  /** Number of NaN or infinite values. */
  countNonFinite(x: BufferId, count: number): number;

  // --- dense -----------------------------------------------------------------------------------------------------------
  // `type` is that of activations and their gradients; weights, biases, statistics and their gradients are float32. Factors of a product
  // with an array of 16 bits are rounded to its type, whatever `setPrecision` says.
  /** c `[m,n]` = a `[m,k]` b `[k,n]` (transposed storage where said), added to c when `accumulate`. */
  matmul(
    transposeA: boolean,
    transposeB: boolean,
    m: number,
    n: number,
    k: number,
    a: BufferId,
    b: BufferId,
    c: BufferId,
    accumulate: boolean,
    aType?: ActivationType,
    bType?: ActivationType,
    cType?: ActivationType,
  ): void;
  /** y `[rows,O]` = x `[rows,I]` weight `[O,I]` transposed + bias `[O]` (0: none). */
  linearForward(
    rows: number,
    inFeatures: number,
    outFeatures: number,
    x: BufferId,
    weight: BufferId,
    bias: BufferId,
    y: BufferId,
    type?: ActivationType,
  ): void;
  convForward(spec: ConvSpec, x: BufferId, weight: BufferId, bias: BufferId, y: BufferId, type?: ActivationType): void;
  /**
   * The sums of convForward over those inputs that are not zero, for one group. Each output adds in the order of its window's rows, columns and
   * channels, so it differs from convForward by rounding only, and not at all where every sum is exact. false: more than the share
   * `mostEvents` of x is not zero, and nothing was computed.
   */
  convEvents(spec: ConvSpec, x: BufferId, weight: BufferId, bias: BufferId, y: BufferId, mostEvents: number): boolean;
  convBackwardData(spec: ConvSpec, gradY: BufferId, weight: BufferId, gradX: BufferId, type?: ActivationType): void;
  /** gradBias 0: not wanted. */
  convBackwardWeights(
    spec: ConvSpec,
    x: BufferId,
    gradY: BufferId,
    gradWeight: BufferId,
    gradBias: BufferId,
    type?: ActivationType,
  ): void;
  /** `indices` (max only): int32 index of the winner inside its window, row-major; the first maximum wins. */
  poolForward(op: PoolOp, spec: PoolSpec, x: BufferId, y: BufferId, indices: BufferId, type?: ActivationType): void;
  poolBackward(
    op: PoolOp,
    spec: PoolSpec,
    gradY: BufferId,
    indices: BufferId,
    gradX: BufferId,
    type?: ActivationType,
  ): void;
  /**
   * Statistics of x `[rows,C]`: mean and biased variance `[C]`, and `affine` `[2,C]`, the scale and the offset of each channel by which
   * `channelAffine` (or a neuron scan) normalises it.
   */
  batchNormTrain(
    rows: number,
    channels: number,
    epsilon: number,
    x: BufferId,
    weight: BufferId,
    bias: BufferId,
    mean: BufferId,
    variance: BufferId,
    affine: BufferId,
    type?: ActivationType,
  ): void;
  /** `affine` of known statistics. */
  batchNormInfer(
    channels: number,
    epsilon: number,
    mean: BufferId,
    variance: BufferId,
    weight: BufferId,
    bias: BufferId,
    affine: BufferId,
  ): void;
  /** y = x * scale + offset of its channel, x `[rows,C]`. */
  channelAffine(
    rows: number,
    channels: number,
    x: BufferId,
    affine: BufferId,
    y: BufferId,
    type?: ActivationType,
  ): void;
  /** `training`: gradient through the batch statistics; else they are constants. Any output may be 0. */
  batchNormBackward(
    training: boolean,
    rows: number,
    channels: number,
    epsilon: number,
    x: BufferId,
    gradY: BufferId,
    mean: BufferId,
    variance: BufferId,
    weight: BufferId,
    gradX: BufferId,
    gradWeight: BufferId,
    gradBias: BufferId,
    type?: ActivationType,
  ): void;
  /** loss[0] = mean over rows of -log softmax(logits)[label]; `grad` `[rows,C]` receives its gradient (0: not wanted). labels int32. */
  softmaxCrossEntropy(
    rows: number,
    classes: number,
    logits: BufferId,
    labels: BufferId,
    loss: BufferId,
    grad: BufferId,
  ): void;

  // --- neurons ---------------------------------------------------------------------------------------------------------
  neuronForward(call: NeuronForward): void;
  neuronBackward(call: NeuronBackward): void;
  /**
   * Compiles a neuron for a device, which then knows it as a variant of that name. `text`: `neuronProgram` of model/neurons. true: it was
   * on disk already, below $XDG_CACHE_HOME or ~/.cache. Throws an OPTION error with the lines that do not compile.
   */
  compileNeuron(device: number, name: string, text: string): boolean;
  /** Derivative of a surrogate function, element by element. */
  surrogateGrad(surrogate: string, params: Float64Array, x: BufferId, out: BufferId, count: number): void;

  // --- training --------------------------------------------------------------------------------------------------------
  optimizerStep(step: OptimizerStep): void;
  sgdStep(param: BufferId, grad: BufferId, momentum: BufferId, count: number, options: SgdOptions): void;
  adamStep(
    param: BufferId,
    grad: BufferId,
    mean: BufferId,
    variance: BufferId,
    count: number,
    options: AdamOptions,
  ): void;
  /** Sum of squares in double precision, fixed order. */
  sumSquares(x: BufferId, count: number): number;

  // --- random numbers (core/random.ts: word `position + i` of the stream) ------------------------------------------------
  /** Floats in [0,1): (word >>> 8) * 2^-24. */
  randomUniform(seed: number, stream: number, position: number, out: BufferId, count: number): void;
  /** Normal numbers by Box and Muller from words 2i and 2i+1 (takes 2 * count words). */
  randomNormal(seed: number, stream: number, position: number, out: BufferId, count: number): void;
  /** out[i] = uniform word `position + i` < probability[i] ? 1 : 0. */
  randomBernoulli(
    seed: number,
    stream: number,
    position: number,
    probability: BufferId,
    out: BufferId,
    count: number,
  ): void;
}
