/** Neuron scans on a device against the CPU's: every variant, any size, whatever a call leaves out, bit for bit. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { type BufferId, core, devices, type NeuronBackward, type NeuronForward } from "../../src/kernels/index.ts";
import {
  type NeuronVariant,
  parseNeuronOptions,
  surrogateThreshold,
  variantOf,
} from "../../src/model/neurons/index.ts";
import {
  parseSurrogate,
  type SurrogateKind,
  surrogateCall,
  surrogateDefinitions,
} from "../../src/model/surrogates/index.ts";
import { EVERY_VARIANT } from "../model/neurons/every-variant.ts";
import { DEVICE, describeOnDevice } from "./device.ts";
import { expectSameBits } from "./same-bits.ts";

/** Sums over parameters run in double precision in another order; relative to the number of terms, which are below 10 in size. */
const SUM_TOLERANCE = 1e-11;

/** Random calls for each variant. SPIKESHIP_RUNS raises it. */
const RUNS = Number(process.env.SPIKESHIP_RUNS ?? 4);

interface Call {
  steps: number;
  elements: number;
  seed: number;
  repeatedInput: boolean;
  /** What a call brings besides what it must. */
  states: boolean;
  saved: boolean;
  gradSpike: boolean;
  gradients: boolean;
  sequences: boolean;
  /** Channels of a normalised input that divide the elements, about so many; 0: not normalised. */
  channels: number;
}

const call: fc.Arbitrary<Call> = fc.record({
  // 70 steps need more memory than a block of threads has
  steps: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 33, 70)),
  // multiples of 4 take the way of groups of neighbours
  elements: fc.oneof(fc.integer({ min: 1, max: 70 }), fc.constantFrom(256, 516, 1031)),
  seed: fc.integer({ min: 1, max: 1 << 20 }),
  repeatedInput: fc.boolean(),
  states: fc.boolean(),
  saved: fc.boolean(),
  gradSpike: fc.boolean(),
  gradients: fc.boolean(),
  sequences: fc.boolean(),
  channels: fc.constantFrom(0, 1, 3, 4, 8, 40),
});

/** Numbers from -1 to 1, some of them 0. */
function numbers(count: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % 16 === 0 ? 0 : (state >>> 8) / 2 ** 23 - 1;
  });
}

/** Runs a call with all its buffers on one device, and gives them back. */
class Run {
  readonly #made: BufferId[] = [];

  constructor(private readonly device: number) {}

  empty(count: number): BufferId {
    const id = core().allocOn(this.device, count * 4);
    this.#made.push(id);
    return id;
  }

  filled(given: boolean, count: number, seed: number): BufferId {
    if (!given) return 0;
    const id = this.empty(count);
    core().write(id, 0, numbers(count, seed));
    return id;
  }

  read(ids: readonly BufferId[]): Float32Array[] {
    return ids
      .filter((id) => id !== 0)
      .map((id) => {
        const data = new Float32Array(core().byteLength(id) / 4);
        core().read(id, 0, data);
        return data;
      });
  }

