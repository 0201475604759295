/** What a design rule is, what it looks at, and what it may be told that an ONNX file does not say. */
import type { Finding } from "../../target.ts";
import type { NeuronFacts } from "../lowering/context.ts";
import type { OnnxModel, OnnxNode } from "../onnx/onnx-model.ts";
import type { Inference } from "../shapes/infer.ts";
import type { StepModule, StepState } from "./step-module.ts";

/** whole-sequence: all T steps in one call. single-step: one step a call, states go in and out. */
export type DeploymentStyle = "whole-sequence" | "single-step";

/** Smallest and largest number that a value held when the graph was emulated. */
export interface ObservedRange {
  /** Name of the value, or path of the layer. */
  place: string;
  lowest: number;
  highest: number;
  /** Share of non-zero numbers below the smallest normal float16. */
  subnormal?: number;
  /** Numbers that were infinite or NaN. */
  nonFinite?: number;
  /** True for potentials before the comparison (H). */
  potential?: boolean;
}

/** Facts from the manifest, from options or from an emulation. What is left out is unknown. */
export interface KnownFacts {
  /** T */
  steps?: number;
  style?: DeploymentStyle;
  /** What the host sends and receives. Default float16. */
  ioType?: "float16" | "float32";
  neurons?: readonly NeuronFacts[];
  states?: readonly StepState[];
  /** The generated PyTorch module: what the manifest says of it, and its text. */
  module?: { facts: StepModule; text: string };
  ranges?: readonly ObservedRange[];
}

/** What the rules look at; null: unknown. */
export interface RuleSubject {
  model: OnnxModel;
  inference: Inference;
  steps: number | null;
  style: DeploymentStyle | null;
  ioType: "float16" | "float32";
  neurons: readonly NeuronFacts[] | null;
  states: readonly StepState[] | null;
  module: { facts: StepModule; text: string } | null;
  ranges: readonly ObservedRange[] | null;
}

export interface Violation {
  /** Node, value or file. */
  place: string;
  message: string;
  /** Where it differs from the rule's own. */
  severity?: Finding["severity"];
}

export interface DesignRule {
  id: string;
  severity: Finding["severity"];
  /** The rule as a sentence, with its limit. */
  title: string;
  /** Where the limit is documented. */
  source: string;
  rewrite: string;
  check(subject: RuleSubject): Violation[];
  /** What must be known to judge all of the rule; null: enough is known, or the rule does not concern this graph. */
  needs?(subject: RuleSubject): string | null;
}

const STATE_OUTPUT = /^(v\w*|acc)_out$/;

/** Style of a graph nobody described: one that hands a state v... back as v..._out is a single step; else unknown. */
export function styleOf({ outputs }: OnnxModel): DeploymentStyle | null {
  return outputs.some(({ name }) => STATE_OUTPUT.test(name)) ? "single-step" : null;
}

/** The node that writes each value. */
export function makersOf({ nodes }: OnnxModel): Map<string, OnnxNode> {
  return new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
}

/** The nodes that read each value. */
export function readersOf({ nodes }: OnnxModel): Map<string, OnnxNode[]> {
  const readers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const input of node.inputs) {
      const known = readers.get(input);
      if (known) known.push(node);
      else readers.set(input, [node]);
    }
  }
  return readers;
}
