/** The table that people read. */
import type { CaseResult, Machine } from "./result.ts";

const COLUMNS = ["case", "ms", "best ms", "images/s", "GFLOP/s", "of matmul", "GB/s", "of copy", "peak MB"] as const;
const NAME_WIDTH = 24;
const WIDTH = 10;

function line(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(NAME_WIDTH) : cell.padStart(WIDTH))).join("");
}

export const tableHead = (): string => line(COLUMNS);

export function machineLine({ cpu, threads, matmulGflops, copyGBs }: Machine): string {
  return `${cpu}, ${threads} threads: matrix product ${matmulGflops.toFixed(0)} GFLOP/s, copy ${copyGBs.toFixed(1)} GB/s`;
}

/** `best`: the fastest run; other programs can only make runs slower. `note`: why there is nothing, or more about the case. */
export function caseLine(result: CaseResult, best: number | null, note: string): string {
  if (result.milliseconds === null) return `${result.name.padEnd(NAME_WIDTH)}  not run: ${note}`;
  const number = (value: number | null, digits: number) => (value === null ? "-" : value.toFixed(digits));
  const percent = (value: number | null) => (value === null ? "-" : `${(100 * value).toFixed(0)}%`);
  const cells = [
    result.name,
    number(result.milliseconds, 2),
    number(best, 2),
    number(result.imagesPerSecond, 0),
    number(result.gflops, 1),
    percent(result.fractionOfMatmul),
    number(result.gbs, 1),
    percent(result.fractionOfCopy),
    number(result.peakMB, 0),
  ];
  return note === "" ? line(cells) : `${line(cells)}  ${note}`;
}

/** The line below a case: the same work on another program. `reason`: why there is none. */
export function peerLine({ peer }: CaseResult, reason: string): string {
  if (!peer) return `  peer not run: ${reason}`;
  const { program, milliseconds, processMB, ratio } = peer;
  return `  ${program}: ${milliseconds.toFixed(2)} ms, process ${processMB.toFixed(0)} MB: ${ratio.toFixed(1)} times ours`;
}
