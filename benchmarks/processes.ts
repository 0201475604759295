/** Starts `child.ts` for a job, in a process of its own, so that peaks of memory are separate. */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answer, Job } from "./child.ts";
import type { Machine } from "./result.ts";

const runner = fileURLToPath(new URL("../scripts/run-ts.mjs", import.meta.url));
const child = fileURLToPath(new URL("child.ts", import.meta.url));

export function inProcess(job: Job): Promise<Answer> {
  return new Promise((resolve) => {
    const started = fork(runner, [child, JSON.stringify(job)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    let result: Answer | null = null;
    started.on("message", (message) => {
      result = message as Answer;
    });
    started.on("exit", (code, signal) => {
      resolve(result ?? { reason: `its process ended with ${signal ?? `code ${code}`}` });
    });
  });
}

export async function measureLimits(job: Job): Promise<Machine> {
  const answer = await inProcess({ ...job, name: null });
  if (!("machine" in answer)) throw new Error("reason" in answer ? answer.reason : "the machine was not measured");
  return answer.machine;
}
