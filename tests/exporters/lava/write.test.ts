/** Writing `.net` files: what is read back is what was written, and the bytes depend on the network alone. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type NetFile, netArray, scalar } from "../../../src/exporters/lava/net/net-file.ts";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { encodeNet, writeNet } from "../../../src/exporters/lava/write.ts";
import { fixture } from "../../fixture.ts";
import { PLAIN, randomNet, traits } from "./random-net.ts";

const nets = dirname(fixture("lava_nets", "dense_if.net"));
let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "net-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function readBack(net: NetFile): Promise<NetFile> {
  const path = join(folder, "back.net");
  await writeNet(net, path);
  return readNet(path);
}

describe("writing and reading", () => {
  it.each(readdirSync(nets).filter((name) => name.endsWith(".net")))(
    "keeps %s, and its bytes from then on",
    async (name) => {
      const net = await readNet(join(nets, name));
      const back = await readBack(net);
      expect(back).toEqual(net);
      expect(await encodeNet(back)).toEqual(await encodeNet(net));
    },
  );

  it("keeps random networks", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), traits, async (seed, t) => {
        const net = randomNet(seed, t);
        expect(await readBack(net)).toEqual(net);
      }),
      { numRuns: 40, seed: 11 },
    );
  });

  it("keeps layers and neurons that Lava cannot load", async () => {
    const neuron = { type: "ALIF", iDecay: scalar(1), vDecay: scalar(2), vThMant: 3, extras: {} } as const;
    const window = { stride: [2, 1], padding: [0, 1], dilation: [1, 1] } as const;
    const shared = { shape: [1, 2, 2], weight: netArray([1, 1, 1, 2], [4, 6]), delay: scalar(3), neuron, extras: {} };
    const net: NetFile = {
      simulation: { ts: 1, tSample: 16 },
      layers: [
        {
          type: "pool",
          kernelSize: [1, 2],
          ...shared,
          stride: [...window.stride],
          padding: [...window.padding],
          dilation: [...window.dilation],
        },
        {
          type: "convT",
          groups: 1,
          bias: netArray([1], [7]),
          ...shared,
          stride: [...window.stride],
          padding: [...window.padding],
          dilation: [...window.dilation],
        },
        { type: "average", shape: [3], extras: { note: "kept", level: netArray([2], [0.5, 2]) } },
        { type: "concat", shape: null, layers: [0, 1], extras: {} },
        { type: "dense_comp", extras: {} },
      ],
    };
    expect(await readBack(net)).toEqual(net);
  });
});

describe("the bytes of a file", () => {
  it("do not depend on the clock", async () => {
    const net = randomNet(5, { ...PLAIN, biases: true, decayLists: true });
    vi.useFakeTimers({ now: new Date("2001-02-03T04:05:06Z"), toFake: ["Date"] });
    const then = await encodeNet(net);
    vi.setSystemTime(new Date("2031-02-03T04:05:06Z"));
    const later = await encodeNet(net);
    vi.useRealTimers();
    expect(Buffer.compare(then, later)).toBe(0);
    expect(Buffer.compare(then, await encodeNet(net))).toBe(0);
  });

  it("are valid HDF5 for another program", async () => {
    const path = join(folder, "other.net");
    await writeNet(await readNet(join(nets, readdirSync(nets)[0]!)), path);
    try {
      execFileSync("h5dump", ["--version"]);
    } catch {
      console.log("h5dump is not installed: HDF5's own tool does not read the file in this run");
      return;
    }
    expect(execFileSync("h5dump", ["-H", path], { encoding: "utf8" })).toContain('GROUP "layer"');
  });
});

describe("a file that cannot be written", () => {
  it("is refused when a weight does not survive as float32", async () => {
    const net: NetFile = {
      simulation: null,
      layers: [
        {
          type: "dense",
          shape: [1],
          weight: netArray([1, 1], [0.1]),
          imaginary: null,
          bias: null,
          delay: null,
          neuron: null,
          extras: {},
        },
      ],
    };
    await expect(encodeNet(net)).rejects.toThrow(/\/layer\/0\/weight: expected numbers that float32 holds, got 0.1/);
  });

  it("leaves what was there before", async () => {
    const path = join(folder, "missing", "a.net");
    const net = randomNet(1, PLAIN);
    await expect(writeNet(net, path)).rejects.toMatchObject({ code: "WRITE" });
    expect(existsSync(path)).toBe(false);
    const before = join(folder, "before.net");
    writeFileSync(before, "before");
    chmodSync(before, 0o644);
    await expect(
      encodeNet({ simulation: null, layers: [{ ...net.layers[0]!, extras: { weight: netArray([1], [1]) } } as never] }),
    ).resolves.toBeDefined();
    expect(readFileSync(before, "utf8")).toBe("before");
  });
});
