/**
 * Lowers the chip-neutral graph to an ONNX model of one time-step, the style that Lynxi calls native: the caller loops over time and hands
 * each state back. Layers without memory are those of the whole-sequence style, written for T = 1; here are the nodes that remember.
 */
import { fail, sizeOf } from "../../../core/index.ts";
import {
  type DelayNode,
  type Graph,
  initialState,
  type NeuronNode,
  onnxStep,
  outputNode,
  type ParallelNeuronNode,
  type RateOutputNode,
} from "../../../model/index.ts";
import { type Lowering, type LoweringOptions, lowerGraph } from "../lower.ts";
import type { Flow, NodeLowering, NodeLowerings } from "../lowering/context.ts";
import { factsOf, fires, neuronLowering, neuronRounding, writtenOptions } from "../lowering/lower-neuron.ts";
import { LOWERINGS } from "../lowering/lower-nodes.ts";
import { StepSink } from "../lowering/neuron-sink.ts";
import { ACCUMULATOR, StateCollector } from "./states.ts";

/** Axes of the states: `layer`: those of the layer, [N, C, H, W] or [N, F]; `four`: with trailing axes of 1 up to four. */
export type StateAxes = "layer" | "four";

const CHIP_AXES = 4;

/**
 * One step of the graph as an ONNX model: inputs x, v1..vk (and acc), outputs y, v1_out..vk_out (and acc_out), shapes with N rows. Networks that
 * end in rates give y = (acc + output) / T, which is the rates after the last of T steps (BIDL's designing_flow.rst keeps the sum the same way).
 * Hard-reset neurons are written from their reset potential, so every state starts at 0.
 * @throws as `lowerGraph`, and TARGET naming a neuron that has no single-step form.
 */
export function lowerStep(graph: Graph, options: LoweringOptions = {}, axes: StateAxes = "layer"): Lowering {
  const states = new StateCollector();
  const lowering = lowerGraph({ ...graph, steps: 1 }, options, stepLowerings(graph.steps, states, axes));
  const { model, renamed } = states.finish(lowering.model);
  const now = (name: string): string => renamed.get(name) ?? name;
  const rates = outputNode(graph).kind === "rateOutput" && options.output !== "spikes";
  return {
    ...lowering,
    model,
    steps: graph.steps,
    ratesOut: rates,
    layers: lowering.layers.map((layer) => ({
      ...layer,
      neuron: layer.neuron && { ...layer.neuron, spikes: now(layer.neuron.spikes) },
    })),
    step: {
      states: states.states,
      readout: rates ? "last-step" : "every-step",
      neurons: states.neurons.map((neuron) => ({ ...neuron, input: now(neuron.input), spikes: now(neuron.spikes) })),
    },
  };
}

/** An answer for every kind of node, for one of T steps. */
export function stepLowerings(steps: number, states: StateCollector, axes: StateAxes): NodeLowerings {
  const lifted = (shape: readonly number[]): number[] =>
    axes === "four" ? [...shape, ...new Array<number>(Math.max(0, CHIP_AXES - shape.length)).fill(1)] : [...shape];
  const { input, linear, conv, convTranspose, pool, batchNorm, flatten, voting, add, gate } = LOWERINGS;
  return {
    // without memory: one step is a sequence of T = 1
    input,
    linear,
    conv,
    convTranspose,
    pool,
    batchNorm,
    flatten,
    voting,
    add,
    gate,
    neuron: neuronStep(states, lifted),
    parallelNeuron: wholeSequenceOnly,
    delay: delayStep(states, lifted),
    rateOutput: rateStep(steps, states, lifted),
  };
}

type Lift = (shape: readonly number[]) => number[];

