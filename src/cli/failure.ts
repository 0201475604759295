/** Turns any error into one clear line and an exit code. Nothing else in the program prints errors. */
import { type ErrorCode, oneLine, SpikeshipError } from "../core/index.ts";
import { EXIT } from "./exit-codes.ts";

export interface Failure {
  line: string;
  code: number;
}

export function describeFailure(error: unknown): Failure {
  if (error instanceof SpikeshipError) {
    return { line: error.message, code: exitCodeOf(error.code) };
  }
  const system = error as NodeJS.ErrnoException;
  if (system?.code && system.path) {
    return { line: oneLine(`${system.path}: ${systemReason(system.code)}`), code: EXIT.wrongUse };
  }
  // a fault of ours: the stack is what a bug report needs
  return { line: `internal error: ${(error as Error)?.stack ?? String(error)}`, code: EXIT.wrongUse };
}

function exitCodeOf(code: ErrorCode): number {
  if (code === "CONTRACT") return EXIT.brokenContract;
  return code === "INTERRUPTED" ? EXIT.interrupted : EXIT.wrongUse;
}

function systemReason(code: string): string {
  const reasons: Record<string, string> = {
    ENOENT: "expected an existing file, got none. Check the path.",
    EACCES: "expected permission to read or write, got none. Check the permissions.",
    ENOSPC: "expected room on the disk, got a full disk. Free some space and run again.",
    EISDIR: "expected a file, got a directory.",
    ENOTDIR: "expected a directory on the way, got a file.",
    EROFS: "expected a writable disk, got a read-only one. Choose another directory with -o.",
  };
  return reasons[code] ?? `the system answered ${code}.`;
}
