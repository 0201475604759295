/** Finds and opens the native core. It does not build it: `scripts/setup.mjs` does. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ErrorCode, fail, SpikeshipError } from "../core/index.ts";
import { withMemoryFacts } from "./device-memory.ts";
import type { NativeCore } from "./native-core.ts";

interface Addon {
  /** `makeError` is called whenever C++ refuses something, and what it returns is thrown. */
  open(makeError: (code: ErrorCode, where: string, expected: string, got: string, hint: string) => Error): NativeCore;
}

/** The folder of our package.json: above `src/kernels` in the repository and above `dist/kernels` in the package. */
export function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const file = join(folder, "package.json");
    if (existsSync(file) && JSON.parse(readFileSync(file, "utf8")).name === "spikeship") return folder;
    const parent = dirname(folder);
    if (parent === folder) {
      fail("NATIVE", { where: "native core", expected: "package.json of spikeship above this file", got: "none" });
    }
    folder = parent;
  }
}

/** Where the core may lie, best first: a file the user names, the one built here, the one that came with the package. */
function candidates(root: string): string[] {
  const named = process.env.SPIKESHIP_CORE;
  if (named) return [named];
  return [
    join(root, "build", "spikeship.node"),
    join(root, "prebuilds", `${process.platform}-${process.arch}`, "spikeship.node"),
  ];
}

/** The way out of every failure here; it works in the repository and in an installed package. */
function setUp(): string {
  return `Run \`node ${join(packageRoot(), "scripts", "setup.mjs")}\``;
}

/**
 * GNU OpenMP reads its settings when it is loaded, that is with the core. Its idle threads spin for milliseconds before they
 * sleep: harmless on an idle machine, but beside other programs (or a second test process) it made kernels 3 to 4 times slower.
 * A spin of about a tenth of a millisecond bridges the gap between two kernels as well. Results do not depend on it.
 */
function calmIdleThreads(): void {
  if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= "10000";
}

function dlopen(file: string): Addon {
  const module: { exports: Partial<Addon> } = { exports: {} };
  calmIdleThreads();
  try {
    process.dlopen(module, file);
  } catch (cause) {
    fail("NATIVE", {
      where: `native core ${file}`,
      expected: "a module that this system can load",
      got: `"${cause instanceof Error ? cause.message : String(cause)}"`,
      hint: `${setUp()}: it installs the libraries that are missing and builds the core for this machine.`,
      cause,
    });
  }
  return module.exports as Addon;
}

/** The file that `openCore` opens. Throws a NATIVE error that says what was looked for when there is none. */
export function coreFile(): string {
  const files = candidates(packageRoot());
  const found = files.find((candidate) => existsSync(candidate));
  if (found) return found;
  fail("NATIVE", {
    where: "native core",
    expected: `one of the files ${files.join(", ")}`,
    got: `none for ${process.platform}-${process.arch} with Node ${process.version}`,
    hint: process.env.SPIKESHIP_CORE
      ? "The environment variable SPIKESHIP_CORE names a file that does not exist."
      : `${setUp()}: it installs what is missing and builds the core.`,
  });
}

/** Opens the core for this JavaScript thread. Throws a NATIVE error that says what to do when that fails. */
export function openCore(): NativeCore {
  return dlopen(coreFile()).open(
    (code, where, expected, got, hint) =>
      new SpikeshipError(code, withMemoryFacts({ where, expected, got, ...(hint === "" ? {} : { hint }) })),
  );
}
