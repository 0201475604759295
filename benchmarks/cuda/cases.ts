/** What `npm run bench:cuda` measures through Node: neurons as layers, whole training steps and the chip's simulator, all on a device. */

import { trainingCase } from "../cases.ts";
import { csnn, lavaNetwork } from "../networks.ts";
import { prepareNeurons } from "../neurons.ts";
import type { Prepared } from "../prepared.ts";
import { DEFAULT_SIZES, type Sizes, TINY_SIZES } from "../sizes.ts";

export interface DeviceCase {
  /** SpikingJelly's case of the same work has the same name (`peers/run_spikingjelly_cuda.py`). */
  name: string;
  /** Images of one run; null: none. */
  images: number | null;
  /** New tensors lie on the device while it prepares and runs. */
  prepare(device: string): Prepared | Promise<Prepared>;
}

const TIMES = [2, 4, 8, 16, 32];
/** SpikingJelly's own benchmark of its neurons: 64 x 32*32*32. */
const NEURONS: readonly [number, number] = [64, 32 ** 3];
const LARGE_BATCH = 128;
const SIMULATED_IMAGES = 2048;

/** `trial`: tiny sizes, to see that every case runs. */
export function deviceCases(trial: boolean): DeviceCase[] {
  const base = trial ? TINY_SIZES : DEFAULT_SIZES;
  const large = trial ? base : { ...base, batch: LARGE_BATCH };
  return [
    ...TIMES.flatMap((steps) => [neurons("if", steps, trial), neurons("lif", steps, trial)]),
    csnnTraining("csnn-c128-t4-b128", large, "float32"),
    csnnTraining("csnn-c128-t4-b128", large, "bfloat16"),
    csnnTraining("csnn-c128-t4-b128", large, "bfloat16", "half"),
    csnnTraining("csnn-c128-t4-b16", base, "float32"),
    csnnTraining("csnn-c128-t4-b16", base, "bfloat16"),
    csnnTraining("csnn-c128-t4-b16", base, "bfloat16", "half"),
    lavaTraining(large),
    {
      name: "loihi-sim-c16-t32",
      images: trial ? base.simulatedImages : SIMULATED_IMAGES,
      async prepare(device) {
        const { prepareSimulator } = await import("../simulator.ts");
        return prepareSimulator(trial ? base : { ...base, simulatedImages: SIMULATED_IMAGES }, device);
      },
    },
  ];
}

function neurons(kind: "if" | "lif", steps: number, trial: boolean): DeviceCase {
  return {
    name: `${kind}-t${steps}-float32`,
    images: null,
    prepare: () => prepareNeurons(kind === "if" ? "IFNode" : "LIFNode", steps, trial ? TINY_SIZES.neurons : NEURONS),
  };
}

/** The step is recorded once and replayed. "stored": activations lie in memory in the 16 bits of the precision. */
function csnnTraining(
  name: string,
  sizes: Sizes,
  precision: string,
  activations: "float32" | "half" = "float32",
): DeviceCase {
  return {
    name: `${name}-${precision}${activations === "half" ? "-stored" : ""}/train`,
    images: sizes.batch,
    prepare: (device) =>
      trainingCase(
        csnn(sizes.csnnChannels[0], sizes),
        sizes,
        "mse",
        { kind: "sgd", learningRate: 0.05, momentum: 0.9 },
        { device, precision, activations, graph: true },
      ),
  };
}

/** Its encoder draws new spikes before each step, outside of what is recorded. */
function lavaTraining(sizes: Sizes): DeviceCase {
  return {
    name: "lava-c16-t32-b128-float32/train",
    images: sizes.batch,
    prepare: (device) =>
      trainingCase(
        lavaNetwork(sizes),
        sizes,
        "crossEntropy",
        { kind: "adam", learningRate: 1e-3 },
        { device, graph: true },
      ),
  };
}
