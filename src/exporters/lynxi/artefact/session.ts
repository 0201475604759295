/** Runs an ONNX model in ONNX Runtime: the independent executor. Values go in and come out as float32 numbers. */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import * as ort from "onnxruntime-node";
import { SpikeshipError } from "../../../core/index.ts";
import { fromFloat16Bits, toFloat16Bits } from "../emulation/float16.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";

/** Numbers with a shape, row-major. */
export interface HostArray {
  shape: number[];
  data: Float32Array;
}

/** A loaded model. `release` gives its memory back. */
export interface OnnxSession {
  run(inputs: ReadonlyMap<string, HostArray>): Promise<Map<string, HostArray>>;
  release(): Promise<void>;
}

/**
 * Loads a model with every graph optimisation off, so that the nodes run as the file has them.
 * @throws FILE when ONNX Runtime refuses the model.
 */
export async function openSession(model: OnnxModel, where: string): Promise<OnnxSession> {
  const session = await load(model, where);
  const types = new Map(model.inputs.map(({ name, type }) => [name, type]));
  return {
    async run(inputs) {
      const feeds: Record<string, Tensor> = {};
      for (const [name, { shape, data }] of inputs)
        feeds[name] = inputTensor(types.get(name) ?? "float32", data, shape);
      const results = await session.run(feeds);
      return new Map(Object.entries(results).map(([name, tensor]) => [name, hostArray(tensor)]));
    },
    release: () => session.release(),
  };
}

async function load(model: OnnxModel, where: string): Promise<InferenceSession> {
  try {
    return await ort.InferenceSession.create(encodeOnnx(model), {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "disabled",
      logSeverityLevel: 4,
    });
  } catch (cause) {
    throw new SpikeshipError("FILE", {
      where,
      expected: "a graph that ONNX Runtime accepts",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
}

function inputTensor(type: string, data: Float32Array, shape: number[]): Tensor {
  if (type === "float16") return new ort.Tensor("float16", toFloat16Bits(data), shape);
  if (type === "uint8") return new ort.Tensor("uint8", Uint8Array.from(data), shape);
  return new ort.Tensor("float32", data, shape);
}

function hostArray(tensor: Tensor): HostArray {
  const shape = [...tensor.dims];
  if (tensor.type === "float16") {
    const raw = tensor.data as Uint16Array;
    // newer engines hand float16 over as Float16Array; the bits are the same
    return { shape, data: fromFloat16Bits(new Uint16Array(raw.buffer, raw.byteOffset, raw.length)) };
  }
  if (tensor.data instanceof Float32Array) return { shape, data: tensor.data };
  return { shape, data: Float32Array.from(tensor.data as ArrayLike<number | bigint>, Number) };
}
