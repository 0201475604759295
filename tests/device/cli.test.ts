/** `--device` on the real command line. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { spikeship, tinyConfig } from "../cli/program.ts";
import { temporaryFolder } from "../error-of.ts";
import { describeOnDevice } from "./device.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const config = at("tiny.json");
const trained = at("run", "float", "checkpoint.safetensors");

describeOnDevice("--device", () => {
  it("trains, quantizes and verifies on the device it names, and says so", async () => {
    writeFileSync(config, JSON.stringify(tinyConfig()));
    const onDevice = /Running on cuda:0 \(.+, .+B\)/;
    const train = await spikeship(["train", config, "-o", at("run", "float"), "--device", "auto"]);
    expect(train.err).toMatch(onDevice);
    expect(train.code).toBe(0);
    const quantize = await spikeship(["quantize", "loihi", trained, "--verify", "--device", "cuda"]);
    expect(quantize.err).toMatch(onDevice);
    expect(quantize.out).toMatch(/behaves as the network it was written from/);
    expect(quantize.code).toBe(0);
    const verify = await spikeship(["verify", at("run", "loihi", "export"), "--device", "cuda:0", "--samples", "20"]);
    expect(verify.err).toMatch(onDevice);
    expect(verify.out).toMatch(/behaves as the network it was written from/);
    expect(verify.code).toBe(0);
  });

  it("that is not there is refused before any work", async () => {
    const { code, err } = await spikeship(["train", config, "-o", at("none"), "--device", "cuda:99"]);
    expect(code).not.toBe(0);
    expect(err).toMatch(/device cuda:99: expected a device from cuda:0 to .*--device cpu/s);
  });
});
