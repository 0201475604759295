/** The ways of executing a graph behind one interface: ONNX Runtime, or the emulator, which takes many calls at once. */
import { sizeOf } from "../../../core/index.ts";
import { openEmulator } from "../emulation/emulator.ts";
import { float32Of, twinOf } from "../emulation/twin.ts";
import type { GraphLayout } from "../lowering/layout.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";
import { inferValues } from "../shapes/infer.ts";
import { type GraphCall, isStepLayout, runSteps } from "../step/run-steps.ts";
import type { ExecutorResult } from "./executor-result.ts";
import { type HostArray, openSession } from "./session.ts";

/** `float32` and `twin` run in ONNX Runtime; `emulator` and `emulator32` (no rounding) in ours. */
export type ExecutionMode = "float32" | "twin" | "emulator" | "emulator32";

/** One way of executing a loaded graph. */
export interface Executor {
  callsPerRun(model: OnnxModel, layout: GraphLayout): number;
  run(layout: GraphLayout, input: HostArray, calls: number): Promise<ExecutorResult>;
  close(): Promise<void>;
}

/** Floats that one value of the emulator may hold (32 MB): enough calls at once that the weights of a linear layer are not read for each sample. */
const EMULATOR_VALUE_FLOATS = 2 ** 23;

/** @throws FILE when ONNX Runtime refuses the graph. */
export async function openExecutor(model: OnnxModel, mode: ExecutionMode, where: string): Promise<Executor> {
  if (mode === "emulator" || mode === "emulator32") {
    const emulator = openEmulator(model, { arithmetic: mode === "emulator" ? "float16" : "float32" });
    return {
      callsPerRun: (graph, layout) => Math.max(1, Math.floor(EMULATOR_VALUE_FLOATS / largestValue(graph, layout))),
      run: (layout, input, calls) => overTime(async (inputs) => emulator.run(inputs, calls), layout, input, calls),
      close: async () => emulator.close(),
    };
  }
  const session = await openSession(mode === "twin" ? twinOf(model) : float32Of(model), where);
  return {
    callsPerRun: () => 1,
    run: (layout, input, calls) =>
      overTime(async (inputs) => ({ outputs: await session.run(inputs), nonFinite: [] }), layout, input, calls),
    close: () => session.release(),
  };
}

/** All T steps of an input: one call of a whole-sequence graph, T calls of a graph of one step. */
function overTime(call: GraphCall, layout: GraphLayout, input: HostArray, calls: number): Promise<ExecutorResult> {
  return isStepLayout(layout) ? runSteps(call, layout, input, calls) : call(new Map([[layout.input, input]]));
}

/** Floats in the largest value that one call computes; stored numbers do not grow with the calls. */
function largestValue(model: OnnxModel, layout: GraphLayout): number {
  const { facts } = inferValues(model);
  const shapes = model.nodes.flatMap(({ outputs }) => outputs.map((name) => sizeOf(facts.get(name)?.shape ?? [])));
  return Math.max(sizeOf(layout.inputShape) * layout.batch, ...shapes);
}
