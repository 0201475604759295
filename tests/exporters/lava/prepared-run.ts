/** A prepared network and the file that was written of it, run on the same samples: what differs, layer by layer. */
import { RandomStream } from "../../../src/core/index.ts";
import { createLoihiTarget } from "../../../src/exporters/lava/target.ts";
import type { Finding, LayerTrace } from "../../../src/exporters/target.ts";
import { evaluationStream, type Network, resetNet } from "../../../src/model/index.ts";
import { isPreparedForLoihi, prepareForLoihi, studyForLoihi } from "../../../src/quantize/index.ts";
import { noGrad, scope, Tensor } from "../../../src/tensor/index.ts";

export const target = createLoihiTarget({
  prepare: prepareForLoihi,
  isPrepared: isPreparedForLoihi,
  study: studyForLoihi,
});

export interface Traces {
  /** As the chip receives it. */
  input: { form: "sequence"; shape: number[]; data: Float32Array };
  /** Output of every layer, by path; of a layer that runs step by step, all steps. */
  layers: Map<string, LayerTrace>;
  /** Of the network, `[T, N, F]`. */
  output: Float32Array;
}

/** Noise from 0 to 1, encoded by the network itself: `[T, N, ...]`. */
export function noiseFor(network: Network, samples: number, seed: number): Traces["input"] {
  const random = new RandomStream(seed);
  const shape = [samples, ...network.inputShape];
  const images = Float32Array.from({ length: shape.reduce((product, length) => product * length, 1) }, () =>
    random.uniform(),
  );
  return noGrad(() =>
    scope(() => {
      const sequence = network.encode(Tensor.from(images, shape), evaluationStream(seed));
      return { form: "sequence" as const, shape: [...sequence.shape], data: sequence.toArray() as Float32Array };
    }),
  );
}

/** A network on a sequence, from a fresh state. */
export function tracesOf(network: Network, input: Traces["input"]): Traces {
  const layers = new Map<string, LayerTrace>();
  resetNet(network);
  const output = noGrad(() =>
    scope(() => {
      const answers = network.forwardSequence(Tensor.from(input.data, input.shape), {
        training: false,
        random: new RandomStream(0),
        observe: (layer, tensor) => {
          const before = layers.get(layer.path);
          const data = [...(before?.data ?? []), ...tensor.toArray()];
          const shape = [(before?.shape[0] ?? 0) + tensor.shape[0]!, ...tensor.shape.slice(1)];
          layers.set(layer.path, { layer: layer.path, shape, data: Float32Array.from(data) });
        },
      });
      return answers.toArray() as Float32Array;
    }),
  );
  resetNet(network);
  return { input, layers, output };
}

export interface ComparedLayer {
  layer: string;
  /** Of the file's layer; undefined where the network has no such layer. */
  mismatches: number;
  /** Numbers that are not 0. */
  active: number;
}

export interface PreparedRun {
  layers: ComparedLayer[];
  /** Of the network's own output. */
  outputMismatches: number;
  events: Finding[];
  directory: string;
}

function differences(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let count = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) count++;
  return count;
}

/** Exports a prepared network, reads the file back, and compares every layer of the file at every step. */
export async function runPrepared(
  network: Network,
  directory: string,
  sequence: Traces["input"],
): Promise<PreparedRun> {
  const { input, layers, output } = tracesOf(network, sequence);
  await target.export(network, directory);
  const runtime = await target.open(directory);
  const run = await runtime.run(input, { layers: true });
  runtime.close();
  const compared = run.layers.map(({ layer, shape, data }): ComparedLayer => {
    const trained = layers.get(layer);
    if (!trained) throw new Error(`${layer} is no layer of the network`);
    const sameShape = trained.shape.join() === shape.join();
    const mismatches = sameShape ? differences(trained.data, data) : Number.POSITIVE_INFINITY;
    const active = differences(data, new Uint8Array(data.length));
    return { layer, mismatches, active };
  });
  const outputMismatches = differences(output, run.output!.data);
  return { layers: compared, outputMismatches, events: run.events, directory };
}
