/** The parallel neurons against SpikingJelly: potentials through their spikes, and gradients of input, matrix and bias, of `neurons.h5`. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import type { ForwardContext } from "../../src/model/index.ts";
import { backwardFrom, scope } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";
import { layerOf, tensorOf } from "./layer-fixture.ts";

const CLASSES = ["PSN", "MaskedPSN", "SlidingPSN"];

const file = await openReference(fixture("neurons.h5"));
afterAll(() => file.close());

const context: ForwardContext = { training: true, random: new RandomStream(0) };

describe.each(CLASSES)("%s", (name) => {
  it.each(file.keys(name))("fires and differentiates as stored in %s", (member) => {
    const path = `${name}/${member}`;
    const neuron = layerOf(file, path);
    try {
      scope(() => {
        const x = tensorOf(file, `${path}/x_seq`, true);
        const output = neuron.forward(x, context);
        expect(Array.from(output.toArray())).toEqual(Array.from(file.floats(`${path}/output`)));
        backwardFrom([[output, tensorOf(file, `${path}/grad_output`)]]);
        expectClose(x.grad!.toArray(), file.floats(`${path}/grads/x_seq`), ONE_PASS, "x");
        for (const parameter of neuron.parameters.keys()) {
          const stored = file.floats(`${path}/grads/${parameter}`);
          expectClose(neuron.tensor(parameter).grad!.toArray(), stored, ONE_PASS, parameter);
        }
      });
    } finally {
      neuron.dispose();
    }
  });

  it("refuses single steps, which it cannot see", () => {
    const path = `${name}/${file.keys(name)[0]}`;
    const neuron = layerOf(file, path);
    neuron.stepMode = "s";
    const error = errorOf(() => scope(() => neuron.forward(tensorOf(file, `${path}/x_seq`), context)));
    expect(error.message).toMatch(/step mode s.*whole sequence/);
    neuron.dispose();
  });
});
