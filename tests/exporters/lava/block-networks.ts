/** Small networks of Lava's blocks, and what every test of their lowering asks: the file, read back, computes what was prepared. */
import { expect } from "vitest";
import { readNet } from "../../../src/exporters/lava/read.ts";
import {
  Conv2d,
  CubaLIFNode,
  createNetwork,
  type Layer,
  Linear,
  type Network,
  PoissonEncoder,
  Sequential,
} from "../../../src/model/index.ts";
import { Tensor } from "../../../src/tensor/index.ts";
import { noiseFor, runPrepared } from "./prepared-run.ts";

const STEPS = 12;
const SAMPLES = 3;

export const linear = (inFeatures: number, outFeatures: number) => Linear({ inFeatures, outFeatures, bias: false });
export const conv = (inChannels: number, outChannels: number, kernelSize = 3) =>
  Conv2d({ inChannels, outChannels, kernelSize, bias: false });
export const cuba = (options: object = {}) =>
  CubaLIFNode({ vThreshold: 0.2, scale: 64, currentDecay: 1, voltageDecay: 0.1, ...options });

export function networkOf(inputShape: number[], layers: Layer[], encoder = PoissonEncoder()): Network {
  return createNetwork({ inputShape, steps: STEPS, encoder, root: Sequential(layers) }, 7);
}

/** Gives some tensors of a network other values. */
export function set(network: Network, path: string, name: string, values: number[]): Network {
  network.layer(path).setTensor(name, Tensor.from(values, [values.length]));
  return network;
}

/** Weights as large as trained ones are: those of a fresh network hardly get through several layers of thresholds. */
export function louder(network: Network): Network {
  for (const layer of network.layers()) {
    const weight = layer.parameters.get("weight");
    if (weight)
      layer.setTensor(
        "weight",
        Tensor.from(
          (weight.toArray() as Float32Array).map((w) => 3 * w),
          weight.shape,
        ),
      );
  }
  return network;
}

/** Runs both; every layer must be equal, and say something. */
export async function expectEqual(network: Network, directory: string): Promise<string[]> {
  const { layers, outputMismatches, events } = await runPrepared(network, directory, noiseFor(network, SAMPLES, 1));
  expect(events).toEqual([]);
  expect(layers.map(({ layer, mismatches }) => [layer, mismatches])).toEqual(layers.map(({ layer }) => [layer, 0]));
  for (const { layer, active } of layers) expect(active, layer).toBeGreaterThan(0);
  expect(outputMismatches).toBe(0);
  network.dispose();
  const { layers: written } = await readNet(`${directory}/network.net`);
  return written.map(({ type }) => type);
}
