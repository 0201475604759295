/** Profiles of the native core: what is counted, and that timing leaves nothing behind. */
import { describe, expect, it } from "vitest";
import { core, Profile } from "../../src/kernels/index.ts";
import { conv2d, matmul, noGrad, scope, Tensor } from "../../src/tensor/index.ts";

function convolveTwice(): void {
  noGrad(() =>
    scope(() => {
      const x = Tensor.full([2, 3, 8, 8], 1);
      const weight = Tensor.full([4, 3, 3, 3], 1);
      conv2d(x, weight, null, { padding: 1 });
      conv2d(x, weight, null, { padding: 1 });
    }),
  );
}

describe("a profile", () => {
  it("counts calls, floating-point operations and bytes of each operation", () => {
    const profile = new Profile(core());
    convolveTwice();
    profile.stop();
    const conv = profile.rows.find(({ name }) => name === "convForward");
    const multiplyAdds = 2 * 4 * 8 * 8 * (3 * 3 * 3);
    const numbers = 2 * 3 * 8 * 8 + 2 * 4 * 8 * 8 + 4 * 3 * 3 * 3;
    expect(conv).toMatchObject({ calls: 2, flops: 2 * 2 * multiplyAdds, bytes: 2 * 4 * numbers });
    expect(conv!.milliseconds).toBeGreaterThan(0);
  });

  it("shows one line for each operation that took time, and what is left outside the core", () => {
    const profile = new Profile(core());
    convolveTwice();
    profile.stop();
    const table = profile.table(2);
    expect(table[0]).toMatch(/^operation +calls +ms +share +GFLOP\/s +GB\/s$/);
    expect(table.some((line) => /^convForward 2x3x8x8 -> 4 +1 /.test(line))).toBe(true);
    expect(table.at(-2)).toMatch(/^outside the native core/);
    expect(table.at(-1)).toMatch(/^all/);
  });

  it("gives the core back as it was, also when a call fails", () => {
    const before = { ...core() };
    const profile = new Profile(core());
    expect(() => scope(() => matmul(Tensor.full([2, 3], 1), Tensor.full([4, 5], 1)))).toThrow();
    expect(() => core().release(-1)).toThrow();
    profile.stop();
    profile.stop();
    expect(core()).toEqual(before);
    expect(profile.rows.find(({ name }) => name === "release")?.calls).toBeGreaterThan(0);
  });
});
