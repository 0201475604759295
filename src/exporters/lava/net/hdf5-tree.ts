/**
 * Reads what stands in an HDF5 file, in a thread of its own that is given up when it does not end: a damaged file can send libhdf5 into an
 * endless loop, or spoil its memory for the files read after it (both seen with h5wasm 0.10.3).
 */
import { Worker } from "node:worker_threads";
import { fail, readFileChecked } from "../../../core/index.ts";
import { type RawObject, type TreeAnswer, type TreeRequest, WORKER_SOURCE } from "./hdf5-worker.ts";

const LARGEST_FILE = 2 ** 29;
const MOST_ELEMENTS = 2 ** 26;
const MOST_OBJECTS = 200_000;
const DEEPEST_GROUP = 5;
/** Deflate shrinks at most 1032 times; a dataset beyond that is damage or a trap. */
const LARGEST_EXPANSION = 1040;
const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
/** The package exports only a copy of the library that all share; what makes copies lies beside its entry. */
const FACTORY_FILE = "./hdf5_util.js";

/** Processor time that reading may take: reading 1 MB takes some hundredths of a second, starting the library about 0.1 s. */
const BASE_SECONDS = 5;
const SECONDS_PER_BYTE = 1e-7;
const TICK_SECONDS = 0.05;

/** Everything in a file by its place; the root is "". */
export type Hdf5Tree = ReadonlyMap<string, RawObject>;

/** @throws FILE when the file is missing, too large, no HDF5 file, or so damaged that nothing can be read. */
export async function readTree(path: string): Promise<Hdf5Tree> {
  const bytes = readFileChecked(path, { maxBytes: LARGEST_FILE });
  if (SIGNATURE.some((byte, i) => bytes[i] !== byte)) {
    const hint = "Is it a Lava DL .net file?";
    const got = bytes.length === 0 ? "an empty file" : "other bytes at the start";
    fail("FILE", { where: path, expected: "an HDF5 file", got, hint });
  }
  const answer = await ask(path, {
    factory: new URL(FACTORY_FILE, import.meta.resolve("h5wasm")).href,
    bytes,
    deepest: DEEPEST_GROUP,
    mostObjects: MOST_OBJECTS,
    mostElements: MOST_ELEMENTS,
    mostBytes: LARGEST_EXPANSION * bytes.length,
  });
  return "objects" in answer ? answer.objects : failDamaged(path, answer.error);
}

/** Runs the thread to its answer or to the end of its time. */
async function ask(path: string, request: TreeRequest): Promise<TreeAnswer> {
  const worker = new Worker(WORKER_SOURCE, { eval: true, workerData: request });
  let watch: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      watch = onTimeSpent(BASE_SECONDS + SECONDS_PER_BYTE * request.bytes.length, () =>
        resolve({ error: "an endless loop" }),
      );
    });
  } catch (error) {
    return failDamaged(path, error instanceof Error ? error.message : String(error));
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

/**
 * Calls back when this process has computed for so many seconds. Time on the clock would punish a busy machine; a tick counts at most
 * twice its length, so that other work of this process does not count as the thread's.
 */
function onTimeSpent(seconds: number, callback: () => void): NodeJS.Timeout {
  let spent = 0;
  let last = process.cpuUsage();
  return setInterval(() => {
    const { user, system } = process.cpuUsage(last);
    last = process.cpuUsage();
    spent += Math.min((user + system) / 1e6, 2 * TICK_SECONDS);
    if (spent > seconds) callback();
  }, TICK_SECONDS * 1000);
}

/** libhdf5 reports a stack of errors; the innermost names the cause. */
export function failDamaged(where: string, message: string): never {
  const innermost = [...message.matchAll(/in \w+\(\): (.*)/g)].at(-1)?.[1];
  fail("FILE", {
    where,
    expected: "an intact HDF5 file",
    got: innermost ?? message.split("\n", 1)[0]!,
    hint: "The file is truncated or damaged.",
  });
}
