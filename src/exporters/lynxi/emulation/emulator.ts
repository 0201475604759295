/**
 * Runs an ONNX graph as a Lynxi chip is expected to: every result rounded to float16 (nearest even), sums inside an operator wide. The
 * model is Spikeship's own reading of the chip's arithmetic, measured against no chip: its public documents name float16 as the
 * precision and say nothing of accumulators. With rounding off it is a float32 executor of the same graph.
 */
import { fail, SpikeshipError, sizeOf } from "../../../core/index.ts";
import { core } from "../../../kernels/index.ts";
import type { HostArray } from "../artefact/session.ts";
import {
  isFloatType,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  storedTensors,
  tensorNumbers,
} from "../onnx/onnx-model.ts";
import { roundsResult } from "../onnx/operators.ts";
import { type RunPart, runInChunks, segmentsOf } from "./emulator-chunks.ts";
import type { SeenResult } from "./emulator-numbers.ts";
import { EMULATED } from "./emulator-operators.ts";
import { orderedInputs, plain, withOrder } from "./emulator-order.ts";
import { disposeValue, Machine, type SharedBuffer, type Value } from "./emulator-values.ts";

export interface EmulatorOptions {
  /** Default float16. */
  arithmetic?: "float16" | "float32";
  /** Called with every result, in order of execution. What it is lent is read from native memory when asked for. */
  see?: (seen: SeenResult) => void;
}

/** Numbers that a chip cannot compute with: once infinite or NaN, a neuron no longer follows its equation. */
export interface NonFinite {
  /** The node whose result held them first. */
  node: string;
  count: number;
}

export interface EmulatorResult {
  outputs: Map<string, HostArray>;
  nonFinite: NonFinite[];
}

/** A graph whose stored numbers are in native memory, ready to run. `close` frees them. */
export interface Emulator {
  /**
   * Runs `groups` independent calls of the graph at once. Inputs and outputs carry the calls as their leading part: an input of the
   * graph's shape [a, b] comes as [groups * a, b], call after call.
   */
  run(inputs: ReadonlyMap<string, HostArray>, groups: number): EmulatorResult;
  close(): void;
}

/** @throws TARGET for operators outside what the lowering writes. */
export function openEmulator(model: OnnxModel, { arithmetic = "float16", see }: EmulatorOptions = {}): Emulator {
  expectKnown(model);
  const loader = new Machine(1, arithmetic);
  const constants = new Map(storedTensors(model).map((tensor) => [tensor.name, constantValue(loader, tensor)]));
  const watched = lastLooks(model);
  return {
    run(inputs, groups) {
      const machine = new Machine(groups, arithmetic);
      const result = runModel(model, machine, constants, inputs, { watched, ...(see ? { see } : {}) });
      // a second run looks at every result, to name the first operator at fault
      return result.nonFinite.length > 0 ? runModel(model, machine, constants, inputs, { watched: null }) : result;
    },
    close() {
      for (const value of constants.values()) disposeValue(value);
      constants.clear();
    },
  };
}

/** One run of a model: opens, runs and closes an emulator. */
export function emulate(
  model: OnnxModel,
  inputs: ReadonlyMap<string, HostArray>,
  groups: number,
  options: EmulatorOptions = {},
): EmulatorResult {
  const emulator = openEmulator(model, options);
  try {
    return emulator.run(inputs, groups);
  } finally {
    emulator.close();
  }
}

interface Looking {
  /** Values whose numbers are checked to be finite; null: all results of arithmetic. */
  watched: ReadonlySet<string> | null;
  see?: (seen: SeenResult) => void;
}

function runModel(
  model: OnnxModel,
  machine: Machine,
  constants: ReadonlyMap<string, Value>,
  inputs: ReadonlyMap<string, HostArray>,
  looking: Looking,
): EmulatorResult {
  const values = new Map<string, Value>();
  try {
    for (const [name, value] of constants) values.set(name, machine.view(value, value.shape));
    for (const input of model.inputs) values.set(input.name, inputValue(machine, input, inputs.get(input.name)));
    const nonFinite = runNodes(model, machine, values, looking);
    const outputs = new Map(model.outputs.map(({ name }) => [name, outputArray(machine, values.get(name)!)]));
    return { outputs, nonFinite };
  } finally {
    for (const value of values.values()) disposeValue(value);
  }
}

/** Operators that can hide an infinite input: all others pass it on as infinite or NaN. */
const HIDES_NON_FINITE = new Set(["GreaterOrEqual", "Greater", "LessOrEqual", "Less", "Div", "MaxPool", "Cast"]);

/** Values behind which a number that is not finite could no longer be seen. */
function lastLooks(model: OnnxModel): Set<string> {
  const hidden = model.nodes.filter(({ op }) => HIDES_NON_FINITE.has(op)).flatMap(({ inputs }) => inputs);
  return new Set([...hidden, ...model.outputs.map(({ name }) => name)]);
}

/** Refuses the first operator that the emulator does not compute. */
function expectKnown({ opset, nodes }: OnnxModel): void {
  const hint = "Run the graph in float32 or as a twin instead.";
  if (opset < 11 || opset > 13) {
    fail("TARGET", { where: "emulator", expected: "operator set 11 to 13", got: `${opset}`, hint });
  }
  const foreign = nodes.find(({ op, domain }) => domain !== "" || (op !== "Constant" && !EMULATED[op]));
  if (!foreign) return;
  fail("TARGET", {
    where: `emulator: node "${foreign.name}"`,
    expected: `one of ${Object.keys(EMULATED).join(", ")}`,
    got: foreign.domain === "" ? foreign.op : `${foreign.domain}::${foreign.op}`,
    hint,
  });
}

