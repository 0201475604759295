/**
 * Writes the files that are generated from the neuron and surrogate definitions. `--check` writes nothing and exits
 * with 1 when one of them is stale. Usage: `node scripts/run-ts.mjs scripts/gen.ts [--check]`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { neuronHeader, neuronPage, programHeader } from "../src/model/neurons/index.ts";

const nativeFile = (name: string) => readFileSync(new URL(`../src/kernels/native/${name}`, import.meta.url), "utf8");

const GENERATED: Record<string, () => string> = {
  "src/kernels/native/generated/neurons.h": neuronHeader,
  "src/kernels/native/generated/neuron_program_text.h": () => programHeader(nativeFile),
  "docs/neurons.md": neuronPage,
};

function onDisk(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

const check = process.argv.includes("--check");
let stale = 0;
for (const [name, text] of Object.entries(GENERATED)) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  const expected = text();
  if (onDisk(path) === expected) continue;
  stale += 1;
  if (check)
    console.error(`${name}: expected what the definitions give, got older text. Run "npm run gen" and commit it.`);
  else {
    writeFileSync(path, expected);
    console.log(`wrote ${name}`);
  }
}
if (check && stale > 0) process.exitCode = 1;
