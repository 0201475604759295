/**
 * What a layer is: one registry entry holds everything that is true of it on any chip. Construction from code or JSON, printing,
 * checkpoint, shape inference, training and lowering all read the entry; nothing about a layer is known elsewhere.
 */
import type { z } from "zod";
import type { RandomStream, Shape } from "../../core/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { GraphBuilder } from "../graph.ts";
import type { Layer } from "./layer.ts";

/** `s`: one step, `[N, ...]`. `m`: a whole sequence, `[T, N, ...]`. SpikingJelly's `step_mode`. */
export type StepMode = "s" | "m";

/** What a forward pass may know besides its input. */
export interface ForwardContext {
  /** Batch statistics, dropout: on. */
  training: boolean;
  /** Source of random numbers for encoders and dropout. */
  random: RandomStream;
  /** `float16`: every parameter and every operation's result is rounded to float16. Default float32. */
  arithmetic?: "float32" | "float16";
  /** What the parameters become before they are used, by their names: the quantizer of a container, for its members. Default: as they are. */
  quantize?: (parameter: Tensor, name: string) => Tensor;
  /** The input stands for so many equal ones: time-steps of a constant input, which stateless layers see once. Default 1. */
  repeats?: number;
  /** Called with every layer's output, in order of execution. The tensor is only lent; tensors made meanwhile are freed unless kept. */
  observe?: (layer: Layer, output: Tensor) => void;
  /** Called by every neuron layer that fires with its potentials `[T, N, ...]` before the comparison. Lent as above, with gradient. */
  charged?: (layer: Layer, potential: Tensor, threshold: number) => void;
}

/** `uniform`: from -uniform to uniform. `range`: from the first number to the second. `values`: these. */
export type Initializer =
  | "zeros"
  | "ones"
  | { uniform: number }
  | { range: readonly [number, number] }
  | { value: number }
  | { values: Float32Array };

export interface ParameterSpec {
  shape: Shape;
  init: Initializer;
  /** A buffer is stored but not trained (running statistics). */
  buffer?: boolean;
}

/** O: options with defaults filled in. I: options as they are written in code. */
export interface LayerDefinition<O extends object = object, I = unknown> {
  /** Name in code, JSON and messages. */
  kind: string;
  summary: string;
  /** Strict zod object; every field described. */
  options: z.ZodType<O, I>;
  /**
   * `stateless` layers see `[B, ...]` with time folded into the batch; `sequence` layers see `[T, N, ...]`; the layer class
   * converts for both step modes. `any`: containers, whose members convert for themselves.
   */
  sees: "stateless" | "sequence" | "any";
  /** false: results are numbers of the input or rounded inside, so that float16 arithmetic has nothing to round. Default true. */
  rounds?: boolean;
  /** true: its output is what a layer of a chip sends, though no spikes; files are verified by it as by spikes. */
  sendsNumbers?: boolean;
  /** Shape of one step of one sample behind the layer. Throws a SHAPE error that starts with `where`. */
  shape(input: Shape, options: O, where: string): Shape;
  /** Tensors of the layer by their PyTorch names. */
  parameters?(options: O): Record<string, ParameterSpec>;
  /** Members, for containers, by name in order. */
  children?(options: O): Record<string, Layer>;
  /** Runs inside a `scope`: what it makes and does not return or remember is freed. */
  forward(x: Tensor, layer: Layer<O>, context: ForwardContext): Tensor;
  /** Appends the layer's nodes to a graph, reading the layer's current parameters. */
  lower(layer: Layer<O>, graph: GraphBuilder): void;
}
