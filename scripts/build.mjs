/**
 * Compiles TypeScript into dist/ when a source changed. `--prebuild` also copies the native core to where the packed package
 * looks for it. Plain Node; the compiler is the project's own.
 */
import { chmodSync, copyFileSync, existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { alone, filesBelow, hashOf, must, root, say, setup, storedHash } from "./setup.mjs";

const dist = join(root, "dist");
const hashFile = join(root, "build", "typescript.hash");

function sources() {
  const typescript = filesBelow(join(root, "src")).filter((file) => file.endsWith(".ts"));
  return [join(root, "package.json"), join(root, "tsconfig.json"), join(root, "tsconfig.build.json"), ...typescript];
}

function compile() {
  const hash = hashOf(sources());
  if (existsSync(dist) && storedHash(hashFile) === hash) return;
  say("compiling TypeScript");
  // Compiled beside and renamed, so that files of deleted sources vanish and a failed build leaves the last good one.
  const fresh = join(root, "build", "dist.new");
  rmSync(fresh, { recursive: true, force: true });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  must("compiling TypeScript", process.execPath, [compiler, "-p", "tsconfig.build.json", "--outDir", fresh]);
  const command = join(fresh, "cli", "main.js");
  if (existsSync(command)) chmodSync(command, 0o755);
  rmSync(dist, { recursive: true, force: true });
  renameSync(fresh, dist);
  writeFileSync(hashFile, hash);
}

function prebuild() {
  const folder = join(root, "prebuilds", `${process.platform}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(join(root, "build", "spikeship.node"), join(folder, "spikeship.node"));
}

const withCore = process.argv.includes("--prebuild");
if (withCore) setup();
alone(compile);
if (withCore) prebuild();
