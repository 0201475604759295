/**
 * Runs a neuron's operators for a few calls of the graph after the other instead of for all at once, so that the values between them stay in the
 * cache: some twenty operators each read and write the whole layer otherwise. Results are the same, call by call.
 */
import { sizeOf } from "../../../core/index.ts";
import { core } from "../../../kernels/index.ts";
import type { OnnxModel, OnnxNode } from "../onnx/onnx-model.ts";
import { ELEMENTWISE } from "./emulator-order.ts";
import { bufferOf, disposeValue, Machine, type SharedBuffer, type Value } from "./emulator-values.ts";

/** Operators whose work is small beside the memory they touch. */
const CHUNKED = new Set(["Slice", "Concat", ...ELEMENTWISE]);

/** Floats of a segment's largest input that run at once (2 MB): values of one time-step are a part of that. */
const CHUNK_FLOATS = 2 ** 19;

/** Shorter runs of operators are not worth the two copies. */
const SHORTEST_SEGMENT = 6;

const FLOAT_BYTES = 4;

/** Nodes that follow each other; `outputs`: what other nodes or the caller read of them. */
export interface Segment {
  nodes: OnnxNode[];
  chunked: boolean;
  outputs: string[];
}

export function segmentsOf({ nodes, outputs }: OnnxModel): Segment[] {
  const segments: Segment[] = [];
  for (const node of nodes) {
    const chunked = CHUNKED.has(node.op);
    const last = segments.at(-1);
    if (last?.chunked === chunked) last.nodes.push(node);
    else segments.push({ nodes: [node], chunked, outputs: [] });
  }
  for (const segment of segments) {
    if (segment.chunked && segment.nodes.length < SHORTEST_SEGMENT) segment.chunked = false;
    if (segment.chunked) segment.outputs = readElsewhere(segment, nodes, outputs);
  }
  return segments;
}

function readElsewhere({ nodes: own }: Segment, nodes: readonly OnnxNode[], outputs: OnnxModel["outputs"]): string[] {
  const inside = new Set(own);
  const read = new Set(outputs.map(({ name }) => name));
  for (const node of nodes) if (!inside.has(node)) for (const input of node.inputs) read.add(input);
  return own.flatMap((node) => node.outputs.filter((output) => read.has(output)));
}

/** Runs some nodes with some values in place; what they make is in `values` afterwards, as far as `kept` names it. */
export type RunPart = (machine: Machine, values: Map<string, Value>, kept: readonly string[]) => void;

/** False: the segment is small enough to run at once. */
export function runInChunks(machine: Machine, segment: Segment, values: Map<string, Value>, run: RunPart): boolean {
  const names = [...new Set(segment.nodes.flatMap(({ inputs }) => inputs))].filter((name) => values.has(name));
  const given = names.map((name) => [name, values.get(name)!] as const);
  const largest = Math.max(1, ...given.map(([, value]) => (value.grouped && value.buffer ? sizeOf(value.shape) : 0)));
  const size = Math.max(1, Math.floor(CHUNK_FLOATS / largest));
  if (size >= machine.groups) return false;
  const whole = new Map<string, Value & { buffer: SharedBuffer }>();
  try {
    runParts(machine, segment, { given, size, whole }, run);
  } catch (error) {
    for (const value of whole.values()) disposeValue(value);
    throw error;
  }
  for (const [name, value] of whole) values.set(name, value);
  return true;
}

interface Parts {
  given: (readonly [string, Value])[];
  /** Calls at once. */
  size: number;
  /** Out: what the segment made, for all calls. */
  whole: Map<string, Value & { buffer: SharedBuffer }>;
}

function runParts(machine: Machine, segment: Segment, { given, size, whole }: Parts, run: RunPart): void {
  for (let first = 0; first < machine.groups; first += size) {
    const part = new Machine(Math.min(size, machine.groups - first), machine.rounding);
    const local = new Map(given.map(([name, value]) => [name, partOf(part, value, first)]));
    try {
      run(part, local, segment.outputs);
      for (const name of segment.outputs) gather(machine, whole, name, local.get(name)!, part, first);
    } finally {
      for (const value of local.values()) disposeValue(value);
    }
  }
}

/** The calls of a value from `first` on. Always a new reference. */
function partOf(part: Machine, value: Value, first: number): Value {
  if (!value.grouped || !value.buffer) return part.view(value, value.shape);
  const taken = part.make(value.shape, true);
  const bytes = sizeOf(value.shape) * FLOAT_BYTES;
  core().copy(bufferOf(value), first * bytes, taken.buffer.id, 0, part.groups * bytes);
  return { ...value, buffer: taken.buffer };
}

function gather(
  machine: Machine,
  whole: Map<string, Value & { buffer: SharedBuffer }>,
  name: string,
  value: Value,
  part: Machine,
  first: number,
): void {
  const target = whole.get(name) ?? { ...value, grouped: true, numbers: null, ...bufferFor(machine, value) };
  whole.set(name, target);
  const spread = part.spread(value);
  const bytes = sizeOf(value.shape) * FLOAT_BYTES;
  core().copy(bufferOf(spread), 0, target.buffer.id, first * bytes, part.groups * bytes);
  disposeValue(spread);
}

const bufferFor = (machine: Machine, { shape }: Value) => ({ buffer: machine.make(shape, true).buffer });
