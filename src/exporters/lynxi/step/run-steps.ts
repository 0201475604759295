/**
 * Drives a graph of one time-step as the host does: T calls a sample, every state handed back, start values before the first step. Its result
 * looks like that of a whole-sequence graph, so that everything behind it need not know the style.
 */
import { fail, sizeOf } from "../../../core/index.ts";
import type { ExecutorResult } from "../artefact/executor-result.ts";
import type { HostArray } from "../artefact/session.ts";
import type { NonFinite } from "../emulation/emulator.ts";
import type { GraphLayout } from "../lowering/layout.ts";

/** One call of the graph (or of several samples' graphs side by side). */
export type GraphCall = (inputs: ReadonlyMap<string, HostArray>) => Promise<ExecutorResult>;

export type StepLayout = GraphLayout & { step: NonNullable<GraphLayout["step"]> };

export const isStepLayout = (layout: GraphLayout): layout is StepLayout => layout.step !== undefined;

/**
 * `input`: rows of `calls` calls as `inputOfCalls` cuts them, [calls * N, ...] images or [calls * T * N, ...] sequences. Every output but the states
 * comes back as [calls * T * N, ...]; rates, complete after the last step, as [calls * N, ...].
 */
export async function runSteps(
  call: GraphCall,
  layout: StepLayout,
  input: HostArray,
  calls: number,
): Promise<ExecutorResult> {
  const { steps, step } = layout;
  const fedBack = new Set(step.states.map((state) => state.output));
  // a delay hands on spikes: that value is a state and shown all the same
  for (const name of layout.spikes) fedBack.delete(name);
  let states = new Map(
    step.states.map(({ input: name, shape, start }) => [name, filled(shape, calls, start)] as const),
  );
  const outputs = new Map<string, HostArray>();
  const nonFinite = new Map<string, number>();
  for (let t = 0; t < steps; t++) {
    const result = await call(new Map([[layout.input, frameOf(input, layout, calls, t)], ...states]));
    for (const [name, value] of result.outputs) {
      if (fedBack.has(name)) continue;
      if (name === layout.output && step.readout === "last-step") outputs.set(name, value);
      else outputs.set(name, placed(outputs.get(name), value, { steps, calls, t }));
    }
    states = new Map(step.states.map((state) => [state.input, stateOf(result, state.output)] as const));
    for (const { node, count } of result.nonFinite) nonFinite.set(node, (nonFinite.get(node) ?? 0) + count);
  }
  return { outputs, nonFinite: [...nonFinite].map(([node, count]): NonFinite => ({ node, count })) };
}

function filled([rows = 1, ...rest]: readonly number[], calls: number, start: number): HostArray {
  const shape = [rows * calls, ...rest];
  return { shape, data: new Float32Array(sizeOf(shape)).fill(start) };
}

function stateOf({ outputs }: ExecutorResult, name: string): HostArray {
  return outputs.get(name) ?? fail("FILE", { where: "ONNX graph", expected: `an output "${name}"`, got: "none" });
}

/** What every call reads at step t. */
function frameOf(
  input: HostArray,
  { form, steps, batch, inputShape }: StepLayout,
  calls: number,
  t: number,
): HostArray {
  if (form === "image") return input;
  const size = batch * sizeOf(inputShape);
  const data = new Float32Array(calls * size);
  for (let call = 0; call < calls; call++) {
    const from = (call * steps + t) * size;
    data.set(input.data.subarray(from, from + size), call * size);
  }
  return { shape: [calls * batch, ...inputShape], data };
}

/** One step's rows, `[calls, N, ...]`, put into `[calls, T, N, ...]`. */
function placed(
  whole: HostArray | undefined,
  { shape, data }: HostArray,
  { steps, calls, t }: { steps: number; calls: number; t: number },
): HostArray {
  const all = whole ?? { shape: [shape[0]! * steps, ...shape.slice(1)], data: new Float32Array(data.length * steps) };
  const size = data.length / calls;
  for (let call = 0; call < calls; call++)
    all.data.set(data.subarray(call * size, (call + 1) * size), (call * steps + t) * size);
  return all;
}
