/** What both simulators share: the input's frames, the length of the run and its resets, and the result with the latency removed. */
import { fail, formatShape, sizeOf } from "../../../core/index.ts";
import type { Finding } from "../../target.ts";
import type { Plan } from "../chip/blocks.ts";
import { noEvents, type RegisterEvents } from "../chip/neurons/index.ts";
import { latencyOf } from "../chip/plan.ts";
import { placeOf } from "../net/net-file.ts";
import type { SimulatedLayer, SimulationInput, SimulationOptions, SimulationResult } from "./simulation.ts";

/** Whole numbers `[steps, samples, features]`, features in C,H,W order. */
export interface Frames {
  data: Int32Array | Float32Array;
  /** Largest size of a number, at least 1. */
  largest: number;
  /** Numbers that are neither 0 nor 1. */
  payloads: number;
  steps: number;
  samples: number;
  features: number;
}

export interface Run {
  frames: Frames;
  /** Steps of the whole run, latency and extra steps included. */
  steps: number;
  extraSteps: number;
  holdInput: boolean;
  record: "none" | "aligned" | "raw";
  /** Every so many steps, from `offset` on; null: never. */
  reset: { interval: number; offset: number } | null;
}

/** @throws SHAPE when the input does not fit the network, VALUE when a number is not whole or beyond 32 bits. */
export function framesOf(plan: Plan, { shape, data }: SimulationInput): Frames {
  const features = sizeOf(plan.inputShape);
  const [steps = 0, samples = 0, ...frame] = shape;
  const flat = frame.length === 1 && frame[0] === features;
  const fits = steps > 0 && samples > 0 && (flat || formatShape(frame) === formatShape(plan.inputShape));
  if (!fits || data.length !== sizeOf(shape)) {
    fail("SHAPE", {
      where: "input of the simulation",
      expected: `[T, N, ${plan.inputShape.join(", ")}]`,
      got: `${formatShape(shape)} with ${data.length} numbers`,
      hint: "Steps come first, then samples; images in C,H,W order.",
    });
  }
  return { ...wholeNumbers(data), steps, samples, features };
}

/** One pass over what may be millions of numbers: most of a simulation's time outside the native core. Spikes stay where they are. */
function wholeNumbers(data: ArrayLike<number>): Pick<Frames, "data" | "largest" | "payloads"> {
  if (data instanceof Float32Array && allSpikes(data)) return { data, largest: 1, payloads: 0 };
  const numbers = new Int32Array(data.length);
  let [smallest, largest, payloads] = [0, 0, 0];
  for (let i = 0; i < numbers.length; i++) {
    const value = data[i]!;
    numbers[i] = value;
    if (numbers[i] !== value) {
      fail("VALUE", {
        where: `input of the simulation, index ${i}`,
        expected: "a whole number of 32 bits",
        got: `${value}`,
        hint: "The chip takes spikes, 0 and 1: encode real numbers first.",
      });
    }
    if (value >= 0 && value <= 1) continue;
    payloads++;
    if (value > largest) largest = value;
    else if (value < smallest) smallest = value;
  }
  return { data: numbers, largest: payloads === 0 ? 1 : Math.max(1, largest, -smallest), payloads };
}

/** True when every number is 0 or 1. Without a branch in the loop, which random spikes would make guess wrong. */
function allSpikes(data: Float32Array): boolean {
  let others = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    const distance = value * (value - 1);
    // no square of a float32 underflows in double precision, and what is not finite stays so
    others += distance * distance;
  }
  return others === 0;
}

/** @throws OPTION for a reset interval or offset, or a number of extra steps, that is none. */
export function runOf(plan: Plan, frames: Frames, options: SimulationOptions): Run {
  const { extraSteps = 0, holdInput = false, record = "none", resetInterval, chunkNumbers = 1 } = options;
  const { resetOffset = alignedOffset(plan) } = options;
  expectWhole("extraSteps", extraSteps, 0);
  expectWhole("chunkNumbers", chunkNumbers, 1);
  expectWhole("resetOffset", resetOffset, 0);
  if (resetInterval !== undefined) expectWhole("resetInterval", resetInterval, 1);
  const steps = frames.steps + latencyOf(plan, plan.blocks.length - 1) + extraSteps;
  expectHeld(plan, steps, record === "none" ? 1 : frames.samples);
  expectHeld({ ...plan, blocks: plan.blocks.slice(-1) }, steps, frames.samples);
  return {
    frames,
    steps,
    extraSteps,
    holdInput,
    record,
    reset: resetInterval === undefined ? null : { interval: resetInterval, offset: resetOffset },
  };
}

/** Most numbers of one layer that a run keeps: 4 GB. */
const MOST_NUMBERS = 2 ** 30;

/** @throws OPTION when all of a layer's numbers over so many steps and samples are more than a run may keep. */
export function expectHeld(plan: Plan, steps: number, samples: number): void {
  const widest = Math.max(...plan.blocks.map(({ outputShape }) => sizeOf(outputShape)));
  if (steps * samples * widest <= MOST_NUMBERS) return;
  fail("OPTION", {
    where: "length of the run",
    expected: `at most ${MOST_NUMBERS} numbers of one layer`,
    got: `${steps} steps of ${samples} samples of ${widest} neurons`,
    hint: "Run fewer samples or steps at once, or record less.",
  });
}

