/** What an ONNX graph expects and gives: read off the graph itself, so that a file without a manifest can be run. */
import { fail, formatShape } from "../../../core/index.ts";
import { findSpikeLayers } from "../emulation/spike-layers.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";
import type { StepState } from "../rules/step-module.ts";
import { inferValues, numericShape } from "../shapes/infer.ts";
import type { Readout } from "../step/facts.ts";

/** What a graph expects and gives, as numbers. */
export interface GraphLayout {
  input: string;
  output: string;
  form: "image" | "sequence";
  steps: number;
  /** Samples N in one call. */
  batch: number;
  /** One step of one sample. */
  inputShape: number[];
  /** Values of the spiking layers, `[T, N, ...]`. */
  spikes: string[];
  /** Only of a graph that is one time-step: what is fed back, and which output counts. */
  step?: { states: readonly StepState[]; readout: Readout };
}

/**
 * T is the number of steps of the first spiking layer, N the batch that layer computes with. A graph whose input has T*N rows takes
 * sequences; with N rows it takes images. Without spiking layers, or with one step, the input is an image.
 * @throws FILE when the input is none of these.
 */
export function layoutOf(model: OnnxModel, where: string): GraphLayout {
  const [input, output] = [model.inputs[0], model.outputs[0]];
  const inputShape = numericShape(input?.shape ?? null);
  if (!input || !output || !inputShape || inputShape.length < 2 || model.inputs.length !== 1) {
    const got = model.inputs.map(({ name, shape }) => `${name} ${shape ? `[${shape.join(",")}]` : ""}`).join(", ");
    const hint = "A graph of one time-step needs the manifest that was written beside it.";
    fail("FILE", { where, expected: "one input with a static shape [rows, ...]", got: got || "none", hint });
  }
  const layers = findSpikeLayers(model);
  const steps = layers[0]?.steps ?? 1;
  const [rows = 0] = inputShape;
  const batch = inferValues(model).facts.get(layers[0]?.value ?? "")?.shape?.[1] ?? rows;
  if (rows !== batch && rows !== steps * batch) {
    const expected = `input rows for ${batch} images or for sequences of ${steps} steps`;
    fail("FILE", { where, expected, got: formatShape(inputShape) });
  }
  return {
    input: input.name,
    output: output.name,
    form: steps > 1 && rows === steps * batch ? "sequence" : "image",
    steps,
    batch,
    inputShape: inputShape.slice(1),
    spikes: layers.map(({ value }) => value),
  };
}
