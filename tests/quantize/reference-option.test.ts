/** The option `reference` of blocks: what it changes and what it does not. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import {
  CubaLIFNode,
  createNetwork,
  IFNode,
  type Layer,
  LIFNode,
  Linear,
  PoissonEncoder,
  REFERENCES,
  Sequential,
} from "../../src/model/index.ts";
import { AxonalDelay, Block, MeanOnlyBatchNorm, prepareForLoihi } from "../../src/quantize/index.ts";
import { scope, Tensor } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { context, decays, inMode, product, SCALE, spikesIn, tensor } from "./plain-numbers.ts";

describe("preparing a network with a reference", () => {
  it("gives every block that reference, without slayer's shift, which the chip does not have", () => {
    const root = Sequential([
      Linear({ inFeatures: 2, outFeatures: 3, bias: false }),
      IFNode(),
      AxonalDelay({ channels: 3 }),
    ]);
    const network = createNetwork({ inputShape: [2], steps: 3, encoder: PoissonEncoder(), root });
    const twin = prepareForLoihi(network, { options: { reference: "slayer" } });
    expect(twin.layer("0.neuron").options).toMatchObject({
      reference: "slayer",
      surrogate: { kind: "LavaExponential" },
    });
    expect(twin.layers().map(({ kind }) => kind)).not.toContain("DelayShift");
    expect(twin.layer("2").kind).toBe("AxonalDelay");
    const wrong = () => prepareForLoihi(network, { options: { reference: "slayr" } });
    expect(errorOf(wrong).code).toBe("OPTION");
    for (const made of [network, twin]) made.dispose();
  });
});

describe("the reference of a block", () => {
  const dense = () => Linear({ inFeatures: 2, outFeatures: 2, bias: false });
  const neuronOf = (neuron: Layer, reference?: "chip" | "slayer" | "spikingjelly") =>
    Block(dense(), neuron, undefined, reference ? { reference } : {}).options.neuron.options;

  it("keeps a chosen surrogate and detachReset, except as SpikingJelly's container, which drops both", () => {
    const node = () => IFNode({ surrogate: { kind: "ATan", alpha: 3 }, detachReset: true });
    expect(neuronOf(node())).toMatchObject({ surrogate: { kind: "ATan", alpha: 3 }, resetGradient: "detached" });
    expect(neuronOf(node(), "slayer")).toMatchObject({ surrogate: { kind: "ATan" }, resetGradient: "detached" });
    const dropped = neuronOf(node(), "spikingjelly") as { resetGradient?: string };
    expect(dropped).toMatchObject({ surrogate: { kind: "Sigmoid", alpha: 4 } });
    expect(dropped.resetGradient).toBeUndefined();
  });

  it("brings slayer's surrogate where none was chosen, also for a CUBA neuron", () => {
    expect(neuronOf(LIFNode({ decayInput: false }), "slayer")).toMatchObject({
      surrogate: { kind: "LavaExponential" },
    });
    expect(neuronOf(CubaLIFNode(decays), "slayer")).toMatchObject({ surrogate: { kind: "LavaExponential" } });
    expect(neuronOf(CubaLIFNode({ ...decays, reference: "slayer" }), "chip")).toMatchObject({
      surrogate: { kind: "Sigmoid" },
    });
    const chosen = CubaLIFNode({ ...decays, surrogate: { kind: "ATan" } });
    expect(neuronOf(chosen, "slayer")).toMatchObject({ surrogate: { kind: "ATan" }, reference: "slayer" });
  });

  it("shifts by one step only where slayer would", () => {
    const shifted = (extras: object) => Block(dense(), IFNode(), undefined, extras).children.has("shift");
    expect(shifted({})).toBe(false);
    expect(shifted({ reference: "slayer" })).toBe(true);
    expect(shifted({ reference: "slayer", delayShift: false })).toBe(false);
    expect(shifted({ delayShift: true })).toBe(true);
  });

  describe("decides where a norm stands", () => {
    const means = [-0.25, 0.125];
    const matrix = [
      [0.5, 0.25],
      [-0.25, 1],
    ];
    const input = spikesIn(16, 2, 8);
    const run = (currentDecay: number, reference: "chip" | "spikingjelly") => {
      const neuron = CubaLIFNode({ currentDecay, voltageDecay: 410 / 4096, vThreshold: 0.75 });
      const block = Block(dense(), neuron, MeanOnlyBatchNorm({ numFeatures: 2 }), { reference });
      block.initialize(new RandomStream(0));
      block.children.get("synapse")!.setTensor("weight", tensor(matrix, [2, 2]));
      block.children.get("norm")!.setTensor("running_mean", Tensor.from(means, [2]));
      return scope(() => {
        const x = tensor(input, [16, 1, 2]);
        const spikes = [
          ...inMode(block, "m")
            .forward(x, { ...context, training: false })
            .toArray(),
        ];
        block.dispose();
        return spikes;
      });
    };

    /** Both orders step by step: the normalised current is kept by SpikingJelly, the current itself by the chip. */
    function slowNormed(currentDecay: number, keepsNormed: boolean): number[] {
      const grid = 64 * SCALE;
      const leak = (state: number, decay: number) => Math.trunc((state * (4096 - decay)) / 4096);
      const [current, voltage] = [
        [0, 0],
        [0, 0],
      ];
      return input.flatMap((x) =>
        product(matrix, x).map((drive, o) => {
          const integrated = leak(current[o]!, currentDecay * 4096) + grid * drive;
          const normed = integrated - grid * means[o]!;
          current[o] = keepsNormed ? normed : integrated;
          const charged = leak(voltage[o]!, 410) + normed;
          const spike = charged > 0.75 * grid ? 1 : 0;
          voltage[o] = spike ? 0 : charged;
          return spike;
        }),
      );
    }

    it.each([0.25, 0.5, 1])("with a current decay of %d, inside the recurrence or behind it", (currentDecay) => {
      expect(run(currentDecay, "spikingjelly")).toEqual(slowNormed(currentDecay, true));
      expect(run(currentDecay, "chip")).toEqual(slowNormed(currentDecay, false));
      expect(slowNormed(currentDecay, true)).toContain(1);
    });

    it("which is the same without memory, and differs with it", () => {
      expect(run(1, "spikingjelly")).toEqual(run(1, "chip"));
      expect(run(0.5, "spikingjelly")).not.toEqual(run(0.5, "chip"));
    });
  });
});

