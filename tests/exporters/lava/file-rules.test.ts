/** Every design rule over files: one that keeps it, and one that breaks it. */
import { describe, expect, it } from "vitest";
import { netRules } from "../../../src/exporters/lava/file-rules/index.ts";
import { type NetFile, type NetLayer, netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { checkNet } from "../../../src/exporters/lava/rules.ts";
import {
  conv,
  cuba,
  dense,
  denseFile,
  file,
  imageFile,
  inputOf,
  pool,
  resonators,
  sigmaDelta,
  withNeuron,
} from "./small-nets.ts";

const rulesOf = (net: NetFile) =>
  checkNet(net).map(({ rule, severity }) => `${rule.replace("loihi/", "")} ${severity}`);

const weights = (...values: number[]): NetFile => denseFile({ weight: netArray([2, 2], values) });
const convWeight = (weight: number): NetFile => imageFile({ ...conv, weight: netArray([1, 1, 1, 1], [weight]) });
const bias = (...values: number[]): NetFile => denseFile({ bias: netArray([2], values) });
const delay = (...values: number[]): NetFile => denseFile({ delay: netArray([2], values) });
const recurrent = (changes: Partial<NetLayer>): NetFile =>
  file({ ...dense, type: "dense_rec", weightRec: netArray([2, 2], [2, 2, 2, -2]), ...changes } as NetLayer);
const sums = (values: number[] | null): NetFile =>
  denseFile({ neuron: { ...sigmaDelta, sigmaOutput: true }, bias: values && netArray([2], values) });
/** Two neurons whose registers, at the slowest leak, can leave their 24 bits. */
const wide = netArray([2, 2], [254, 254, -256, -256]);
const leaking = (iDecay: number, vDecay: number): NetFile =>
  denseFile({ weight: wide, neuron: { ...cuba, iDecay: scalar(iDecay), vDecay: scalar(vDecay) } });
const owning = (weight: number | null): NetFile => ({
  layers: [{ ...inputOf(2), weight, neuron: cuba } as NetLayer, dense],
  simulation: null,
});

/** What is found, in a file that breaks the rule, and one that keeps it. */
const cases: [found: string, broken: NetFile, kept: NetFile][] = [
  ["loadable error", weights(0, 0, 0, 0), weights(0, 0, 0, 2)],
  ["loadable error", denseFile({ weight: netArray([2, 3], [2, -2, 2, 2, 2, 2]) }), denseFile()],
  ["loadable error", denseFile({ imaginary: netArray([2, 2], [2, -4, 6, 8]) }), resonators()],
  ["unsupported-layer error", file({ type: "average", shape: [2], extras: {} }), denseFile()],
  ["unsupported-layer error", imageFile(pool), imageFile(conv)],
  ["conv-delay error", imageFile({ ...conv, delay: scalar(2) }), imageFile(conv)],
  ["recurrent-delay error", recurrent({ delay: scalar(1) }), recurrent({})],
  ["message-bits error", withNeuron({ extras: { messageBits: scalar(8) } }), withNeuron({})],
  [
    "adaptive-neuron error",
    denseFile({ neuron: { ...cuba, type: "ALIF" } as never }),
    denseFile({ neuron: { ...cuba, type: "LOIHI" } }),
  ],
  ["sigma-bias error", sums([0, 2]), sums(null)],
  ["whole-weights warning", weights(2.5, -4, 6, 8), denseFile()],
  ["whole-weights warning", delay(1.5, 0), delay(1, 0)],
  ["weight-grid warning", weights(3, -4, 6, 8), denseFile()],
  ["weight-range error", weights(300, -4, 6, 8), weights(252, -256, 6, 8)],
  ["weight-range error", convWeight(1001), convWeight(100)],
  ["clamped-weights note", weights(254, -4, 6, 8), weights(252, -4, 6, 8)],
  ["dense-precision warning", weights(-128, -4, -6, -8), weights(-126, -4, -6, -8)],
  ["dense-precision warning", weights(-256, 0, 0, 0), weights(-254, 0, 0, 2)],
  ["dense-range error", weights(256, 2, 2, 2), weights(252, 2, 2, 2)],
  ["dense-range error", weights(300, -4, 6, 8), weights(252, -4, 6, 8)],
  ["weight-exponent warning", weights(-1, -1, -1, -1), weights(-2, -2, -2, -2)],
  ["threshold-range warning", withNeuron({ vThMant: 2 ** 17 }), withNeuron({ vThMant: 2 ** 17 - 1 })],
  [
    "cut-threshold note",
    withNeuron({ vThMant: 44, vDecay: scalar(128) }),
    withNeuron({ vThMant: 48, vDecay: scalar(128) }),
  ],
  ["threshold-epsilon note", withNeuron({ vThMant: 4096 }), withNeuron({ vThMant: 4095 })],
  ["decay-range warning", withNeuron({ iDecay: scalar(0) }), withNeuron({ iDecay: scalar(1) })],
  ["decay-range error", withNeuron({ vDecay: scalar(5000) }), withNeuron({ vDecay: scalar(4095) })],
  [
    "norm-exponent warning",
    withNeuron({ extras: { weight_exp: scalar(2) } }),
    withNeuron({ extras: { weight_exp: scalar(0) } }),
  ],
  [
    "norm-exponent-clamp warning",
    withNeuron({ extras: { weight_exp: scalar(10) } }),
    withNeuron({ extras: { weight_exp: scalar(3) } }),
  ],
  [
    "graded-spikes error",
    withNeuron({ extras: { gradedSpike: scalar(1) } }),
    withNeuron({ extras: { gradedSpike: scalar(0) } }),
  ],
  [
    "unread-member warning",
    withNeuron({ extras: { refDelay: scalar(2) } }),
    withNeuron({ extras: { refDelay: scalar(1) } }),
  ],
  [
    "unread-member warning",
    denseFile({ neuron: { ...sigmaDelta, activation: "tanh" } }),
    denseFile({ neuron: sigmaDelta }),
  ],
  ["resonator-decay warning", resonators({ sinDecay: scalar(400) }), resonators()],
  ["resonator-range warning", resonators({ sinDecay: scalar(3000.5) }), resonators()],
  ["adaptive-resonator warning", resonators({ type: "ADRF_IZHIKEVICH" }), resonators({ type: "RF_IZHIKEVICH" })],
  ["bias-range warning", bias(5000, 0), bias(4095, -4096)],
  ["bias-alignment note", bias(50, 0), bias(0, 0)],
  ["reset-offset note", bias(50, 0), { ...owning(null), layers: [owning(null).layers[0]!, bias(50, 0).layers[1]!] }],
  ["delay warning", delay(63, 0), delay(62, 0)],
  ["input-transform note", owning(36), owning(null)],
  ["pool-geometry warning", imageFile({ ...pool, stride: [1, 1] }), imageFile(pool)],
  [
    "pool-geometry warning",
    { layers: [inputOf(1, 3, 3), { ...pool, shape: [1, 2, 2] }], simulation: null },
    { layers: [inputOf(1, 4, 4), { ...pool, shape: [1, 2, 2] }], simulation: null },
  ],
  [
    "pool-weight warning",
    imageFile({ ...pool, weight: netArray([1, 1, 2, 2], [254, 254, 254, 254]) }),
    imageFile(pool),
  ],
  ["unknown-member warning", denseFile({ extras: { wieght: scalar(2) } }), denseFile()],
  ["stranger warning", { ...denseFile(), strangers: ["/layers"] }, denseFile()],
  ["current-overflow warning", leaking(1, 4096), leaking(100, 4096)],
  ["voltage-overflow warning", leaking(4096, 1), leaking(4096, 100)],
];

describe("a file", () => {
  it("that slayer writes for a plain layer has nothing to be found", () => {
    expect(checkNet(denseFile())).toEqual([]);
    const extras = { refDelay: scalar(1), gradedSpike: scalar(0), scaleRho: scalar(10) };
    expect(checkNet(withNeuron({ extras }))).toEqual([]);
  });

  it.each(cases)("is found with %s, and without when it is mended", (found, broken, kept) => {
    expect(rulesOf(broken)).toContain(found);
    const [rule] = found.split(" ");
    expect(rulesOf(kept).filter((other) => other.startsWith(`${rule} `))).toEqual([]);
  });

  it("has a case here for every rule", () => {
    expect(new Set(cases.map(([found]) => found.split(" ")[0])).size).toBe(netRules.length);
  });

  it("is told the source of every finding and a way out", () => {
    for (const finding of cases.flatMap(([, broken]) => checkNet(broken))) {
      expect(finding.source).not.toBe("");
      expect(finding.rewrite).toMatch(/[.?]$/);
      expect(finding.message).toMatch(/\.$/);
    }
  });

  it("is told the nearest name for a member that nobody knows", () => {
    expect(checkNet(denseFile({ extras: { wieght: scalar(2) } }))[0]).toMatchObject({
      place: "/layer/1/wieght",
      rewrite: 'Did you mean "weight"?',
    });
  });

  it("is told once why it cannot be loaded, by the rule that knows", () => {
    expect(rulesOf(imageFile({ ...conv, delay: scalar(2) }))).toEqual(["conv-delay error"]);
  });
});
