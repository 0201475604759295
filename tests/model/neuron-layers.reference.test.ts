/** Neurons as layers against SpikingJelly: spikes, potentials and gradients of `neurons.h5`, in one call and step by step. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import type { ForwardContext, Layer } from "../../src/model/index.ts";
import { backwardFrom, scope } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";
import { joined, layerOf, stepsOf, tensorOf } from "./layer-fixture.ts";

const CLASSES = ["IFNode", "LIFNode", "ParametricLIFNode", "KLIFNode", "QIFNode", "EIFNode"];

const file = await openReference(fixture("neurons.h5"));
afterAll(() => file.close());

const context: ForwardContext = { training: true, random: new RandomStream(0) };
const close = (got: ArrayLike<number>, path: string) => expectClose(got, file.floats(path), ONE_PASS, path);
const spikes = (got: ArrayLike<number>, path: string) => expect(Array.from(got)).toEqual(Array.from(file.floats(path)));

function withNeuron(path: string, body: (neuron: Layer) => void): void {
  const neuron = layerOf(file, path, { storeVSeq: true });
  try {
    scope(() => body(neuron));
  } finally {
    neuron.dispose();
  }
}

function expectLearnedGradients(neuron: Layer, path: string): void {
  for (const name of neuron.parameters.keys()) close(neuron.tensor(name).grad!.toArray(), `${path}/grads/${name}`);
}

describe.each(CLASSES)("%s", (name) => {
  it.each(file.keys(name))("fires, resets and differentiates as stored in %s", (member) => {
    const path = `${name}/${member}`;
    withNeuron(path, (neuron) => {
      const x = tensorOf(file, `${path}/x_seq`, true);
      const output = neuron.forward(x, context);
      spikes(output.toArray(), `${path}/output`);
      close(neuron.state.get("v_seq")!.toArray(), `${path}/v_seq`);
      backwardFrom([[output, tensorOf(file, `${path}/grad_output`)]]);
      close(x.grad!.toArray(), `${path}/grads/x_seq`);
      expectLearnedGradients(neuron, path);
    });
  });

  it.each(file.keys(name))("does the same step by step in %s, gradients through time included", (member) => {
    const path = `${name}/${member}`;
    withNeuron(path, (neuron) => {
      neuron.stepMode = "s";
      const inputs = stepsOf(file, `${path}/x_seq`, true);
      const gradients = stepsOf(file, `${path}/grad_output`);
      const potentials: number[] = [];
      const outputs = inputs.map((x) => {
        const output = neuron.forward(x, context);
        potentials.push(...neuron.state.get("v")!.toArray());
        return output;
      });
      spikes(joined(outputs), `${path}/output`);
      close(potentials, `${path}/v_seq`);
      backwardFrom(outputs.map((output, t) => [output, gradients[t]!] as const));
      close(joined(inputs.map((x) => x.grad)), `${path}/grads/x_seq`);
      expectLearnedGradients(neuron, path);
    });
  });
});
