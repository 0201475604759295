/**
 * The surface of the native core, declared once. C++ (`native/addon.cc`) answers it name by name; nothing but `src/kernels`
 * and `src/tensor` calls it. Shapes, dtypes and options are checked in TypeScript; C++ checks again only what memory safety
 * needs: the buffer is alive and long enough for the counts it is given.
 *
 * Buffers are numbers (slot and generation), 0 means "absent". All float data is float32 unless a name or an `ActivationType` says otherwise.
 * Images and their like are channels-last: `[rows..., spatial..., C]`. Convolution weights stay in PyTorch's order `[O, I/groups, k...]`.
 */

import type {
  ActivationType,
  AdamOptions,
  BinaryOp,
  BufferId,
  BytesView,
  ConvSpec,
  CoreInfo,
  DensePrecision,
  DeviceMemory,
  DeviceReport,
  MemoryStats,
  NeuronBackward,
  NeuronForward,
  OptimizerStep,
  PoolOp,
  PoolSpec,
  ReduceOp,
  SgdOptions,
  UnaryOp,
} from "./native-types.ts";

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