function useCounts(model: OnnxModel): Map<string, number> {
  return usesOf([...model.nodes.flatMap(({ inputs }) => inputs), ...model.outputs.map(({ name }) => name)]);
}

function usesOf(names: readonly string[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const name of names) uses.set(name, (uses.get(name) ?? 0) + 1);
  return uses;
}

function constantValue(machine: Machine, tensor: OnnxTensor): Value {
  if (tensor.data instanceof Float32Array) return machine.constant(tensor.data, tensor.shape);
  const numbers = tensorNumbers(tensor);
  if (isFloatType(tensor.type)) return machine.constant(Float32Array.from(numbers), tensor.shape);
  return { shape: tensor.shape, grouped: false, buffer: null, numbers };
}

function inputValue(machine: Machine, input: OnnxModel["inputs"][number], given: HostArray | undefined): Value {
  const shape = input.shape?.filter((size) => typeof size === "number") ?? [];
  const where = `emulator: input "${input.name}"`;
  if (shape.length !== input.shape?.length) fail("TARGET", { where, expected: "a static shape", got: "unknown sizes" });
  const count = sizeOf(shape) * machine.groups;
  if (given?.data.length !== count) {
    fail("SHAPE", { where, expected: `${machine.groups} x ${shape} numbers`, got: `${given?.data.length ?? "none"}` });
  }
  const value = machine.fromHost(given.data, shape, true);
  machine.round(value);
  return value;
}

function runNodes(model: OnnxModel, machine: Machine, values: Map<string, Value>, looking: Looking): NonFinite[] {
  const uses = useCounts(model);
  const found = new Map<string, number>();
  for (const segment of segmentsOf(model)) {
    const part: RunPart = (some, local, kept) => {
      const within = usesOf(segment.nodes.flatMap(({ inputs }) => inputs).concat(kept));
      runList(some, segment.nodes, local, within, looking, found);
    };
    if (segment.chunked && runInChunks(machine, segment, values, part)) {
      for (const name of segment.nodes.flatMap(({ inputs }) => inputs)) release(name, values, uses);
    } else runList(machine, segment.nodes, values, uses, looking, found);
  }
  return [...found].map(([node, count]) => ({ node, count }));
}

/** `found`: out, numbers that are not finite by node. */
function runList(
  machine: Machine,
  nodes: readonly OnnxNode[],
  values: Map<string, Value>,
  uses: Map<string, number>,
  { watched, see }: Looking,
  found: Map<string, number>,
): void {
  for (const node of nodes) {
    if (node.op === "Constant") continue;
    const result = runNode(machine, node, values, see);
    const name = node.outputs[0]!;
    values.set(name, result);
    if (result.buffer && !result.binary && (watched?.has(name) ?? roundsResult(node.op))) {
      const count = core().countNonFinite(result.buffer.id, machine.count(result));
      if (count > 0) found.set(node.name, (found.get(node.name) ?? 0) + count);
    }
    for (const input of node.inputs) release(input, values, uses);
  }
}

function runNode(machine: Machine, node: OnnxNode, values: ReadonlyMap<string, Value>, see: Looking["see"]): Value {
  const ordered = orderedInputs(
    machine,
    node,
    node.inputs.map((name) => values.get(name)!),
  );
  const { inputs, order } = ordered;
  try {
    const result = EMULATED[node.op]!(machine, node, inputs);
    if (roundsResult(node.op) && !isExact(node, result, inputs))
      machine.round(result as Value & { buffer: SharedBuffer });
    see?.({
      node,
      rows: result.shape[0] ?? 1,
      calls: result.grouped ? machine.groups : 1,
      result: () => machine.toHost(result),
      input: (index) => machine.toHost(inputs[index]!),
    });
    return withOrder(machine, result, order);
  } catch (cause) {
    if (cause instanceof SpikeshipError) throw cause;
    throw new SpikeshipError("TARGET", {
      where: `emulator: ${node.op} "${node.name}"`,
      expected: "inputs that fit",
      got: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  } finally {
    for (const input of inputs) if (input) disposeValue(input);
  }
}

/** 0, 1, and a float16 number times 0 or 1 are float16 numbers already. */
function isExact(node: OnnxNode, result: Value, inputs: readonly Value[]): boolean {
  return result.binary === true || (node.op === "Mul" && inputs.some((input) => input?.binary === true));
}

function release(name: string, values: Map<string, Value>, uses: Map<string, number>): void {
  const left = (uses.get(name) ?? 0) - 1;
  uses.set(name, left);
  const value = values.get(name);
  if (left > 0 || !value) return;
  disposeValue(value);
  values.delete(name);
}

function outputArray(machine: Machine, value: Value): HostArray {
  const [rows = 1, ...rest] = value.shape;
  const inOrder = plain(machine, value);
  const all = machine.spread(inOrder);
  const data = machine.toHost(all);
  disposeValue(inOrder);
  disposeValue(all);
  return { shape: [rows * machine.groups, ...rest], data };
}
