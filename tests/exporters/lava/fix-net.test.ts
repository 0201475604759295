/** Legal rewrites of files: the finding is gone, and the network computes what it was meant to. */
import { describe, expect, it } from "vitest";
import { fixNet } from "../../../src/exporters/lava/file-rules/fix-net.ts";
import { type NetFile, netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { checkNet } from "../../../src/exporters/lava/rules.ts";
import { simulate } from "../../../src/exporters/lava/simulate.ts";
import {
  conv,
  cuba,
  denseFile,
  imageFile,
  inputOf,
  pool,
  resonator,
  resonators,
  sigmaDelta,
  withNeuron,
} from "./small-nets.ts";

const rulesOf = (net: NetFile) => checkNet(net).map(({ rule }) => rule);
const spikesOf = (net: NetFile, data: number[], shape: number[]) => [...simulate(net, { shape, data }).output.data];

const exponent = (vDecay: number, weight_exp: number): NetFile =>
  withNeuron({ vDecay: scalar(vDecay), extras: { weight_exp: netArray([1], [weight_exp]) } });

const cases: [rule: string, net: NetFile][] = [
  ["loihi/unsupported-layer", imageFile(pool)],
  ["loihi/norm-exponent", exponent(0, 2)],
  ["loihi/norm-exponent", exponent(4096, -2)],
  ["loihi/resonator-decay", resonators({ sinDecay: scalar(-400), cosDecay: scalar(3900) })],
  ["loihi/message-bits", withNeuron({ extras: { messageBits: scalar(8) } })],
  ["loihi/sigma-bias", denseFile({ neuron: { ...sigmaDelta, sigmaOutput: true }, bias: netArray([2], [0, 0]) })],
  ["loihi/dense-precision", denseFile({ weight: netArray([2, 2], [-128, -4, -6, -8]) })],
  ["loihi/dense-range", denseFile({ weight: netArray([2, 2], [300, 4, 6, 8]) })],
  ["loihi/loadable", denseFile({ weight: netArray([2, 2], [0, 0, 0, 0]) })],
  ["loihi/delay", denseFile({ delay: netArray([2], [70, 3]) })],
];

describe("a legal rewrite", () => {
  it.each(cases)("serves %s and leaves nothing to be found", (rule, net) => {
    expect(rulesOf(net)).toContain(rule);
    const { net: fixed, changes } = fixNet(net);
    expect(changes.map((change) => change.rule)).toEqual([rule]);
    expect(rulesOf(fixed)).not.toContain(rule);
    expect(fixNet(fixed).changes).toEqual([]);
  });

  it("that moves weights says by how much", () => {
    const [change] = fixNet(denseFile({ weight: netArray([2, 2], [-128, -4, -6, -8]) })).changes;
    expect(change).toMatchObject({
      exact: false,
      count: 1,
      largestChange: 2,
      allowance: "weights moved by at most 2 steps",
    });
  });

  it("leaves a file alone that needs none", () =>
    expect(fixNet(denseFile())).toEqual({ net: denseFile(), changes: [] }));

  it("makes a sum pool of a pool", () => {
    const { net } = fixNet({
      layers: [inputOf(2, 2, 2), { ...pool, shape: [2, 1, 1], neuron: { ...cuba, vThMant: 100 } }],
      simulation: null,
    });
    // two spikes of 64 in a window are more than 100, one is not; channels stay apart
    expect(spikesOf(net, [1, 0, 1, 0, 0, 0, 0, 1], [1, 1, 2, 2, 2])).toEqual([1, 0]);
  });

  it("divides by the norm's power of two: weights four times as large fire alike", () => {
    const weights = [30, -12, 44, 18];
    const large = { ...exponent(0, 2) };
    large.layers[1] = {
      ...large.layers[1]!,
      weight: netArray(
        [2, 2],
        weights.map((weight) => 4 * weight),
      ),
    } as never;
    const plain = denseFile({ weight: netArray([2, 2], weights) });
    const data = Array.from({ length: 40 }, (_, i) => ((i * 7) % 3 === 0 ? 0 : 1));
    const spikes = spikesOf(fixNet(large).net, data, [20, 1, 2]);
    expect(spikes).toEqual(spikesOf(plain, data, [20, 1, 2]));
    expect(spikes).toContain(1);
  });

  it("is left out where it would not be exact", () => {
    expect(fixNet(exponent(410, 2)).changes).toEqual([]);
    expect(fixNet(withNeuron({ vThMant: 2 ** 16, extras: { weight_exp: scalar(3) } })).changes).toEqual([]);
    expect(fixNet(imageFile({ ...pool, stride: [1, 1] })).changes).toEqual([]);
    expect(fixNet(resonators(resonator)).changes).toEqual([]);
    expect(fixNet(imageFile({ ...conv, delay: scalar(2) })).changes).toEqual([]);
  });
});