function neuronStep(states: StateCollector, lifted: Lift): NodeLowering<NeuronNode> {
  return {
    refuse: (node, inputs) => neuronLowering.refuse(node, inputs),
    lower(node, [flow], context) {
      const { builder, batch, neuronForm } = context;
      const rows = [batch, ...flow!.shape];
      const options = writtenOptions(node, neuronForm);
      const rounding = neuronRounding(node, neuronForm);
      if (rounding.change.count > 0) builder.roundings.push(rounding);
      const x = builder.reshape(`${node.id}.lifted`, flow!.value, lifted(rows));
      const starts = Object.entries(initialState(node.neuron, options));
      const before = starts.map(([name, start]) => ({
        name,
        value: states.take(builder, "neuron", { layer: node.source, shape: x.shape, start }),
      }));
      const state = Object.fromEntries(before.map(({ name, value }) => [name, value.name]));
      const sink = new StepSink(builder, node.id, node.source, x);
      const result = onnxStep(node.neuron, options, sink, { x: x.name, state, reading: "half" });
      const after = before.map(({ name, value }) => {
        const next = sink.value(result.state[name]!);
        states.give(builder, value, next);
        return next;
      });
      // an integrator's output is its state
      const output = fires(node) ? sink.value(result.spike) : after[0]!;
      if (fires(node)) {
        context.neurons.set(node.id, factsOf(node, output, neuronForm));
        const facts = { layer: node.source, kind: node.neuron, options, states: Object.values(state) };
        states.neurons.push({ ...facts, input: x.name, spikes: output.name });
      }
      return { ...flow!, value: builder.reshape(node.id, output, rows), timed: true };
    },
  };
}

/** Every output of such a neuron reads inputs of several steps: there is no state that a step could hand on. */
const wholeSequenceOnly: NodeLowering<ParallelNeuronNode> = {
  refuse: ({ neuron }) => ({
    rule: "LX004",
    expected: "a neuron that computes a step from the step before",
    got: neuron,
    hint: "It weighs all T steps at once: write the whole sequence.",
  }),
  lower: ({ source }) => fail("STATE", { where: source, expected: "a node that was accepted", got: "parallelNeuron" }),
};

/** The last values wait in one state, oldest first. */
function delayStep(states: StateCollector, lifted: Lift): NodeLowering<DelayNode> {
  return {
    refuse: (node, inputs) =>
      node.channels
        ? {
            rule: "LX004",
            expected: "the same delay for every channel",
            got: `delays of up to ${node.steps} steps by channel`,
            hint: "Give the layer one delay, or write the whole sequence.",
          }
        : LOWERINGS.delay.refuse(node, inputs),
    lower(node, [flow], { builder, batch }): Flow {
      if (node.steps === 0) return flow!;
      const rows = [batch, ...flow!.shape];
      const x = builder.reshape(`${node.id}.lifted`, flow!.value, lifted(rows));
      const shape = [node.steps * batch, ...x.shape.slice(1)];
      const waiting = states.take(builder, "delay", { layer: node.source, shape, start: 0 });
      const late = node.steps === 1 ? waiting : builder.rows(`${node.id}.late`, waiting, 0, batch);
      const rest = node.steps === 1 ? [] : [builder.rows(`${node.id}.rest`, waiting, batch, node.steps * batch)];
      states.give(builder, waiting, builder.concatRows(`${node.id}.waiting`, [...rest, x]));
      return { ...flow!, value: builder.reshape(node.id, late, rows) };
    },
  };
}

function rateStep(steps: number, states: StateCollector, lifted: Lift): NodeLowering<RateOutputNode> {
  return {
    refuse: () => null,
    lower(node, [flow], { builder, batch }): Flow {
      const features = sizeOf(flow!.shape);
      const rows = [batch, features];
      const x = builder.reshape(`${node.id}.features`, flow!.value, lifted(rows));
      const sum = states.take(builder, "accumulator", { layer: ACCUMULATOR, shape: x.shape, start: 0 });
      const facts = { shape: x.shape };
      const total = builder.node("Add", `${node.id}.sum`, [sum, x], facts);
      states.give(builder, sum, total);
      const rates = builder.node("Div", `${node.id}.rates`, [total, builder.scalar(steps, node.source)], facts);
      return { value: builder.reshape(node.id, rates, rows), shape: [features], timed: false };
    },
  };
}
