/** Layer entries against SpikingJelly on PyTorch: outputs, gradients and buffers of `layers.h5`, as stored and step by step. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import type { ForwardContext, Layer } from "../../src/model/index.ts";
import { backwardFrom, scope } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";
import { joined, layerOf, type ReferenceConfig, stepsOf, tensorOf } from "./layer-fixture.ts";

const CLASSES = [
  "Conv1d",
  "Conv2d",
  "Conv3d",
  "ConvTranspose1d",
  "ConvTranspose2d",
  "Linear",
  "BatchNorm1d",
  "BatchNorm2d",
  "MaxPool1d",
  "MaxPool2d",
  "AvgPool1d",
  "AvgPool2d",
  "AdaptiveAvgPool1d",
  "AdaptiveAvgPool2d",
  "Upsample",
  "VotingLayer",
  "Flatten",
];

// Vitest asks for the test names before any hook runs, so the file is opened while the module loads.
const file = await openReference(fixture("layers.h5"));
afterAll(() => file.close());

const contextOf = ({ mode }: ReferenceConfig): ForwardContext => ({
  training: mode === "train",
  random: new RandomStream(0),
});
const namesIn = (path: string) => (file.has(path) ? file.keys(path) : []);
const close = (got: ArrayLike<number>, path: string) => expectClose(got, file.floats(path), ONE_PASS, path);

function withLayer(path: string, body: (layer: Layer, config: ReferenceConfig) => void): void {
  const layer = layerOf(file, path);
  try {
    scope(() => body(layer, file.config(path) as ReferenceConfig));
  } finally {
    layer.dispose();
  }
}

function expectParameterGradients(layer: Layer, path: string): void {
  const names = file.keys(`${path}/grads`).filter((name) => name !== "x");
  expect([...layer.parameters.keys()].sort()).toEqual(names.sort());
  for (const name of names) close(layer.tensor(name).grad!.toArray(), `${path}/grads/${name}`);
}

/** Cases of a class that has this layer's options: Upsample repeats pixels and does not interpolate. */
const casesOf = (name: string) =>
  file.keys(name).filter((member) => {
    const { args } = file.config(`${name}/${member}`) as ReferenceConfig;
    return name !== "Upsample" || args.mode === "nearest";
  });

describe.each(CLASSES)("%s", (name) => {
  it.each(casesOf(name))("gives the stored output, gradients and buffers of %s", (member) => {
    const path = `${name}/${member}`;
    withLayer(path, (layer, config) => {
      const x = tensorOf(file, `${path}/x`, true);
      const output = layer.forward(x, contextOf(config));
      expect(output.shape).toEqual(file.array(`${path}/output`).shape);
      close(output.toArray(), `${path}/output`);
      backwardFrom([[output, tensorOf(file, `${path}/grad_output`)]]);
      close(x.grad!.toArray(), `${path}/grads/x`);
      expectParameterGradients(layer, path);
      for (const buffer of namesIn(`${path}/buffers_after`)) {
        close(layer.tensor(buffer).toArray(), `${path}/buffers_after/${buffer}`);
      }
    });
  });

  // statistics of one step are not those of the sequence: a layer that takes them is compared in evaluation only
  const stepwise = casesOf(name).filter((member) => {
    const { step_mode, mode, args } = file.config(`${name}/${member}`) as ReferenceConfig;
    const statistics = name.startsWith("BatchNorm") && (mode === "train" || args.track_running_stats === false);
    return step_mode === "m" && !statistics;
  });
  it.each(stepwise)("gives the same step by step in %s", (member) => {
    const path = `${name}/${member}`;
    withLayer(path, (layer, config) => {
      layer.stepMode = "s";
      const inputs = stepsOf(file, `${path}/x`, true);
      const gradients = stepsOf(file, `${path}/grad_output`);
      const outputs = inputs.map((x) => layer.forward(x, contextOf(config)));
      close(joined(outputs), `${path}/output`);
      backwardFrom(outputs.map((output, t) => [output, gradients[t]!] as const));
      close(joined(inputs.map((x) => x.grad)), `${path}/grads/x`);
      expectParameterGradients(layer, path);
    });
  });
});