describe("the three references", () => {
  it("fire alike wherever weights, thresholds and scales are the chip's own", () => {
    const network = fc.record({
      scale: fc.constantFrom(16, 64, 256),
      currentDecay: fc.integer({ min: 0, max: 4096 }),
      voltageDecay: fc.integer({ min: 0, max: 4096 }),
      // below 4096 weight steps, from where float32 no longer tells "at" from "above"
      threshold: fc.integer({ min: 1, max: 1000 }),
      weights: fc.array(fc.integer({ min: -128, max: 127 }), { minLength: 12, maxLength: 12 }),
      spikes: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    });
    fc.assert(
      fc.property(network, ({ scale, currentDecay, voltageDecay, threshold, weights: steps, spikes }) => {
        const outputs = REFERENCES.map((reference) =>
          scope(() => {
            const neuron = CubaLIFNode({
              currentDecay: currentDecay / 4096,
              voltageDecay: voltageDecay / 4096,
              vThreshold: threshold / scale,
              scale,
            });
            const synapse = Linear({ inFeatures: 4, outFeatures: 3, bias: false });
            const block = Block(synapse, neuron, undefined, { reference, delayShift: false });
            block.initialize(new RandomStream(0));
            synapse.setTensor(
              "weight",
              Tensor.from(
                steps.map((step) => (2 * step) / scale),
                [3, 4],
              ),
            );
            const x = Tensor.from(spikes.map(Number), [10, 1, 4]);
            const output = [...inMode(block, "m").forward(x, context).toArray()];
            block.dispose();
            return output;
          }),
        );
        expect(outputs[1]).toEqual(outputs[0]);
        expect(outputs[2]).toEqual(outputs[0]);
      }),
      { numRuns: Number(process.env.SPIKESHIP_RANDOM_RUNS ?? 60) },
    );
  });
});
