/** Results on standard output: text for people, or one JSON value for programs. */

/** Prints `value` as JSON when `json` is set, else the text. */
export function printResult(json: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
}

/** 0.98765 -> `98.77%` */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}
