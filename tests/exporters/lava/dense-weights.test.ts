/** Lava's handling of dense matrices. The numbers below were computed by lava-dl's optimize_weight_bits and lava's clip_weights and truncate_weights. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { effectiveWeights, isLinear, loadDense } from "../../../src/exporters/lava/chip/dense-weights.ts";
import { netArray } from "../../../src/exporters/lava/net/net-file.ts";

/** One output row each. */
const fromLava = [
  { file: [-256, -2], working: [-254, -2], shift: 0, effective: [-254, -2] },
  { file: [-128, -4], working: [-248, -8], shift: 1, effective: [-124, -4] },
  { file: [-256, 0], working: [-128, 0], shift: 0, effective: [-128, 0] },
  { file: [256, 2], working: [0, 0], shift: -1, effective: [0, 0] },
  { file: [300, 4], working: [0, 0], shift: -1, effective: [0, 0] },
  { file: [-300, -2], working: [0, 0], shift: -1, effective: [0, 0] },
  { file: [300, -4], working: [254, -4], shift: 0, effective: [254, -4] },
  { file: [255, -3], working: [254, -3], shift: 0, effective: [254, -3] },
  { file: [254, -3], working: [254, -3], shift: 0, effective: [254, -3] },
  { file: [-255, 0], working: [0, 0], shift: 0, effective: [0, 0] },
  { file: [-1, 0], working: [-128, 0], shift: 8, effective: [-1, 0] },
  { file: [-3, 0], working: [-192, 0], shift: 6, effective: [-3, 0] },
  { file: [-3, -5], working: [-96, -160], shift: 5, effective: [-3, -5] },
  { file: [254, -256], working: [254, -256], shift: 0, effective: [254, -256] },
  { file: [2, 4], working: [64, 128], shift: 5, effective: [2, 4] },
  { file: [1, 3], working: [64, 192], shift: 6, effective: [1, 3] },
  { file: [64, 0], working: [128, 0], shift: 1, effective: [64, 0] },
  { file: [255, 1], working: [255, 1], shift: 0, effective: [255, 1] },
  { file: [300, -300], working: [254, -256], shift: 0, effective: [254, -256] },
  { file: [-64, -64], working: [0, 0], shift: 2, effective: [0, 0] },
  { file: [7, -300], working: [7, -256], shift: 0, effective: [7, -256] },
  { file: [128, 64], working: [128, 64], shift: 0, effective: [128, 64] },
  { file: [-2, 0], working: [-128, 0], shift: 7, effective: [-1, 0] },
  { file: [16, -16], working: [128, -128], shift: 3, effective: [16, -16] },
  { file: [1, 0], working: [128, 0], shift: 7, effective: [1, 0] },
  {
    file: [-40, -8, -24, -24, -16, -32],
    working: [-160, -32, -96, -96, -64, -128],
    shift: 2,
    effective: [-40, -8, -24, -24, -16, -32],
  },
  { file: [-433, -369, -256, -354, -521, -573], working: [0, 0, 0, 0, 0, 0], shift: -2, effective: [0, 0, 0, 0, 0, 0] },
  {
    file: [-180, 254, -159, 77, 127, -137],
    working: [-180, 254, -159, 77, 127, -137],
    shift: 0,
    effective: [-180, 254, -159, 77, 127, -137],
  },
  {
    file: [-142, 286, -194, 240, 180, 208],
    working: [-142, 254, -194, 240, 180, 208],
    shift: 0,
    effective: [-142, 254, -194, 240, 180, 208],
  },
  {
    file: [64, -4, 84, 90, 82, -226],
    working: [64, -4, 84, 90, 82, -226],
    shift: 0,
    effective: [64, -4, 84, 90, 82, -226],
  },
  { file: [-56, -440, -384, -72, -488, -564], working: [0, 0, 0, 0, 0, 0], shift: -2, effective: [0, 0, 0, 0, 0, 0] },
  {
    file: [28, 220, 84, 56, 136, 228],
    working: [28, 220, 84, 56, 136, 228],
    shift: 0,
    effective: [28, 220, 84, 56, 136, 228],
  },
  { file: [-416, -592, -128, -176, -136, -600], working: [0, 0, 0, 0, 0, 0], shift: -2, effective: [0, 0, 0, 0, 0, 0] },
  {
    file: [-88, -36, 220, -152, 12, -92],
    working: [-88, -36, 220, -152, 12, -92],
    shift: 0,
    effective: [-88, -36, 220, -152, 12, -92],
  },
  {
    file: [32, 80, 24, 32, 64, 176],
    working: [32, 80, 24, 32, 64, 176],
    shift: 0,
    effective: [32, 80, 24, 32, 64, 176],
  },
  {
    file: [-34, -10, -10, -32, -38, -28],
    working: [-136, -40, -40, -128, -152, -112],
    shift: 2,
    effective: [-34, -10, -10, -32, -38, -28],
  },
  {
    file: [8, 0, -128, 0, 280, -168],
    working: [8, 0, -128, 0, 254, -168],
    shift: 0,
    effective: [8, 0, -128, 0, 254, -168],
  },
  { file: [3, 9, 8, 0, 8, 8], working: [48, 144, 128, 0, 128, 128], shift: 4, effective: [3, 9, 8, 0, 8, 8] },
  {
    file: [-4, -12, -82, -154, -202, -16],
    working: [-4, -12, -82, -154, -202, -16],
    shift: 0,
    effective: [-4, -12, -82, -154, -202, -16],
  },
  {
    file: [104, -156, -112, 144, -184, 104],
    working: [104, -156, -112, 144, -184, 104],
    shift: 0,
    effective: [104, -156, -112, 144, -184, 104],
  },
  { file: [-212, -320, -16, -468, -388, -216], working: [0, 0, 0, 0, 0, 0], shift: -1, effective: [0, 0, 0, 0, 0, 0] },
  {
    file: [-34, -13, -7, -15, -3, -25],
    working: [-136, -52, -28, -60, -12, -100],
    shift: 2,
    effective: [-34, -13, -7, -15, -3, -25],
  },
  { file: [8, 48, 48, 96, 40, 200], working: [8, 48, 48, 96, 40, 200], shift: 0, effective: [8, 48, 48, 96, 40, 200] },
  { file: [0, 6, 0, 6, 0, 8], working: [0, 96, 0, 96, 0, 128], shift: 4, effective: [0, 6, 0, 6, 0, 8] },
  {
    file: [-16, -16, -32, -8, -40, -40],
    working: [-64, -64, -128, -32, -160, -160],
    shift: 2,
    effective: [-16, -16, -32, -8, -40, -40],
  },
  {
    file: [124, 216, 240, 100, 108, 140],
    working: [124, 216, 240, 100, 108, 140],
    shift: 0,
    effective: [124, 216, 240, 100, 108, 140],
  },
  {
    file: [-16, -2, -12, -28, -24, -24],
    working: [-128, -16, -96, -224, -192, -192],
    shift: 3,
    effective: [-16, -2, -12, -28, -24, -24],
  },
  {
    file: [175, -48, -89, 79, 38, 261],
    working: [175, -48, -89, 79, 38, 254],
    shift: 0,
    effective: [175, -48, -89, 79, 38, 254],
  },
  {
    file: [-24, -32, -32, -8, -24, -40],
    working: [-96, -128, -128, -32, -96, -160],
    shift: 2,
    effective: [-24, -32, -32, -8, -24, -40],
  },
  { file: [0, 0, 8, 0, 0, 0], working: [0, 0, 128, 0, 0, 0], shift: 4, effective: [0, 0, 8, 0, 0, 0] },
  {
    file: [200, 192, 40, -224, -112, 16],
    working: [200, 192, 40, -224, -112, 16],
    shift: 0,
    effective: [200, 192, 40, -224, -112, 16],
  },
  { file: [-270, -304, -298, -266, -176, -536], working: [0, 0, 0, 0, 0, 0], shift: -2, effective: [0, 0, 0, 0, 0, 0] },
  { file: [-136, -432, -336, -336, -416, -568], working: [0, 0, 0, 0, 0, 0], shift: -2, effective: [0, 0, 0, 0, 0, 0] },
  { file: [7, 1, 6, 3, 2, 9], working: [112, 16, 96, 48, 32, 144], shift: 4, effective: [7, 1, 6, 3, 2, 9] },
  {
    file: [-208, -136, -168, -136, -256, -80],
    working: [-208, -136, -168, -136, -248, -80],
    shift: 0,
    effective: [-208, -136, -168, -136, -248, -80],
  },
  {
    file: [48, 80, 8, 200, 136, 96],
    working: [48, 80, 8, 200, 136, 96],
    shift: 0,
    effective: [48, 80, 8, 200, 136, 96],
  },
  { file: [-20, -156, -248, -300, -480, -184], working: [0, 0, 0, 0, 0, 0], shift: -1, effective: [0, 0, 0, 0, 0, 0] },
  { file: [4, 0, 8, 0, 8, 0], working: [64, 0, 128, 0, 128, 0], shift: 4, effective: [4, 0, 8, 0, 8, 0] },
  {
    file: [137, 51, 65, 12, 250, 55],
    working: [137, 51, 65, 12, 250, 55],
    shift: 0,
    effective: [137, 51, 65, 12, 250, 55],
  },
  {
    file: [-216, 232, 172, -92, -60, -80],
    working: [-216, 232, 172, -92, -60, -80],
    shift: 0,
    effective: [-216, 232, 172, -92, -60, -80],
  },
  { file: [2, 6, 0, 6, 4, 8], working: [32, 96, 0, 96, 64, 128], shift: 4, effective: [2, 6, 0, 6, 4, 8] },
  {
    file: [224, 124, -276, -96, -292, 196],
    working: [224, 124, -256, -96, -256, 196],
    shift: 0,
    effective: [224, 124, -256, -96, -256, 196],
  },
  {
    file: [185, 222, 26, 128, 93, 184],
    working: [185, 222, 26, 128, 93, 184],
    shift: 0,
    effective: [185, 222, 26, 128, 93, 184],
  },
  { file: [-148, -412, -252, -304, -160, -572], working: [0, 0, 0, 0, 0, 0], shift: -2, effective: [0, 0, 0, 0, 0, 0] },
  {
    file: [288, 18, -7, -14, -280, 200],
    working: [254, 18, -7, -14, -256, 200],
    shift: 0,
    effective: [254, 18, -7, -14, -256, 200],
  },
];

