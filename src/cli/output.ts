/** Results on standard output: text for people, or one JSON value for programs. */
import type { Artefact } from "../exporters/index.ts";

/** Prints `value` as JSON when `json` is set, else the text. */
export function printResult(json: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
}

/** 0.98765 -> `98.77%` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}

/** Findings and lossy steps, a line each. */
export function printFindings({ findings, lossy }: Pick<Artefact, "findings" | "lossy">): string[] {
  return [
    ...findings.map(
      ({ severity, rule, place, message, limit, rewrite, source }) =>
        `${severity}: ${rule} at ${place}: ${sentence(message)}${limit ? ` [${limit}]` : ""}${rewrite ? ` ${rewrite}` : ""} (${source})`,
    ),
    ...lossy.map((l) => `changed: ${l.place}: ${l.what} (${l.count} numbers, by at most ${l.largestChange})`),
  ];
}

/** Some findings come as sentences, others without their full stop. */
const sentence = (message: string): string => (/[.?!]$/.test(message) ? message : `${message}.`);
