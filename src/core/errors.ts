/**
 * The one error class. A message always reads *Where: expected X, got Y. What to do.*
 * It does not print or exit: the command line turns an error into text and an exit code.
 */

/** Stable codes, so that programs can react without reading the sentence. */
export type ErrorCode =
  | "SHAPE" // a tensor does not fit the operation or layer
  | "OPTION" // a configuration field or argument is unknown or out of range
  | "FILE" // a file is missing, truncated or of another format
  | "WRITE" // a result cannot be written (permission, full disk)
  | "VALUE" // numbers that cannot be used (NaN, infinite, out of range)
  | "STATE" // an object is used at the wrong time (disposed, not reset)
  | "TARGET" // a chip cannot hold what was asked
  | "CONTRACT" // a proof failed: the file does not behave as the network
  | "NATIVE" // the native core cannot be loaded or failed
  | "INTERRUPTED"; // the user stopped the program

export interface ErrorFacts {
  /** Where it happened: layer name, file path and place inside, option path. */
  where: string;
  expected: string;
  got: string;
  /** The way out, one sentence. */
  hint?: string;
  cause?: unknown;
}

export class SpikeshipError extends Error {
  override readonly name = "SpikeshipError";

  constructor(
    readonly code: ErrorCode,
    readonly facts: ErrorFacts,
  ) {
    const hint = facts.hint ? ` ${facts.hint}` : "";
    super(
      oneLine(`${facts.where}: expected ${facts.expected}, got ${facts.got}.${hint}`),
      facts.cause === undefined ? undefined : { cause: facts.cause },
    );
  }
}

/**
 * Text of any origin on one line: names and values come from files, and must neither break a message nor steer a terminal. Line breaks
 * and tabs become spaces, every other control or direction-changing character U+FFFD.
 */
export function oneLine(text: string): string {
  return text.replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ").replace(/\p{Cc}|\p{Bidi_Control}/gu, "\ufffd");
}

/** Throws the error of these facts. Returns `never`, so that it can stand in an expression. */
export function fail(code: ErrorCode, facts: ErrorFacts): never {
  throw new SpikeshipError(code, facts);
}

/** Ends an exhaustive `switch`: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Error(`unreachable case: ${JSON.stringify(value)}`);
}
