/**
 * The same case on another program, in the same run: `peers/run_spikingjelly.py` with a Python that has PyTorch and SpikingJelly. Where it cannot
 * run, the reason is shown and the ratio is left out.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const SCRIPT = fileURLToPath(new URL("peers/run_spikingjelly.py", import.meta.url));

const answerSchema = z.object({
  program: z.string(),
  torch: z.string(),
  threads: z.number(),
  cases: z.record(z.string(), z.array(z.number()).min(1)),
  processMB: z.number(),
});

export interface PeerMeasurement {
  /** Sorted times in milliseconds. */
  milliseconds: number[];
  /** Largest resident memory of its process, 10^6 bytes. */
  processMB: number;
  /** Program and version. */
  program: string;
}

/** One case on the peer; a sentence where it cannot be measured. */
export async function measurePeer(
  python: string,
  name: string,
  { threads, seconds }: { threads: number; seconds: number },
): Promise<PeerMeasurement | string> {
  const words = [SCRIPT, "--threads", `${threads}`, "--seconds", `${seconds}`, "--only", name];
  const { output, errors } = await run(python, words);
  const line = output.trim().split("\n").at(-1) ?? "";
  const parsed = answerSchema.safeParse(fromJson(line));
  if (!parsed.success) return errors.trim().split("\n").at(-1) || "the peer printed nothing";
  const milliseconds = parsed.data.cases[name];
  if (!milliseconds) return "the peer has no such case";
  return {
    milliseconds,
    processMB: parsed.data.processMB,
    program: `${parsed.data.program}, PyTorch ${parsed.data.torch}`,
  };
}

function fromJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function run(command: string, words: string[]): Promise<{ output: string; errors: string }> {
  return new Promise((resolve) => {
    const started = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"] });
    let [output, errors] = ["", ""];
    started.stdout.on("data", (text) => (output += text));
    started.stderr.on("data", (text) => (errors += text));
    started.on("error", (error) => resolve({ output: "", errors: error.message }));
    started.on("close", () => resolve({ output, errors }));
  });
}
