/** The Lynxi twin against an independent emulation of float16 arithmetic: spikes, values and rates of `lynxi.h5` /csnn. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream, sizeOf } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import {
  cloneNetwork,
  copyLayer,
  type Layer,
  loadStateDict,
  Network,
  networkFromDescription,
  Sequential,
  storedFloats,
  toFloat32,
} from "../../src/model/index.ts";
import { float32Twin, foldBatchNorm, prepareForLynxi } from "../../src/quantize/index.ts";
import { noGrad, scope, Tensor } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { expectClose, ONE_PASS } from "../tolerance.ts";

const file = await openReference(fixture("lynxi.h5"));
afterAll(() => file.close());

/** The order of a sum inside a convolution may move its rounded result by a float16 unit: at most so many values do. */
const MOVED_VALUES = 1e-4;
/** Samples of a large batch in which such a value flips a spike. */
const MOVED_SAMPLES = 0.01;
/** Rates that a parameter's last float16 bit changes, by a spike here and there: 4 in 1000 of the stored ones. */
const CHANGED_RATES = 0.02;

/** Stored numbers, whichever type holds them. */
function numbers(path: string): Float32Array {
  const { data, shape } = file.array(path);
  return data instanceof Uint16Array
    ? toFloat32("lynxi.h5", path, { dtype: "F16", shape, data })
    : Float32Array.from(data);
}

const [STEPS, CHANNELS, SIZE] = ["T", "channels", "size"].map((name) => Number(file.attribute("csnn", name))) as [
  number,
  number,
  number,
];

/** The 13 layers of the reference, with its parameters. */
function csnn(): Network {
  const shape = (name: string) => file.array(`csnn/param/${name}`).shape as [number, number];
  const conv = (inChannels: number) => [
    { kind: "Conv2d", inChannels, outChannels: CHANNELS, kernelSize: 3, padding: 1, bias: false },
    { kind: "BatchNorm2d", numFeatures: CHANNELS, eps: Number(file.attribute("csnn", "bn_eps")) },
    { kind: "IFNode" },
    { kind: "MaxPool2d", kernelSize: 2 },
  ];
  const dense = (name: string) => {
    const [outFeatures, inFeatures] = shape(name);
    return [{ kind: "Linear", inFeatures, outFeatures, bias: false }, { kind: "IFNode" }];
  };
  const members = [...conv(1), ...conv(CHANNELS), { kind: "Flatten" }, ...dense("9.weight"), ...dense("11.weight")];
  const root = { kind: "Sequential", layers: members };
  const network = networkFromDescription({ inputShape: [1, SIZE, SIZE], steps: STEPS, root }, layers);
  const stored = file
    .keys("csnn/param")
    .map(
      (name) => [name, storedFloats(numbers(`csnn/param/${name}`), file.array(`csnn/param/${name}`).shape)] as const,
    );
  loadStateDict(network, new Map(stored), "csnn/param");
  return network;
}

interface Run {
  rates: Float32Array;
  /** Outputs `[T*N, ...]` by the index of their layer. */
  layers: Map<string, Float32Array>;
}

function run(network: Network, images: Float32Array): Run {
  const seen = new Map<string, Float32Array>();
  return scope(() => {
    const samples = Tensor.from(images, [images.length / sizeOf(network.inputShape), ...network.inputShape]);
    const rates = noGrad(() =>
      network.forward(samples, {
        training: false,
        random: new RandomStream(0),
        observe: ({ path }, output) => seen.set(path, output.toArray() as Float32Array),
      }),
    ).toArray() as Float32Array;
    return { rates, layers: seen };
  });
}

/** Makes networks, runs them, gives them back. */
function runOf(make: (source: Network) => Network, images: Float32Array): Run {
  const source = csnn();
  const network = make(source);
  try {
    return run(network, images);
  } finally {
    network.dispose();
    source.dispose();
  }
}

const differences = (a: Float32Array, b: Float32Array) =>
  a.reduce((count, value, i) => count + (value === b[i] ? 0 : 1), 0);

/** Compares with an emulation: spikes and rates exactly, sums by `sums`. */
function expectEmulation(
  got: Run,
  emulation: string,
  sums: (ours: Float32Array, theirs: Float32Array, what: string) => void,
): void {
  const path = `csnn/${emulation}`;
  expect([...got.rates]).toEqual([...numbers(`${path}/rate`)]);
  for (const member of file.keys(path)) {
    const [, index = "", what] = /^(\d+)_(spike|conv_bn|linear)$/.exec(member) ?? [];
    if (!what) continue;
    // a batch norm that stays a layer gives the pair's result itself
    const ours = (what === "conv_bn" && got.layers.get(`${Number(index) + 1}`)) || got.layers.get(index)!;
    const theirs = numbers(`${path}/${member}`);
    if (what === "spike") expect([...ours], member).toEqual([...theirs]);
    else sums(ours, theirs, `${emulation} ${member}`);
  }
}

