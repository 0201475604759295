/** What `npm run bench -- --json FILE` writes, declared once. Figures that do not apply to a case are null. */
import { z } from "zod";

const figure = z.number().nonnegative();

export const machineSchema = z.strictObject({
  matmulGflops: z.number().positive().describe("best rate of a large square matrix product, 10^9 operations a second"),
  copyGBs: z
    .number()
    .positive()
    .describe("best rate of a copy beyond the caches, read and written bytes, 10^9 bytes a second"),
  cpu: z.string().describe("name of the processor"),
  threads: z.int().positive().describe("threads of the native core"),
  isa: z.string().describe("instruction set that the kernels run with"),
});
export type Machine = z.infer<typeof machineSchema>;

export const caseResultSchema = z.strictObject({
  name: z.string(),
  milliseconds: figure.nullable().describe("median time of one step, batch or run; null: the case could not run"),
  imagesPerSecond: figure.nullable(),
  gflops: figure.nullable().describe("nominal floating-point operations (work.ts) by time"),
  fractionOfMatmul: figure.nullable().describe("gflops / machine.matmulGflops"),
  gbs: figure.nullable().describe("bytes that must move (work.ts) by time"),
  fractionOfCopy: figure.nullable().describe("gbs / machine.copyGBs"),
  peakMB: figure.nullable().describe("growth of the process's resident memory to its peak, 10^6 bytes"),
  processMB: figure.nullable().describe("largest resident memory of the whole process, 10^6 bytes"),
  peer: z
    .strictObject({
      program: z.string(),
      milliseconds: figure.describe("median time of the same work"),
      processMB: figure,
      ratio: figure.describe("its median time by ours"),
    })
    .nullable()
    .describe("the same case on another program in the same run; null: not asked for, or not possible"),
});
export type CaseResult = z.infer<typeof caseResultSchema>;

export const benchmarkResultSchema = z.strictObject({ machine: machineSchema, cases: z.array(caseResultSchema) });
export type BenchmarkResult = z.infer<typeof benchmarkResultSchema>;
