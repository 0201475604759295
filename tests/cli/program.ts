/** Runs the command line as a user does: compiled, in a process of its own. Also a config small enough to train in a second. */
import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "dist", "cli", "main.js");

// compiles what changed, and waits for another test file that does
execFileSync(process.execPath, [join(root, "scripts", "build.mjs")], { stdio: ["ignore", "ignore", "inherit"] });

export interface Outcome {
  code: number | null;
  out: string;
  err: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Sent once, as soon as the program has written this to standard error. */
  interruptAt?: string;
}

/** `spikeship ARGUMENTS...` */
export function spikeship(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return runNode([program, ...args], options);
}

/** `node ARGUMENTS...` */
export function runNode(args: readonly string[], { cwd, env, interruptAt }: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: cwd ?? root, env: { ...process.env, ...env } });
    const outcome: Outcome = { code: null, out: "", err: "" };
    let interrupted = false;
    child.stdout.on("data", (data: Buffer) => {
      outcome.out += data.toString();
    });
    child.stderr.on("data", (data: Buffer) => {
      outcome.err += data.toString();
      if (interruptAt !== undefined && !interrupted && outcome.err.includes(interruptAt)) {
        interrupted = true;
        child.kill("SIGINT");
      }
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ ...outcome, code }));
  });
}

/** Runs a command that must succeed and gives what it printed as JSON. */
export async function spikeshipJson(args: readonly string[], options: RunOptions = {}): Promise<unknown> {
  const { code, out, err } = await spikeship([...args, "--json"], options);
  if (code !== 0) throw new Error(`spikeship ${args.join(" ")} ended with ${code}: ${err}`);
  return JSON.parse(out);
}

const fewSteps = { batchSize: 128, optimizer: { kind: "adam", learningRate: 0.004 } };

/** Digits on a network of 396 weights: everything that the large ones go through, in a second. */
export function tinyConfig() {
  return {
    name: "tiny",
    seed: 3,
    dataset: { kind: "digits" } as Record<string, unknown>,
    network: {
      inputShape: [1, 8, 8],
      steps: 4,
      encoder: { kind: "PoissonEncoder" },
      root: {
        kind: "Sequential",
        layers: [
          { kind: "Conv2d", inChannels: 1, outChannels: 4, kernelSize: 3, stride: 2, bias: false },
          { kind: "IFNode", surrogate: { kind: "ATan" } },
          { kind: "Flatten" },
          { kind: "Linear", inFeatures: 36, outFeatures: 10, bias: false },
          { kind: "IFNode", surrogate: { kind: "ATan" } },
        ] as Record<string, unknown>[],
      },
    },
    training: { epochs: 2, ...fewSteps } as Record<string, unknown>,
    targets: {
      loihi: { training: { epochs: 1, ...fewSteps } },
      lynxi: { training: { epochs: 1, ...fewSteps } },
    } as Record<string, unknown>,
  };
}

/** A hash for every file below a folder, by its path there. */
export function hashesBelow(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  return Object.fromEntries(
    paths.map((path) => [path.slice(folder.length + 1), createHash("sha256").update(readFileSync(path)).digest("hex")]),
  );
}
