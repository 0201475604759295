/** Reads ONNX files and says what is in them. Whether a file suits the chip is decided by `rules.ts`. */
import { basename } from "node:path";
import { fail, readFileChecked, sha256 } from "../../core/index.ts";
import { findSpikeLayers } from "./emulation/spike-layers.ts";
import { decodeOnnx } from "./onnx/decode.ts";
import { isFloatType, type OnnxModel, storedTensors } from "./onnx/onnx-model.ts";
import { inferValues } from "./shapes/infer.ts";

/** Larger files are refused before they are read: the largest network in one chip's 25 million synapses takes 100 MB as float32. */
export const LARGEST_ONNX_FILE = 512 * 2 ** 20;

export interface OnnxFile {
  path: string;
  bytes: number;
  sha256: string;
  model: OnnxModel;
}

/** @throws FILE when the file is missing, too large, truncated, no ONNX model, or keeps its numbers in other files. */
export function readOnnx(path: string): OnnxFile {
  const file = readOnnxAsIs(path);
  refuseExternalData(file.model, path);
  return file;
}

/** As `readOnnx`, but a file that keeps its numbers elsewhere is read without them, so that the design rules can name them. */
export function readOnnxAsIs(path: string): OnnxFile {
  const bytes = readFileChecked(path, { maxBytes: LARGEST_ONNX_FILE });
  return { path, bytes: bytes.length, sha256: sha256(bytes), model: decodeOnnx(bytes, path) };
}

/** @throws FILE naming the first tensor whose numbers are not in the file. */
export function refuseExternalData(model: OnnxModel, path: string): void {
  const external = storedTensors(model).find((tensor) => tensor.external);
  if (!external) return;
  fail("FILE", {
    where: path,
    expected: "all numbers inside the file",
    got: `tensor "${external.name}" in another file`,
    hint: "Save the model with its data inline.",
  });
}

/** What `inspect` shows of a file. */
export interface OnnxSummary {
  file: string;
  bytes: number;
  sha256: string;
  irVersion: number;
  opset: number;
  producer: string;
  inputs: { name: string; type: string; shape: (number | string | null)[] | null }[];
  outputs: { name: string; type: string; shape: (number | string | null)[] | null }[];
  /** How often each operator occurs, by name. */
  operators: Record<string, number>;
  nodes: number;
  /** Stored floating numbers. */
  parameters: number;
  /** Largest number of dimensions of any value. */
  maxDimensions: number;
  /** Multiply-adds of one call. */
  multiplyAdds: number;
  /** Layers whose steps can be recognised: T and neurons of each. */
  spikeLayers: { value: string; steps: number; neurons: number | null }[];
}

export function summarizeOnnx({ path, bytes, sha256: hash, model }: OnnxFile): OnnxSummary {
  const { facts, multiplyAdds } = inferValues(model);
  const operators = new Map<string, number>();
  for (const { op } of model.nodes.toSorted((a, b) => (a.op < b.op ? -1 : a.op > b.op ? 1 : 0))) {
    operators.set(op, (operators.get(op) ?? 0) + 1);
  }
  return {
    file: basename(path),
    bytes,
    sha256: hash,
    irVersion: model.irVersion,
    opset: model.opset,
    producer: [model.producer, model.producerVersion].filter(Boolean).join(" "),
    inputs: model.inputs,
    outputs: model.outputs,
    operators: Object.fromEntries(operators),
    nodes: model.nodes.length,
    parameters: storedTensors(model)
      .filter(({ type }) => isFloatType(type))
      .reduce((sum, { data }) => sum + data.length, 0),
    maxDimensions: [...facts.values()].reduce((most, { shape }) => Math.max(most, shape?.length ?? 0), 0),
    multiplyAdds,
    spikeLayers: findSpikeLayers(model).map(({ value, steps }) => {
      const shape = facts.get(value)?.shape ?? null;
      return { value, steps, neurons: shape ? shape.slice(1).reduce((product, size) => product * size, 1) : null };
    }),
  };
}
