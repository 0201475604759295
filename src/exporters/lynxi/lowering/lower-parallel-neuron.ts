/**
 * Parallel neurons as ONNX operators. The matrix over time is a convolution of width 1 whose channels are the time-steps, one for each row of
 * the matrix: every sum has its bias inside and is rounded once, and each step is compared by itself as in other neurons.
 */
import { sizeOf } from "../../../core/index.ts";
import type { ParallelNeuronNode } from "../../../model/index.ts";
import type { BuiltValue } from "../onnx/onnx-builder.ts";
import { int, ints } from "../onnx/onnx-model.ts";
import type { LoweringContext, NodeLowering } from "./context.ts";
import { StepSink } from "./neuron-sink.ts";

export const parallelNeuronLowering: NodeLowering<ParallelNeuronNode> = {
  refuse: () => null,
  lower(node, inputs, context) {
    const { builder, steps, batch } = context;
    const flow = context.timed(inputs[0]!, `${node.id}.repeat`);
    const length = batch * sizeOf(flow.shape);
    const channels = builder.reshape(`${node.id}.channels`, flow.value, [1, steps, length]);
    const fired = Array.from({ length: steps }, (_, t) => stepOf(node, channels, t, context));
    const spikes = builder.concatRows(`${node.id}.spikes`, fired);
    const vThreshold = -node.bias.data[0]!;
    context.neurons.set(node.id, {
      layer: node.source,
      kind: node.neuron,
      vThreshold,
      vReset: null,
      form: "plain",
      spikes: spikes.name,
    });
    return { ...flow, value: builder.reshape(node.id, spikes, [steps * batch, ...flow.shape]) };
  },
};

/** The spikes of step t, `[1, N, L]`: row t of the matrix over all steps, compared with 0. */
function stepOf(
  node: ParallelNeuronNode,
  channels: BuiltValue,
  t: number,
  { builder, steps, batch }: LoweringContext,
): BuiltValue {
  const step = `${node.id}.t${t}`;
  const row = node.weight.data.subarray(t * steps, (t + 1) * steps);
  const length = channels.shape[2]!;
  const weight = builder.floats(`${step}.weight`, [1, steps, 1], row, `${node.source} weight`);
  const bias = builder.floats(`${step}.bias`, [1], [node.bias.data[t]!], `${node.source} bias`);
  const window = {
    dilations: ints([1]),
    group: int(1),
    kernel_shape: ints([1]),
    pads: ints([0, 0]),
    strides: ints([1]),
  };
  const sum = builder.node("Conv", `${step}.sum`, [channels, weight, bias], { shape: [1, 1, length] }, window);
  const potential = builder.reshape(`${step}.potential`, sum, [1, batch, length / batch]);
  const sink = new StepSink(builder, step, node.source, potential);
  return sink.value(sink.cast(sink.greaterOrEqual(potential.name, sink.constant(0))));
}
