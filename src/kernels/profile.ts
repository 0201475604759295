/**
 * Where the time goes: every call into the native core is timed, and what it computed and moved is counted from its arguments
 * (`work-counts.ts`). Time outside the core (JavaScript, files) is what is left. The table is for people; `rows` is for programs.
 */
import type { NativeCore } from "./native-core.ts";
import { COUNTERS, type Count } from "./work-counts.ts";

/** One kind of call, summed over all calls. */
export interface ProfiledOperation extends Required<Count> {
  name: string;
  calls: number;
  milliseconds: number;
}

/** Operations that take less of the whole are left out of the table. */
const LEAST_SHARE = 0.002;

/** Times the calls of one core from its making until `stop()`. */
export class Profile {
  readonly #operations = new Map<string, ProfiledOperation>();
  readonly #originals: NativeCore;
  readonly #start = performance.now();
  #total: number | null = null;

  constructor(private readonly native: NativeCore) {
    this.#originals = { ...native };
    for (const name of Object.keys(native) as (keyof NativeCore)[]) this.#timeCalls(name);
  }

  /** Ends the timing; the core is as it was before. */
  stop(): void {
    if (this.#total !== null) return;
    this.#total = performance.now() - this.#start;
    Object.assign(this.native, this.#originals);
  }

  /** The longest first. */
  get rows(): ProfiledOperation[] {
    return [...this.#operations.values()].sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** Lines of a table; calls and times are divided by `runs`. */
  table(runs = 1): string[] {
    const total = (this.#total ?? performance.now() - this.#start) / runs;
    const inside = this.rows.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / runs;
    const rest = total - inside;
    return [
      line(["operation", "calls", "ms", "share", "GFLOP/s", "GB/s"]),
      ...this.rows
        .filter(({ milliseconds }) => milliseconds / runs > total * LEAST_SHARE)
        .map((operation) => operationLine(operation, runs, total)),
      line(["outside the native core", "", rest.toFixed(3), percent(rest / total), "", ""]),
      line(["all", "", total.toFixed(3), "", "", ""]),
    ];
  }

  /** Replaces one function of the core by itself with a clock around it. */
  #timeCalls(name: keyof NativeCore): void {
    const original = this.native[name] as (...values: unknown[]) => unknown;
    const count = COUNTERS[name] as ((...values: unknown[]) => Count) | undefined;
    const timed = (...values: unknown[]) => {
      const { detail = "", flops = 0, bytes = 0 } = count?.(...values) ?? {};
      const operation = this.#operation(name, detail);
      operation.calls++;
      operation.flops += flops;
      operation.bytes += bytes;
      const start = performance.now();
      try {
        return original(...values);
      } finally {
        operation.milliseconds += performance.now() - start;
      }
    };
    Object.assign(this.native, { [name]: timed });
  }

  #operation(name: string, detail: string): ProfiledOperation {
    const key = `${name} ${detail}`;
    const known = this.#operations.get(key) ?? { name, detail, calls: 0, milliseconds: 0, flops: 0, bytes: 0 };
    this.#operations.set(key, known);
    return known;
  }
}

function operationLine(operation: ProfiledOperation, runs: number, total: number): string {
  const { name, detail, calls, flops, bytes } = operation;
  const milliseconds = operation.milliseconds / runs;
  const rate = (work: number) => (work > 0 ? (work / runs / milliseconds / 1e6).toFixed(1) : "");
  const count = Number.isInteger(calls / runs) ? `${calls / runs}` : (calls / runs).toFixed(1);
  const share = percent(milliseconds / total);
  return line([`${name} ${detail}`, count, milliseconds.toFixed(3), share, rate(flops), rate(bytes)]);
}

const percent = (share: number) => `${(100 * share).toFixed(1)}%`;

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 ? cell.padEnd(56) : cell.padStart(10)))
    .join("")
    .trimEnd();
}