/** `count` frames of one sample: after the input's end zeros, or its last frame again. */
export function inputSequence(run: Run, sample: number, count: number): Int32Array {
  const { features } = run.frames;
  const sequence = new Int32Array(count * features);
  for (let step = 0; step < count; step++) {
    const frame = frameAt(run, step, sample, 1);
    if (frame) sequence.set(frame, step * features);
  }
  return sequence;
}

/** What enters at a step, of `count` samples that follow each other; null when the input has ended. */
export function frameAt(
  { frames, holdInput }: Run,
  step: number,
  sample: number,
  count: number,
): Int32Array | Float32Array | null {
  const { data, steps, samples, features } = frames;
  if (step >= steps && !holdInput) return null;
  const start = (Math.min(step, steps - 1) * samples + sample) * features;
  return data.subarray(start, start + count * features);
}

/** The reset offset with which frame 0 arrives at each neuron right after its reset. */
export function alignedOffset(plan: Plan): number {
  return plan.ownsInput ? 0 : 1;
}

function expectWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    fail("OPTION", { where: name, expected: `a whole number from ${least}`, got: `${value}` });
  }
}

/** True when the neurons of a block are reset before they integrate. Lava counts steps from 1 and gives block i the offset + 1 + i. */
export function resetsAt({ reset }: Run, block: number, step: number): boolean {
  return reset !== null && (step + 1) % reset.interval === (reset.offset + 1 + block) % reset.interval;
}

export interface EventCollector {
  /** Counters of a block, to be increased while it answers frames. */
  of(block: number): RegisterEvents;
  findings(): Finding[];
}

export function collectEvents(plan: Plan): EventCollector {
  const counters = plan.blocks.map(noEvents);
  return {
    of: (block) => counters[block]!,
    findings: () =>
      counters.flatMap((counter, i) =>
        EVENTS.filter(({ count }) => counter[count] > 0).map(({ rule, count, message, source, rewrite }) => {
          const times = `${counter[count]} ${counter[count] === 1 ? "time" : "times"}`;
          const place = placeOf(plan.blocks[i]!.layer);
          return { rule, severity: "warning" as const, place, message: message(times), source, rewrite };
        }),
      ),
  };
}

interface EventText {
  count: keyof RegisterEvents;
  rule: string;
  message: (times: string) => string;
  source: string;
  rewrite: string;
}

const REGISTER_SOURCE = "lava proc/lif/models.py, uv_bitwidth";
const REGISTER_REWRITE = "Use a smaller scale, fewer inputs per neuron or a faster decay.";

/** Discrepancy 16 of the collection behind the rules: training has no such registers. */
const EVENTS: readonly EventText[] = [
  {
    count: "wrapped",
    rule: "loihi/current-wrapped",
    message: (times) => `The current left its 24 bits ${times} and wrapped around; training does neither.`,
    source: REGISTER_SOURCE,
    rewrite: REGISTER_REWRITE,
  },
  {
    count: "saturated",
    rule: "loihi/voltage-saturated",
    message: (times) => `The voltage left its 24 bits ${times} and was clipped; training does neither.`,
    source: REGISTER_SOURCE,
    rewrite: REGISTER_REWRITE,
  },
  {
    count: "inexact",
    rule: "loihi/convolution-inexact",
    message: (times) =>
      `Sums of a convolution left 24 bits ${times}; Lava adds them in float32, so its last bits hang on the order of addition.`,
    source: "lava proc/conv/utils.py, conv",
    rewrite: "Use smaller weights or payloads.",
  },
];

/** `outputs`: every block's spikes `[run.steps, samples, features]` from the first step of the run. */
export function resultOf(plan: Plan, run: Run, outputs: readonly Int32Array[], events: Finding[]): SimulationResult {
  const last = plan.blocks.length - 1;
  const layers = plan.blocks.map((_, block) => layerOf(plan, run, block, outputs[block]!));
  return {
    output: layers[last]!,
    layers: run.record === "none" ? [] : layers,
    latency: latencyOf(plan, last),
    events,
  };
}

/** The steps of a run that are kept of a block: its answers to the frames, or all of them. */
export function keptSteps(plan: Plan, run: Run, index: number): { start: number; steps: number } {
  if (run.record === "raw") return { start: 0, steps: run.steps };
  return { start: latencyOf(plan, index), steps: run.frames.steps + run.extraSteps };
}

function layerOf(plan: Plan, run: Run, index: number, data: Int32Array): SimulatedLayer {
  const { layer, type, outputShape } = plan.blocks[index]!;
  const frame = run.frames.samples * sizeOf(outputShape);
  const { start, steps } = keptSteps(plan, run, index);
  return {
    layer,
    type,
    shape: [steps, run.frames.samples, ...outputShape],
    data: data.slice(start * frame, (start + steps) * frame),
  };
}
