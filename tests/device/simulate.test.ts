/** The chip's simulator on a device gives the CPU's whole numbers: for any network, and any way of running it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { targetById } from "../../src/exporters/index.ts";
import { simulateReference } from "../../src/exporters/lava/emulation/simulate-reference.ts";
import type { SimulationInput, SimulationOptions } from "../../src/exporters/lava/emulation/simulation.ts";
import { readNet } from "../../src/exporters/lava/read.ts";
import { simulate } from "../../src/exporters/lava/simulate.ts";
import { devices } from "../../src/kernels/index.ts";
import { Conv2d, createNetwork, Flatten, IFNode, Linear, PoissonEncoder, Sequential } from "../../src/model/index.ts";
import { Block } from "../../src/quantize/index.ts";
import { memoryStats, withDevice } from "../../src/tensor/index.ts";
import { PLAIN, randomNet, randomSpikes, traits } from "../exporters/lava/random-net.ts";
import { randomNumbers } from "../tensor/gradient.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

const runs: fc.Arbitrary<SimulationOptions> = fc.record(
  {
    resetInterval: fc.constantFrom(1, 3, 8, 64),
    extraSteps: fc.nat(3),
    holdInput: fc.boolean(),
    record: fc.constantFrom("none" as const, "aligned" as const, "raw" as const),
    // one sample at a time, two or so, or all
    chunkNumbers: fc.constantFrom(1, 400),
  },
  { requiredKeys: [] },
);

/** As programs hold spikes. */
const asFloats = ({ data, shape }: SimulationInput) => ({ shape, data: Float32Array.from(data) });

afterEach(() => {
  devices().current = "cpu";
});

describeOnDevice("the chip's simulator on a device", () => {
  it("agrees with the plain one on random networks, inputs, resets and recordings", () => {
    fc.assert(
      fc.property(
        fc.nat(),
        traits,
        runs,
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 1, max: 5 }),
        (seed, t, options, steps, samples) => {
          const net = randomNet(seed, t);
          const input = asFloats(randomSpikes(seed + 1, net, steps, samples));
          expect(simulate(net, input, { ...options, device: DEVICE })).toEqual(simulateReference(net, input, options));
        },
      ),
      { numRuns: 60, seed: 20261121 },
    );
  });

  it("agrees on payloads into the first layer", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 300_000 }), (seed, largest) => {
        const net = randomNet(seed, PLAIN);
        const input = asFloats(randomSpikes(seed + 1, net, 4, 2));
        const data = input.data.map((value, i) => value * ((i * 7919) % largest) * (i % 3 === 0 ? -1 : 1));
        const options = { inputMessageBits: 24, record: "aligned" as const };
        const found = simulate(net, { ...input, data }, { ...options, device: DEVICE });
        expect(found).toEqual(simulateReference(net, { ...input, data }, options));
      }),
      { numRuns: 20, seed: 20261122 },
    );
  });

  it("leaves nothing behind, on the device or elsewhere, and the current device as it was", () => {
    const net = randomNet(1, PLAIN);
    const input = asFloats(randomSpikes(2, net, 4, 2));
    const before = memoryStats().liveBuffers;
    simulate(net, input, { device: DEVICE, record: "aligned" });
    expect(memoryStats().liveBuffers).toBe(before);
    expect(devices().current).toBe("cpu");
  });
});

describeOnDevice("a .net file that runs on a device", () => {
  const [steps, samples, side] = [6, 40, 8];

  /** A network's file, and spikes for it. */
  async function exported() {
    const directory = mkdtempSync(join(tmpdir(), "spikeship-device-"));
    const conv = Conv2d({ inChannels: 1, outChannels: 4, kernelSize: 3, padding: 1, bias: false });
    const network = createNetwork({
      inputShape: [1, side, side],
      steps,
      encoder: PoissonEncoder(),
      root: Sequential([
        Block(conv, IFNode({ vThreshold: 0.5 })),
        Flatten(),
        Block(Linear({ inFeatures: 4 * side ** 2, outFeatures: 10, bias: false }), IFNode({ vThreshold: 0.25 })),
      ]),
    });
    const target = targetById("loihi");
    const { file } = await target.export(network, directory);
    network.dispose();
    const shape = [steps, samples, 1, side, side];
    const data = randomNumbers(steps * samples * side ** 2, 7, 0, 1.4).map(Math.floor);
    return { target, directory, file: join(directory, file), input: { form: "sequence" as const, shape, data } };
  }

  it("gives the CPU's run, layer by layer, with the device as an option or as the current one", async () => {
    const { target, directory, input } = await exported();
    try {
      const runtime = await target.open(directory);
      const cpu = await runtime.run(input, { layers: true });
      expect(cpu.layers.every(({ data }) => data.some((spike) => spike === 1))).toBe(true);
      expect(await runtime.run(input, { layers: true, device: DEVICE })).toEqual(cpu);
      expect(await withDevice(DEVICE, () => runtime.run(input, { layers: true }))).toEqual(cpu);
      await expect(runtime.run(input, { device: "cuda:99" })).rejects.toThrow(/cuda:99/);
      runtime.close();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it("tells its progress to the end, sample by sample in order", async () => {
    const { directory, file, input } = await exported();
    try {
      const told: number[] = [];
      const chunkNumbers = 7 * steps * 4 * side ** 2;
      const onProgress = (done: number) => void told.push(done);
      simulate(await readNet(file), input, { device: DEVICE, chunkNumbers, onProgress });
      expect(told.length).toBe(Math.ceil(samples / 7));
      expect(told.at(-1)).toBe(samples);
      expect(told).toEqual([...told].sort((a, b) => a - b));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
