// Runs a TypeScript file of this project in plain Node 20: `node scripts/run-ts.mjs FILE [ARGUMENTS...]`. Types are
// stripped by esbuild (which vite brings) as files are loaded; nothing is bundled or written. It does not check types.
import { readFile } from "node:fs/promises";
import { createRequire, register } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMainThread } from "node:worker_threads";

let transform;

/** Node's loader hook: the text of a `.ts` module as JavaScript. Node calls it on its own thread. */
export async function load(url, context, next) {
  if (!url.startsWith("file:") || !/\.m?ts$/.test(new URL(url).pathname)) return next(url, context);
  if (!transform) {
    const besideVite = createRequire(createRequire(import.meta.url).resolve("vite"));
    ({ transform } = besideVite("esbuild"));
  }
  const path = fileURLToPath(url);
  const options = { loader: "ts", format: "esm", target: "node20", sourcemap: "inline", sourcefile: path };
  const { code } = await transform(await readFile(path, "utf8"), options);
  return { format: "module", source: code, shortCircuit: true };
}

if (isMainThread) {
  const file = process.argv[2];
  if (!file) {
    console.error(
      "run-ts.mjs: expected a TypeScript file, got nothing. Usage: node scripts/run-ts.mjs FILE [ARGUMENTS...]",
    );
    process.exit(2);
  }
  process.setSourceMapsEnabled(true);
  process.argv.splice(1, 2, resolve(file));
  register(import.meta.url);
  await import(pathToFileURL(resolve(file)).href);
}
