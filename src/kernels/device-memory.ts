/**
 * What a device without memory left is told about: which tensor of which layer asked. The core knows bytes only; tensors tell the shapes
 * they were made with, layers that they run.
 */
import {
  DTYPES,
  type DType,
  type ErrorFacts,
  formatBytes,
  formatShape,
  type Shape,
  SpikeshipError,
  sizeOf,
} from "../core/index.ts";

/** A layer. */
export interface Place {
  readonly label: string;
}

let current: Place | null = null;
/** The operation whose backward pass is under way. */
let backwardOf: string | null = null;

/** Runs `body` as the work of a place, or as the backward pass of an operation there. */
export function inPlace<R>(place: Place | null, body: () => R, operation: string | null = null): R {
  const [placeBefore, operationBefore] = [current, backwardOf];
  current = place;
  backwardOf = operation;
  try {
    return body();
  } finally {
    current = placeBefore;
    backwardOf = operationBefore;
  }
}

/** Whose work is under way, in words. */
function placeNow(): string | null {
  if (backwardOf === null) return current?.label ?? null;
  return `backward pass of ${backwardOf}${current ? ` in ${current.label}` : ""}`;
}

/** Whose work is under way. */
export function currentPlace(): Place | null {
  return current;
}

/** More than one call makes at once. */
const REMEMBERED = 16;
const shapes = new Array<Shape | undefined>(REMEMBERED);
const dtypes = new Array<DType>(REMEMBERED);
let next = 0;

/** Remembers what a tensor was made for: its memory is taken later, by the first call that is given it. */
export function noteRoom(shape: Shape, dtype: DType): void {
  shapes[next] = shape;
  dtypes[next] = dtype;
  next = (next + 1) % REMEMBERED;
}

/** The latest tensor of so many bytes, in words. */
function tensorOf(bytes: number): string | null {
  for (let back = 1; back <= REMEMBERED; back++) {
    const at = (next - back + REMEMBERED) % REMEMBERED;
    const [shape, dtype] = [shapes[at], dtypes[at]!];
    if (shape && sizeOf(shape) * DTYPES[dtype].bytes === bytes) return `tensor ${formatShape(shape)} ${dtype}`;
  }
  return null;
}

/** What an error about device memory expects, behind the size. */
const WANTED = "of device memory beside";

/** True for the error of a device that has no memory left. */
export function lacksDeviceMemory(error: unknown): boolean {
  return error instanceof SpikeshipError && error.code === "NATIVE" && error.facts.expected.includes(WANTED);
}

/** The facts of an error of the core; of one about device memory (device_cache.cc) those that a user can act on. */
export function withMemoryFacts(facts: ErrorFacts): ErrorFacts {
  const asked = /^(\d+) more bytes beside (\d+) in use$/.exec(facts.expected);
  const left = /^(\d+) free of (\d+)$/.exec(facts.got);
  if (facts.where !== "device memory" || !asked || !left) return facts;
  const bytes = (text: string | undefined) => formatBytes(Number(text));
  const what = tensorOf(Number(asked[1])) ?? "intermediate values";
  const place = placeNow();
  return {
    ...facts,
    where: place === null ? what : `${place}, ${what}`,
    expected: `${bytes(asked[1])} ${WANTED} ${bytes(asked[2])} in use`,
    got: `${bytes(left[1])} free of ${bytes(left[2])}`,
  };
}
