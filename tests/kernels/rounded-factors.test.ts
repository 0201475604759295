/** Convolutions with 16-bit factors over small whole numbers, which lose nothing by it: every sum is exact, so nothing may differ from loops. */
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { type ConvSpec, core } from "../../src/kernels/index.ts";
import { from, result } from "./buffers.ts";
import { convLoops, convSpecs, points } from "./geometry.ts";

const RUNS = Number(process.env.SPIKESHIP_RUNS ?? 150);

const specs = convSpecs({ maxStride: 3, halfPadding: false, ceil: false }, [1, 2, 3], [1, 2, 5, 16], [1, 2, 5, 16]);

/** Whole numbers from -4 to 4. */
const wholes = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, i) => ((i * 7 + seed * 13) % 9) - 4);

afterEach(() => core().setPrecision("float32"));

function compare(spec: ConvSpec, precision: "bfloat16" | "float16"): void {
  const x = wholes(spec.batch * points(spec.input) * spec.inChannels, 1);
  const weight = wholes((spec.outChannels * spec.inChannels * points(spec.kernel)) / spec.groups, 2);
  const gradY = wholes(spec.batch * points(spec.output) * spec.outChannels, 3);
  const expected = convLoops(spec, x, weight, null, gradY);
  core().setPrecision(precision);
  const [a, b, g] = [from(x), from(weight), from(gradY)];
  const label = `${precision} ${JSON.stringify(spec)}`;
  const same = (what: string, got: Float32Array, wanted: Float64Array) =>
    expect(
      got.findIndex((value, i) => value !== wanted[i]),
      `${what}, ${label}`,
    ).toBe(-1);
  same(
    "y",
    result(expected.y.length, (out) => core().convForward(spec, a, b, 0, out)),
    expected.y,
  );
  same(
    "gradX",
    result(x.length, (out) => core().convBackwardData(spec, g, b, out)),
    expected.gradX,
  );
  same(
    "gradWeight",
    result(weight.length, (out) => core().convBackwardWeights(spec, a, g, out, 0)),
    expected.gradWeight,
  );
}

it("are exact over 1, 2 and 3 axes with stride, padding, dilation and groups", () => {
  fc.assert(fc.property(specs, fc.constantFrom("bfloat16" as const, "float16" as const), compare), { numRuns: RUNS });
});

it.each([
  [1, 3, 2],
  [2, 3, 3],
  [2, 4, 3],
])("are exact where an input of %i is shorter than a window of %i with stride %i", (input, kernel, stride) => {
  for (const groups of [1, 3]) {
    const spec = { batch: 3, inChannels: 5 * groups, outChannels: 5 * groups, groups, dilation: [1], output: [1] };
    for (const precision of ["bfloat16", "float16"] as const) {
      compare({ ...spec, input: [input], kernel: [kernel], stride: [stride], padding: [1] }, precision);
    }
  }
});
