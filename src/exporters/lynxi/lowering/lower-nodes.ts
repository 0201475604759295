/** The lowering of each kind of graph node to ONNX operators, or the reason why there is none. Neurons are in `lower-neuron.ts`. */
import { fail, sizeOf } from "../../../core/index.ts";
import type { BuiltValue } from "../onnx/onnx-builder.ts";
import { int, ints, type OnnxAttribute } from "../onnx/onnx-model.ts";
import type { Flow, NodeLowerings, Refusal } from "./context.ts";
import { neuronLowering } from "./lower-neuron.ts";
import { parallelNeuronLowering } from "./lower-parallel-neuron.ts";
import { poolRefusal, sumPool, votes, windowPool } from "./lower-pool.ts";
import { transposedConvolution } from "./lower-transposed.ts";

const accepted = (): null => null;

/** Sources of the limit: SpikingJelly's tutorial inference_on_lynxi and lynxi_exchange.py: at most four dimensions anywhere. */
function tooManyAxes(axes: number): Refusal | null {
  if (axes <= 2) return null;
  return {
    rule: "LX001",
    expected: "at most 2 spatial axes (4 dimensions with batch and channels)",
    got: `${axes}`,
    hint: "Use one- or two-dimensional layers.",
  };
}

function only(inputs: readonly Flow[]): Flow {
  return inputs[0] ?? fail("STATE", { where: "graph", expected: "a node with an input", got: "none" });
}

/** A flow with another value and shape, time as before. */
const behind = (flow: Flow, value: BuiltValue, shape: readonly number[]): Flow => ({
  ...flow,
  value,
  shape: [...shape],
});