const nearlySameBits = (ours: Float32Array, theirs: Float32Array, what: string) =>
  expect(differences(ours, theirs), what).toBeLessThanOrEqual(Math.ceil(MOVED_VALUES * theirs.length));

/**
 * A batch norm that stays a layer is four float32 operations here and one float64 expression there. Each may move the result by
 * half a float32 unit, which is 2^-14 of a float16 unit, so that about one value in 2^12 for each lands beyond a rounding boundary.
 */
const MOVED_BY_BATCH_NORM = 4 * 2 ** -12;
const nearlySameBatchNorm = (ours: Float32Array, theirs: Float32Array, what: string) =>
  expect(differences(ours, theirs), what).toBeLessThanOrEqual(Math.ceil(MOVED_BY_BATCH_NORM * theirs.length));

describe("a CSNN in float16", () => {
  it("with batch norms folded is the emulation, layer by layer", () => {
    expectEmulation(
      runOf((source) => prepareForLynxi(source), numbers("csnn/x")),
      "emul_fp16_folded",
      nearlySameBits,
    );
  });

  it("with batch norms as layers is the emulation that rounds twice", () => {
    const prepare = (source: Network) => prepareForLynxi(source, { options: { foldBatchNorm: false } });
    expectEmulation(runOf(prepare, numbers("csnn/x")), "emul_fp16_unfused", nearlySameBatchNorm);
  });

  it.each([
    ["emul_fp16_folded", true],
    ["emul_fp16_unfused", false],
  ])("gives the rates of %s on a large batch, but for sums in another order", (emulation, foldBatchNorm) => {
    const images = numbers("csnn/many/x");
    const got = runOf((source) => prepareForLynxi(source, { options: { foldBatchNorm } }), images);
    const stored = numbers(`csnn/many/${emulation}/rate`);
    const classes = stored.length / file.array("csnn/many/x").shape[0]!;
    const samples = Array.from({ length: stored.length / classes }, (_, i) => i);
    const equal = samples.filter((i) => {
      const row = (array: Float32Array) => [...array.slice(i * classes, (i + 1) * classes)].join();
      return row(got.rates) === row(stored);
    });
    expect(samples.length - equal.length).toBeLessThanOrEqual(MOVED_SAMPLES * samples.length);
  });
});

describe("a CSNN in float32", () => {
  const close = (ours: Float32Array, theirs: Float32Array, what: string) => expectClose(ours, theirs, ONE_PASS, what);

  it("as trained is the unfused emulation, and SpikingJelly's own and converted network", () => {
    const got = runOf(cloneNetwork, numbers("csnn/x"));
    expectEmulation(got, "emul_fp32_unfused", close);
    for (const other of ["train_fp32", "exchange_fp32"])
      expect([...got.rates]).toEqual([...numbers(`csnn/${other}/rate`)]);
  });

  it("with batch norms folded is the folded emulation", () => {
    expectEmulation(runOf(folded, numbers("csnn/x")), "emul_fp32_folded", close);
    const many = runOf(folded, numbers("csnn/many/x"));
    expect(differences(many.rates, numbers("csnn/many/emul_fp32_folded/rate"))).toBe(0);
  });

  it("with float16's parameters is nearly so: the twin that shows what rounding results changes", () => {
    const twin = (source: Network) => {
      const prepared = prepareForLynxi(source);
      const unrounded = float32Twin(prepared);
      prepared.dispose();
      return unrounded;
    };
    const [got, stored] = [runOf(twin, numbers("csnn/many/x")).rates, numbers("csnn/many/emul_fp32_folded/rate")];
    expect(differences(got, stored) / stored.length).toBeLessThanOrEqual(CHANGED_RATES);
  });
});

/** The network with its batch norms folded into the convolutions, in float32. */
function folded(source: Network): Network {
  const members: [string, Layer][] = [];
  for (const [name, layer] of source.root.children) {
    const before = members.at(-1);
    if (layer.kind === "BatchNorm2d" && before) {
      const conv = before[1];
      before[1] = foldBatchNorm(conv, layer);
      conv.dispose();
    } else members.push([name, copyLayer(layer)]);
  }
  const { inputShape, steps, encoder } = source;
  return new Network({ inputShape, steps, encoder, root: Sequential(Object.fromEntries(members)) });
}