  release(): void {
    for (const id of this.#made) core().release(id);
  }
}

/** The scale and offset of each channel by which a call normalises its input. */
function normalisation(run: Run, { channels, elements, seed }: Call): { affine: BufferId; channels: number } {
  const whole = channels > 0 && elements % channels === 0 ? channels : 1;
  return { affine: run.filled(channels > 0, 2 * whole, seed + 60), channels: whole };
}

/** A call with its buffers, and those that it fills. */
function forwardCall(run: Run, variant: NeuronVariant, given: Call): { call: NeuronForward; filled: BufferId[] } {
  const { steps, elements, seed } = given;
  const all = steps * elements;
  const finalStates = variant.stateNames.map(() => run.empty(elements));
  const spike = variant.fires ? run.empty(all) : 0;
  const saved = variant.savedNames.map(() => (given.saved ? run.empty(all) : 0));
  const stateSeqs = variant.stateNames.map(() => (given.sequences || !variant.fires ? run.empty(all) : 0));
  const call = {
    variant: variant.name,
    steps,
    elements,
    repeatedInput: given.repeatedInput,
    x: run.filled(true, given.repeatedInput ? elements : all, seed),
    initialStates: variant.stateNames.map((_, k) => run.filled(given.states, elements, seed + 1 + k)),
    initialValues: Float64Array.from(variant.stateNames, (_, k) => k / 8 - 0.25),
    finalStates,
    params: variant.params,
    spike,
    saved,
    stateSeqs,
    ...normalisation(run, given),
  };
  return { call, filled: [spike, ...finalStates, ...saved, ...stateSeqs] };
}

function runForward(run: Run, variant: NeuronVariant, given: Call): Float32Array[] {
  const { call, filled } = forwardCall(run, variant, given);
  core().neuronForward(call);
  return run.read(filled);
}

interface Surrogate {
  surrogate: string;
  surrogateParams: Float64Array;
}

function backwardCall(
  run: Run,
  variant: NeuronVariant,
  { surrogate, surrogateParams }: Surrogate,
  given: Call,
): { call: NeuronBackward; filled: BufferId[] } {
  const { steps, elements, seed } = given;
  const all = steps * elements;
  const one = (count: number, by: number, wanted = given.gradients) => run.filled(wanted, count, seed + by);
  const gradX = run.empty(given.repeatedInput ? elements : all);
  const gradInitialStates = variant.stateNames.map(() => run.empty(elements));
  const gradParams = new Float64Array(variant.params.length).fill(Number.NaN);
  const call = {
    variant: variant.name,
    surrogate,
    surrogateParams,
    steps,
    elements,
    repeatedInput: given.repeatedInput,
    x: run.filled(true, given.repeatedInput ? elements : all, seed),
    initialStates: variant.stateNames.map((_, k) => one(elements, 1 + k, given.states)),
    initialValues: Float64Array.from(variant.stateNames, (_, k) => k / 8 - 0.25),
    saved: variant.savedNames.map((_, k) => one(all, 10 + k, given.saved)),
    params: variant.params,
    gradSpike: one(all, 20, given.gradSpike),
    gradStateSeqs: variant.stateNames.map((_, k) => one(all, 30 + k)),
    gradSaved: variant.savedNames.map((_, k) => one(all, 40 + k)),
    gradFinalStates: variant.stateNames.map((_, k) => one(elements, 50 + k)),
    gradX,
    gradInitialStates,
    gradParams,
    ...normalisation(run, given),
  };
  return { call, filled: [gradX, ...gradInitialStates] };
}

function runBackward(run: Run, variant: NeuronVariant, surrogate: Surrogate, given: Call) {
  const { call, filled } = backwardCall(run, variant, surrogate, given);
  core().neuronBackward(call);
  return { arrays: run.read(filled), sums: call.gradParams };
}

/** What a run gives on the CPU and on the device. */
function onBoth<T>(body: (run: Run) => T): [T, T] {
  const results = [-1, devices().number(DEVICE)].map((device) => {
    const run = new Run(device);
    try {
      return body(run);
    } finally {
      run.release();
    }
  });
  return results as [T, T];
}

function expectSame(device: Float32Array[], cpu: Float32Array[]): void {
  for (const [i, values] of cpu.entries()) expectSameBits(device[i]!, values, `result ${i}`);
}

const PLAIN: Call = {
  steps: 5,
  elements: 40,
  seed: 7,
  repeatedInput: false,
  states: false,
  saved: false,
  gradSpike: true,
  gradients: false,
  sequences: false,
  channels: 0,
};
const LEARNING = variantOf("ParametricLIFNode", parseNeuronOptions("ParametricLIFNode", {}));
const ATAN = surrogateCall(parseSurrogate({ kind: "ATan" }), { threshold: 1 });
const surrogateKinds = Object.keys(surrogateDefinitions) as SurrogateKind[];

describeOnDevice("neuron kernels of a device", () => {
  it.each(EVERY_VARIANT)("compute $name as the CPU does, bit for bit, forward and backward", (chosen) => {
    const { kind, options, reading } = chosen;
    const variant = variantOf(kind, options, reading);
    const threshold = variant.fires ? surrogateThreshold(kind, options) : 1;
    fc.assert(
      fc.property(call, fc.constantFrom(...surrogateKinds), (given, surrogateKind) => {
        const [expected, got] = onBoth((run) => runForward(run, variant, given));
        expectSame(got, expected);
        if (reading === "chip") return;
        const surrogate = surrogateCall(parseSurrogate({ kind: surrogateKind }), { threshold });
        const [cpu, device] = onBoth((run) => runBackward(run, variant, surrogate, given));
        expectSame(device.arrays, cpu.arrays);
        const terms = given.steps * given.elements;
        for (const [k, sum] of cpu.sums.entries()) {
          expect(Math.abs(device.sums[k]! - sum)).toBeLessThanOrEqual(SUM_TOLERANCE * Math.max(terms, Math.abs(sum)));
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("sum gradients of parameters to the same bits every time", () => {
    const sums = [1, 2].map(
      () => onBoth((run) => runBackward(run, LEARNING, ATAN, { ...PLAIN, elements: 9000 }))[1].sums,
    );
    expect(sums[0]).toEqual(sums[1]);
    expect(sums[0]!.some((sum) => sum !== 0)).toBe(true);
  });

  it("run in a recorded step, except where they sum gradients of parameters for the host", () => {
    const device = devices().number(DEVICE);
    const run = new Run(device);
    const plain = variantOf("IFNode", parseNeuronOptions("IFNode", {}));
    const calls = [forwardCall(run, plain, PLAIN), backwardCall(run, plain, ATAN, PLAIN)] as const;
    const refused = backwardCall(run, LEARNING, ATAN, PLAIN);
    core().beginCapture(device);
    core().neuronForward(calls[0].call);
    core().neuronBackward(calls[1].call);
    expect(() => core().neuronBackward(refused.call)).toThrow(/training\.graph/);
    const graph = core().endCapture();
    core().replay(graph);
    const [expected, again] = onBoth((other) => [
      ...runForward(other, plain, PLAIN),
      ...runBackward(other, plain, ATAN, PLAIN).arrays,
    ]);
    expect(run.read(calls.flatMap(({ filled }) => filled))).toEqual(expected);
    expect(again).toEqual(expected);
    core().forget(graph);
    run.release();
  });

  it("do nothing for no elements", () => {
    const [, { sums }] = onBoth((run) => runBackward(run, LEARNING, ATAN, { ...PLAIN, elements: 0 }));
    expect([...sums]).toEqual(LEARNING.paramNames.map(() => 0));
  });
});
