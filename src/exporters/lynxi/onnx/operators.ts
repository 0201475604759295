/**
 * What is known of each ONNX operator on a Lynxi chip: how strong the evidence is that Lyngor (Lynxi's compiler) takes it, and whether
 * its result is rounded to float16. One table for the design rules, the twin and the emulator.
 */

/**
 * A: compiled by Lyngor in public material, or part of a graph that ran on a chip. B: shape arithmetic that has to be folded away.
 * C: only third-party or indirect evidence. X: fails, or falls back to the host processor.
 * Sources: SpikingJelly's tutorial inference_on_lynxi, GitHub LynxiTech/BIDL, LynxiTechnology/Lynxi-model-zoo, gaojs/SpikeYOLO.
 */
export type Evidence = "A" | "B" | "C" | "X";

export interface OperatorFacts {
  evidence: Evidence;
  /** Its floating result can be a number that float16 does not hold. False: it only moves, selects or compares. */
  rounds: boolean;
  /** What to write instead. */
  rewrite?: string;
}

const arithmetic = (evidence: Evidence): OperatorFacts => ({ evidence, rounds: true });
const movement = (evidence: Evidence): OperatorFacts => ({ evidence, rounds: false });
const never = (rewrite: string): OperatorFacts => ({ evidence: "X", rounds: false, rewrite });

const ON_HOST = "Do it on the host, behind the graph.";
const UNROLL = "Unroll it, or write it as mask arithmetic s*a + (1-s)*b.";
const RANDOM = "Encode on the host and send the spikes.";

export const OPERATORS: Readonly<Record<string, OperatorFacts>> = {
  Conv: arithmetic("A"),
  ConvTranspose: arithmetic("A"),
  Gemm: arithmetic("A"),
  MatMul: arithmetic("A"),
  BatchNormalization: arithmetic("A"),
  MaxPool: movement("A"),
  AveragePool: arithmetic("A"),
  GlobalAveragePool: arithmetic("A"),
  Add: arithmetic("A"),
  Sub: arithmetic("A"),
  Mul: arithmetic("A"),
  Div: arithmetic("A"),
  Pow: arithmetic("A"),
  Exp: arithmetic("A"),
  Sigmoid: arithmetic("A"),
  Tanh: arithmetic("A"),
  Softmax: arithmetic("A"),
  LeakyRelu: arithmetic("A"),
  ReduceMean: arithmetic("A"),
  ReduceSum: arithmetic("A"),
  Resize: arithmetic("A"),
  Relu: movement("A"),
  Clip: movement("A"),
  Max: movement("A"),
  Where: movement("A"),
  GreaterOrEqual: movement("A"),
  Greater: movement("A"),
  LessOrEqual: movement("A"),
  Less: movement("A"),
  Not: movement("A"),
  Cast: movement("A"),
  Reshape: movement("A"),
  Flatten: movement("A"),
  Transpose: movement("A"),
  Squeeze: movement("A"),
  Unsqueeze: movement("A"),
  Concat: movement("A"),
  Split: movement("A"),
  Slice: movement("A"),
  Gather: movement("A"),
  Tile: movement("A"),
  // a constant is data, not shape arithmetic: it stays where it is
  Constant: movement("A"),
  ConstantOfShape: movement("B"),
  Expand: movement("B"),
  Identity: movement("B"),
  Shape: movement("B"),
  Round: movement("C"),
  HardSigmoid: arithmetic("C"),
  HardSwish: arithmetic("C"),
  Erf: arithmetic("C"),
  Sqrt: arithmetic("C"),
  Pad: movement("C"),
  Min: movement("C"),
  Abs: movement("C"),
  Neg: movement("C"),
  ReduceMax: movement("C"),
  Equal: movement("C"),
  And: movement("C"),
  Or: movement("C"),
  Dropout: movement("C"),
  If: never(UNROLL),
  Loop: never(UNROLL),
  Scan: never(UNROLL),
  NonZero: never(ON_HOST),
  NonMaxSuppression: never(ON_HOST),
  TopK: never(ON_HOST),
  ArgMax: never(ON_HOST),
  ArgMin: never(ON_HOST),
  GatherND: never("Use a MatMul with one-hot rows."),
  GatherElements: never("Use a MatMul with one-hot rows."),
  ScatterND: never("Build a list and Concat it."),
  ScatterElements: never("Build a list and Concat it."),
  Scatter: never("Build a list and Concat it."),
  RandomNormal: never(RANDOM),
  RandomNormalLike: never(RANDOM),
  RandomUniform: never(RANDOM),
  RandomUniformLike: never(RANDOM),
  Multinomial: never(RANDOM),
  Bernoulli: never(RANDOM),
};

/** Names of operators come from files; only what the table itself holds is known. */
export function operatorFacts(op: string): OperatorFacts | null {
  return Object.hasOwn(OPERATORS, op) ? OPERATORS[op]! : null;
}

export function roundsResult(op: string): boolean {
  return operatorFacts(op)?.rounds ?? true;
}