const load = (rows: number[][]) => loadDense(rows.map((row) => netArray([1, row.length], row)));

describe("a dense matrix", () => {
  it.each(fromLava)("$file works as $effective, as in Lava", ({ file, working, shift, effective }) => {
    const [synapse] = load([file])!;
    expect([...synapse!.weights].map((weight) => weight + 0)).toEqual(working);
    expect(synapse!.shift).toBe(shift);
    expect([...effectiveWeights(synapse!)]).toEqual(effective);
  });

  it("of zeros cannot be loaded", () => expect(load([[0, 0]])).toBeNull());

  it("has its fractions cut toward zero", () => {
    expect([...effectiveWeights(load([[211.99998, -3.5]])![0]!)]).toEqual([211, -3]);
  });

  it("shares its exponent with the recurrent one beside it", () => {
    const [forward, recurrent] = load([
      [2, 4],
      [-200, 6],
    ])!;
    expect(forward!.shift).toBe(recurrent!.shift);
    expect([...effectiveWeights(forward!), ...effectiveWeights(recurrent!)]).toEqual([2, 4, -200, 6]);
  });

  it("is exact when it is even, within the range and has both signs", () => {
    const even = fc.integer({ min: -128, max: 127 }).map((half) => 2 * half);
    fc.assert(
      fc.property(fc.array(even, { minLength: 1, maxLength: 20 }), (rest) => {
        const row = [2, -2, ...rest];
        const [synapse] = load([row])!;
        expect([...effectiveWeights(synapse!)]).toEqual(row);
        expect(isLinear(synapse!)).toBe(true);
      }),
    );
  });

  it("of one tiny inhibitory weight rounds sums instead of weights", () => {
    const [synapse] = load([[-1, 0]])!;
    expect(isLinear(synapse!)).toBe(false);
  });
});
