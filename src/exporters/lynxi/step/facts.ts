/** What is known of a network that was written as one time-step, beside its graph: the states that go round, and what the output means. */
import type { StepState } from "../rules/step-module.ts";

/** `last-step`: rates, complete after the last of T steps. `every-step`: the network's output at each step. */
export type Readout = "last-step" | "every-step";

/** A state with what a writer of the same step in another language must know. */
export interface LoweredState extends StepState {
  /** A neuron's variable, past values of a delay, or the sum of the outputs so far. */
  role: "neuron" | "delay" | "accumulator";
}

/** A neuron layer of the step, with the values of the graph around it. */
export interface StepNeuron {
  layer: string;
  kind: string;
  /** As the graph computes it: a hard reset is seen from its reset potential. */
  options: object;
  input: string;
  spikes: string;
  /** Graph inputs of its states. */
  states: string[];
}

export interface StepFacts {
  /** In the order of the graph's inputs: v1, v2, ..., acc. */
  states: LoweredState[];
  readout: Readout;
  neurons: StepNeuron[];
}
