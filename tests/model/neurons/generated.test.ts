/** Generated files are those that the definitions give. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { neuronHeader, neuronPage } from "../../../src/model/neurons/index.ts";
import { PROJECT_ROOT } from "../../fixture.ts";

test("the committed kernels and the documentation page are not stale", () => {
  const { status, stderr } = spawnSync(process.execPath, ["scripts/run-ts.mjs", "scripts/gen.ts", "--check"], {
    cwd: PROJECT_ROOT,
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect(readFileSync(join(PROJECT_ROOT, "src/kernels/native/generated/neurons.h"), "utf8")).toBe(neuronHeader());
});

test("the header prints every neuron as straight-line code, each distinct body once", () => {
  const header = neuronHeader();
  expect(header).toContain("struct Forward_IFNode_hard0_full {");
  expect(header).toContain("const float t1 = state[0] + x;");
  expect(header).not.toContain("struct Forward_IFNode_hard0_detached {");
  expect(header).toContain('ROW("IFNode.hard0.detached", Forward_IFNode_hard0_full, Backward_IFNode_hard0_detached)');
  expect(header).toContain('ROW("CubaLIFNode.chip", Forward_CubaLIFNode_chip, NoBackward)');
});

test("every gradient that a variant sums has a place among its parameters", () => {
  const found = [...neuronHeader().matchAll(/learned = (\d+), learned_index\[\] = \{([^}]*)\}/g)];
  const places = found.map(([, count, list]) => list!.split(", ").map(Number).slice(0, Number(count)));
  expect(places.flat().length).toBeGreaterThan(0);
  expect(places.flat().filter((place) => place < 0)).toEqual([]);
});

test("the page prints equations from the definitions and options from their schemas", () => {
  const page = neuronPage();
  expect(page).toContain("charged = v * keep + x * rate + pull");
  expect(page).toContain("spike = 1 if charged > thresholdGrid else 0");
  expect(page).toContain("| `tau` | membrane time constant | steps | number from 1 | `2` |");
});

test("a script with an unknown file ends with a message and a status of its own", () => {
  const { status, stderr } = spawnSync(process.execPath, [join(PROJECT_ROOT, "scripts/run-ts.mjs")], {
    encoding: "utf8",
  });
  expect(status).toBe(2);
  expect(stderr).toContain("Usage");
});