export const LOWERINGS: NodeLowerings = {
  input: {
    refuse: (node) => tooManyAxes(node.shape.length - 1),
    lower(node, _inputs, context) {
      const timed = node.form === "sequence";
      const shape = [context.rows(timed), ...node.shape];
      return { value: context.builder.input("x", shape), shape: [...node.shape], timed };
    },
  },
  linear: {
    refuse: accepted,
    lower(node, inputs, { builder }) {
      const x = only(inputs);
      const [outputs = 0, features = 0] = node.weight.shape;
      const facts = { shape: [x.value.shape[0]!, outputs] };
      const place = `${node.source} weight`;
      if (!node.bias) {
        const weight = builder.floats(
          `${node.id}.weight`,
          [features, outputs],
          transposed(node.weight.data, outputs, features),
          place,
        );
        return behind(x, builder.node("MatMul", node.id, [x.value, weight], facts), node.shape);
      }
      const weight = builder.floats(`${node.id}.weight`, node.weight.shape, node.weight.data, place);
      const bias = builder.floats(`${node.id}.bias`, node.bias.shape, node.bias.data, `${node.source} bias`);
      return behind(x, builder.node("Gemm", node.id, [x.value, weight, bias], facts, { transB: int(1) }), node.shape);
    },
  },
  conv: {
    refuse: (node) => tooManyAxes(node.weight.shape.length - 2),
    lower(node, inputs, { builder }) {
      const x = only(inputs);
      const parts = [
        x.value,
        builder.floats(`${node.id}.weight`, node.weight.shape, node.weight.data, `${node.source} weight`),
      ];
      if (node.bias)
        parts.push(builder.floats(`${node.id}.bias`, node.bias.shape, node.bias.data, `${node.source} bias`));
      const value = builder.node(
        "Conv",
        node.id,
        parts,
        { shape: [x.value.shape[0]!, ...node.shape] },
        {
          dilations: ints(node.dilation),
          group: int(node.groups),
          kernel_shape: ints(node.weight.shape.slice(2)),
          pads: ints([...node.padding, ...node.padding]),
          strides: ints(node.stride),
        },
      );
      return behind(x, value, node.shape);
    },
  },
  convTranspose: {
    refuse: (node) => tooManyAxes(node.weight.shape.length - 2),
    lower: (node, inputs, { builder }) => {
      const x = only(inputs);
      return behind(x, transposedConvolution(node, x, builder), node.shape);
    },
  },
  pool: {
    refuse: (node, [before]) => tooManyAxes(node.kernelSize.length) ?? poolRefusal(node, before?.shape ?? []),
    lower(node, inputs, context) {
      const x = only(inputs);
      const value = node.operation === "sum" ? sumPool(node, x, context) : windowPool(node, x, context);
      return behind(x, value, node.shape);
    },
  },
  batchNorm: {
    refuse: accepted,
    lower(node, inputs, { builder }) {
      const x = only(inputs);
      const shape = node.mean.shape;
      const channels = sizeOf(shape);
      const parts = {
        weight: node.weight?.data ?? new Float32Array(channels).fill(1),
        bias: node.bias?.data ?? new Float32Array(channels),
        mean: node.mean.data,
        variance: node.variance.data,
      };
      const stored = Object.entries(parts).map(([name, data]) =>
        builder.floats(`${node.id}.${name}`, shape, data, `${node.source} ${name}`),
      );
      const attributes: Record<string, OnnxAttribute> = { epsilon: { kind: "float", value: node.epsilon } };
      const facts = { shape: x.value.shape };
      return behind(
        x,
        builder.node("BatchNormalization", node.id, [x.value, ...stored], facts, attributes),
        node.shape,
      );
    },
  },
  flatten: {
    refuse: accepted,
    lower(node, inputs, { builder }) {
      const x = only(inputs);
      return behind(x, builder.reshape(node.id, x.value, [x.value.shape[0]!, sizeOf(x.shape)]), node.shape);
    },
  },
  voting: {
    refuse: accepted,
    lower(node, inputs, { builder }) {
      const x = only(inputs);
      return behind(x, votes(node, x, builder), node.shape);
    },
  },
  neuron: neuronLowering,
  parallelNeuron: parallelNeuronLowering,
  delay: {
    refuse: ({ channels, steps }) =>
      channels
        ? {
            rule: "LX004",
            expected: "the same delay for every channel",
            got: `delays of up to ${steps} steps by channel`,
            hint: "Give the layer one delay.",
          }
        : null,
    lower(node, inputs, context) {
      const { builder, steps, batch } = context;
      const x = context.timed(only(inputs), `${node.id}.repeat`);
      const late = Math.min(node.steps, steps);
      if (late === 0) return x;
      const shape = [late * batch, ...x.shape];
      const parts = [builder.floats(`${node.id}.zeros`, shape, new Float32Array(sizeOf(shape)), node.source)];
      if (late < steps) parts.push(builder.rows(`${node.id}.early`, x.value, 0, (steps - late) * batch));
      return behind(x, builder.concatRows(node.id, parts), node.shape);
    },
  },
  add: {
    refuse: accepted,
    lower(node, inputs, context) {
      const timed = inputs.some((flow) => flow.timed);
      const flows = timed ? inputs.map((flow, i) => context.timed(flow, `${node.id}.repeat_${i}`)) : inputs;
      const [first, ...others] = flows as [Flow, ...Flow[]];
      const sum = others.reduce(
        (value, flow, i) =>
          context.builder.node("Add", i === others.length - 1 ? node.id : `${node.id}.part_${i}`, [value, flow.value], {
            shape: value.shape,
          }),
        first.value,
      );
      return { ...first, value: sum };
    },
  },
  gate: {
    refuse: accepted,
    lower(node, inputs, context) {
      const { builder } = context;
      const timed = inputs.some((flow) => flow.timed);
      const flows = timed ? inputs.map((flow, i) => context.timed(flow, `${node.id}.repeat_${i}`)) : inputs;
      const [gate, passed] = flows as [Flow, Flow];
      const { shape } = gate.value;
      const one = (): BuiltValue => builder.scalar(1, node.source);
      const open = node.inverted ? builder.node("Sub", `${node.id}.open`, [one(), gate.value], { shape }) : gate.value;
      return { ...gate, value: builder.node("Mul", node.id, [open, passed.value], { shape }) };
    },
  },
  rateOutput: {
    refuse: accepted,
    lower(node, inputs, context) {
      const { builder, steps, batch } = context;
      const x = context.timed(only(inputs), `${node.id}.repeat`);
      const features = sizeOf(x.shape);
      const sequence = builder.reshape(`${node.id}.sequence`, x.value, [steps, batch, features]);
      return { value: builder.meanOverRows("rate", sequence), shape: [features], timed: false };
    },
  },
};

/** `[O, I]` to `[I, O]`. */
function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(data.length);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c]!;
  return turned;
}
