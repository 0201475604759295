/** Whole training trajectories against SpikingJelly on PyTorch: losses, outputs, gradients and parameters after several steps. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { loadStateDict, type Network, networkFromDescription, resetNet, storedFloats } from "../../src/model/index.ts";
import { backward, mean, scope, Tensor } from "../../src/tensor/index.ts";
import { Optimizer, type OptimizerInput, rateLosses } from "../../src/train/index.ts";
import { fixture } from "../fixture.ts";
import { openReference, type ReferenceFile } from "../h5.ts";
import { expectClose, ONE_PASS, TRAJECTORY } from "../tolerance.ts";

let file: ReferenceFile;
beforeAll(async () => {
  file = await openReference(fixture("training.h5"));
});
afterAll(() => file.close());

const atan = { kind: "ATan", alpha: 2 };
const context = (training: boolean) => ({ training, random: new RandomStream(0) });

function load(network: Network, group: string): void {
  const names = file.keys(group);
  const tensors = names.map((name) => {
    const { data, shape } = file.array(`${group}/${name}`);
    return [name, storedFloats(Float32Array.from(data), shape)] as const;
  });
  loadStateDict(network, new Map(tensors), group);
}

function expectParameters(network: Network, group: string, relative: number): void {
  const state = network.stateDict();
  for (const name of file.keys(group)) {
    expectClose(state.get(name)!.toArray(), file.array(`${group}/${name}`).data, relative, `${group} ${name}`);
  }
}

function expectGradients(network: Network, group: string): void {
  const parameters = network.parameters();
  for (const name of file.keys(group)) {
    expectClose(parameters.get(name)!.grad!.toArray(), file.floats(`${group}/${name}`), ONE_PASS, `${group} ${name}`);
  }
}

/** Rows of a stored array along its first axis. */
function rows(path: string): { data: Float32Array; shape: number[] }[] {
  const { shape } = file.array(path);
  const data = file.floats(path);
  const size = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, i) => ({
    data: data.slice(i * size, (i + 1) * size),
    shape: shape.slice(1),
  }));
}

interface Trajectory {
  group: string;
  network: Network;
  optimizer: OptimizerInput;
  loss: "mse" | "crossEntropy";
  /** From one stored input to rates `[N, F]`. */
  rates: (network: Network, x: Tensor) => Tensor;
}

function follow({ group, network, optimizer: options, loss, rates }: Trajectory): void {
  load(network, `${group}/params_initial`);
  const optimizer = new Optimizer(options, network.parameters());
  const [inputs, labels, outputs] = [rows(`${group}/x`), rows(`${group}/label`), rows(`${group}/output`)];
  const losses = file.floats(`${group}/loss`);
  inputs.forEach((input, step) => {
    scope(() => {
      const output = rates(network, Tensor.from(input.data, input.shape));
      expect(Array.from(output.toArray()), `step ${step + 1} output`).toEqual(Array.from(outputs[step]!.data));
      const value = rateLosses[loss](output, Int32Array.from(labels[step]!.data));
      expectClose([value.item()], [losses[step]!], TRAJECTORY, `step ${step + 1} loss`);
      backward(value);
    });
    resetNet(network);
    if (step === 0) expectGradients(network, `${group}/grads_step1`);
    optimizer.step();
    optimizer.zeroGrad();
    const after = `${group}/params_step${step + 1}`;
    if (file.has(after)) expectParameters(network, after, TRAJECTORY);
  });
  optimizer.dispose();
}

describe("training trajectories", () => {
  it("follow SpikingJelly's CSNN: SGD with momentum, batch norm, max pooling of spikes, MSE on rates", () => {
    const config = file.config("csnn");
    const channels = file.array("csnn/params_initial/conv_fc.0.weight").shape[0]!;
    const [hidden, flat] = file.array("csnn/params_initial/conv_fc.9.weight").shape as [number, number];
    const conv = (inChannels: number) => [
      { kind: "Conv2d", inChannels, outChannels: channels, kernelSize: 3, padding: 1, bias: false },
      { kind: "BatchNorm2d", numFeatures: channels },
      { kind: "IFNode", surrogate: atan },
      { kind: "MaxPool2d", kernelSize: 2, stride: 2 },
    ];
    const dense = (inFeatures: number, outFeatures: number) => [
      { kind: "Linear", inFeatures, outFeatures, bias: false },
      { kind: "IFNode", surrogate: atan },
    ];
    const network = networkFromDescription(
      {
        inputShape: config.input,
        steps: config.T,
        root: {
          kind: "Sequential",
          layers: {
            conv_fc: {
              kind: "Sequential",
              layers: [
                ...conv(1),
                ...conv(channels),
                { kind: "Flatten" },
                ...dense(flat, hidden),
                ...dense(hidden, 10),
              ],
            },
          },
        },
      },
      layers,
    );
    const { lr: learningRate, momentum } = config.optimizer;
    follow({
      group: "csnn",
      network,
      optimizer: { kind: "sgd", learningRate, momentum },
      loss: "mse",
      rates: (net, x) => net.forward(x, context(true)),
    });
    load(network, "csnn/params_step5");
    const evaluated = scope(() => {
      const { data, shape } = file.array("csnn/eval_x");
      return network.predict(Tensor.from(Float32Array.from(data), shape), new RandomStream(0)).toArray();
    });
    expect(Array.from(evaluated)).toEqual(Array.from(file.floats("csnn/eval_output")));
    network.dispose();
  });

  it("follow SpikingJelly's Linear-LIF network: Adam, cross-entropy of the mean rate", () => {
    const config = file.config("lif_adam");
    const shape = (name: string) => file.array(`lif_adam/params_initial/net.${name}.weight`).shape as [number, number];
    const lif = { kind: "LIFNode", tau: config.neuron.args.tau, surrogate: atan };
    const [[hidden, inputs], [outputs]] = [shape("0"), shape("2")];
    const network = networkFromDescription(
      {
        inputShape: [inputs],
        steps: config.T,
        root: {
          kind: "Sequential",
          layers: {
            net: {
              kind: "Sequential",
              layers: [
                { kind: "Linear", inFeatures: inputs, outFeatures: hidden },
                lif,
                { kind: "Linear", inFeatures: hidden, outFeatures: outputs },
                lif,
              ],
            },
          },
        },
      },
      layers,
    );
    follow({
      group: "lif_adam",
      network,
      optimizer: { kind: "adam", learningRate: config.optimizer.lr },
      loss: "crossEntropy",
      rates: (net, x) => mean(net.forwardSequence(x, context(true)), [0]),
    });
    network.dispose();
  });
});
