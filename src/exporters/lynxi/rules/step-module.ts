/**
 * What a manifest says of a network written in single-step style (S), and all that the rules LX026 and LX027 know of it. The writer of the style
 * fills it in, the manifest stores it, the rules judge it against the graph and the module's text.
 */
import { z } from "zod";
import { positiveInteger } from "../../../core/index.ts";

/** One state variable of the ONNX form: what leaves the graph at one step enters it at the next. */
export const stepStateSchema = z.strictObject({
  layer: z.string().describe("path of the layer in the network, or of the accumulator"),
  input: z.string().describe("graph input that takes the state: v1, v2, ... or acc"),
  output: z.string().describe("graph output that gives it back: the input's name followed by _out"),
  shape: z.array(positiveInteger).describe("one call; equal at both ends"),
  type: z.enum(["float32", "float16"]),
  start: z.number().describe("every element before the first step of a sample"),
});
export type StepState = z.infer<typeof stepStateSchema>;

/** One state variable of the PyTorch form, between a custom::load and a custom::save with the same flag. */
export const moduleStateSchema = z.strictObject({
  layer: z.string(),
  variable: z.string().describe("name of the Python variable that holds the state inside forward"),
  flag: z.string().describe("the globally unique string of load and save; stands literally in the module's text"),
  shape: z.array(positiveInteger).describe("as handed to load and save: 4 dimensions"),
  start: z.number().describe("0 or 1: what load can give after a reset"),
  fused: z.boolean().describe("true: cmpandfire and resetwithdecay stand in for plain operators"),
  sharedParameters: z.boolean().describe("true: one threshold and one decay for the whole layer"),
});
export type ModuleState = z.infer<typeof moduleStateSchema>;

/**
 * The generated Python module. Each state is loaded once, in a line `variable = ...load(...)`, and saved once, in a line `...save(variable...)`;
 * both lines hold the flag (a call that spans several lines counts from its first to its last).
 */
export const stepModuleSchema = z.strictObject({
  file: z.string().describe("the module, relative to the manifest"),
  weights: z.string().describe("its numbers, relative to the manifest"),
  states: z.array(moduleStateSchema),
});
export type StepModule = z.infer<typeof stepModuleSchema>;
