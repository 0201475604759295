/** What both simulators share: the input's frames, the length of the run and its resets, and the result with the latency removed. */
import { fail, formatShape, sizeOf } from "../../core/index.ts";
import type { Finding } from "../target.ts";
import type { Plan } from "./blocks.ts";
import type { RegisterEvents } from "./chip-neurons.ts";
import { placeOf } from "./net-file.ts";
import { latencyOf } from "./plan.ts";
import type { SimulatedLayer, SimulationInput, SimulationOptions, SimulationResult } from "./simulation.ts";

/** Whole numbers `[steps, samples, features]`, features in C,H,W order. */
export interface Frames {
  data: Int32Array;
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
  const numbers = Int32Array.from(data);
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i] !== data[i]) {
      fail("VALUE", {
        where: `input of the simulation, index ${i}`,
        expected: "a whole number of 32 bits",
        got: `${data[i]}`,
      });
    }
  }
  return { data: numbers, steps, samples, features };
}

/** @throws OPTION for a reset interval or offset, or a number of extra steps, that is none. */
export function runOf(plan: Plan, frames: Frames, options: SimulationOptions): Run {
  const { extraSteps = 0, holdInput = false, record = "none", resetInterval } = options;
  const { resetOffset = alignedOffset(plan) } = options;
  expectWhole("extraSteps", extraSteps, 0);
  expectWhole("resetOffset", resetOffset, 0);
  if (resetInterval !== undefined) expectWhole("resetInterval", resetInterval, 1);
  return {
    frames,
    steps: frames.steps + latencyOf(plan, plan.blocks.length - 1) + extraSteps,
    extraSteps,
    holdInput,
    record,
    reset: resetInterval === undefined ? null : { interval: resetInterval, offset: resetOffset },
  };
}

/** `count` frames of one sample: after the input's end zeros, or its last frame again. */
export function inputSequence({ frames, holdInput }: Run, sample: number, count: number): Int32Array {
  const { data, steps, samples, features } = frames;
  const sequence = new Int32Array(count * features);
  for (let step = 0; step < (holdInput ? count : Math.min(steps, count)); step++) {
    const start = (Math.min(step, steps - 1) * samples + sample) * features;
    sequence.set(data.subarray(start, start + features), step * features);
  }
  return sequence;
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
  const counters = plan.blocks.map(() => ({ wrapped: 0, saturated: 0 }));
  return {
    of: (block) => counters[block]!,
    findings: () =>
      counters.flatMap(({ wrapped, saturated }, i) => {
        const place = placeOf(plan.blocks[i]!.layer);
        const count = (times: number) => `${times} ${times === 1 ? "time" : "times"}`;
        return [
          ...(wrapped > 0
            ? [
                overflow(
                  "loihi/current-wrapped",
                  place,
                  `The current left its 24 bits ${count(wrapped)} and wrapped around`,
                ),
              ]
            : []),
          ...(saturated > 0
            ? [
                overflow(
                  "loihi/voltage-saturated",
                  place,
                  `The voltage left its 24 bits ${count(saturated)} and was clipped`,
                ),
              ]
            : []),
        ];
      }),
  };
}

function overflow(rule: string, place: string, what: string): Finding {
  return {
    rule,
    severity: "warning",
    place,
    message: `${what}; training does neither.`,
    source: "lava proc/lif/models.py, uv_bitwidth",
    rewrite: "Use a smaller scale, fewer inputs per neuron or a faster decay.",
  };
}

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

function layerOf(plan: Plan, run: Run, index: number, data: Int32Array): SimulatedLayer {
  const { layer, type, outputShape } = plan.blocks[index]!;
  const frame = run.frames.samples * sizeOf(outputShape);
  const [start, steps] =
    run.record === "raw" ? [0, run.steps] : [latencyOf(plan, index), run.frames.steps + run.extraSteps];
  return {
    layer,
    type,
    shape: [steps, run.frames.samples, ...outputShape],
    data: data.slice(start * frame, (start + steps) * frame),
  };
}
