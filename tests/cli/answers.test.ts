/** Commands that answer questions: inspect, schema, info, help. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../error-of.ts";
import { fixture } from "../fixture.ts";
import { spikeship, spikeshipJson, tinyConfig } from "./program.ts";

const folder = temporaryFolder();
const examples = fileURLToPath(new URL("../../examples", import.meta.url));
const digits = fileURLToPath(new URL("../../fixtures/digits", import.meta.url));

describe("inspect", () => {
  const at = (...names: string[]) => join(folder, "run", ...names);

  beforeAll(async () => {
    writeFileSync(join(folder, "tiny.json"), JSON.stringify(tinyConfig()));
    await spikeshipJson(["demo", "-c", join(folder, "tiny.json"), "-o", at()]);
  });

  const written: [string, object, RegExp][] = [
    ["loihi/export/network.net", { latency: 2, neurons: 46, inputShape: [1, 8, 8] }, /dense +\[10\] +36 to 10 .*CUBA/],
    ["loihi/export/manifest.json", { target: "loihi", file: "network.net" }, /network\.net +[0-9a-f]{64}/],
    ["loihi/export/network.safetensors", { network: { steps: 4 } }, /prepared for +loihi/],
    ["loihi/export/verdict.json", { passed: true }, /passed +yes/],
    ["lynxi/export/graph.onnx", { opset: 12, producer: "spikeship" }, /Source layers\n.*\n( +.*\n)* +0 +conv/],
    ["lynxi/export/manifest.json", { target: "lynxi", T: 4 }, /graph\.onnx +[0-9a-f]{64}/],
    ["lynxi/export/verdict.json", { passed: true }, /float16/],
    ["float/checkpoint.safetensors", { network: { parameters: 396 } }, /Conv2d\(.*\[4,3,3\] +36/],
    ["float/metrics.jsonl", { records: [{ epoch: 1 }, { epoch: 2 }] }, /testAccuracy/],
    ["report.json", { title: "tiny" }, /proven/],
    ["summary.json", { loihi: { mismatchedSpikes: 0 } }, /mismatchedSpikes +0/],
    ["../tiny.json", { network: { parameters: 396 } }, /2 epochs in batches of 128/],
  ];
  it.each(written)("shows what %s holds, in words and as JSON", async (name, facts, words) => {
    const { code, out } = await spikeship(["inspect", at(name)]);
    expect(code).toBe(0);
    expect(out).toMatch(words);
    expect(await spikeshipJson(["inspect", at(name)])).toMatchObject({ path: at(name), ...facts });
  });

  it("counts the records of a TensorBoard file and finds a changed byte", async () => {
    const [name] = readdirSync(at("float", "tensorboard"));
    const path = at("float", "tensorboard", name!);
    expect((await spikeshipJson(["inspect", path])) as object).toMatchObject({ format: "TensorBoard events" });
    const bytes = readFileSync(path);
    bytes[bytes.length - 6]! ^= 1;
    writeFileSync(join(folder, name!), bytes);
    const { code, err } = await spikeship(["inspect", join(folder, name!)]);
    expect(code).toBe(2);
    expect(err).toContain("checksum");
  });

  it("shows files that others wrote", async () => {
    expect(await spikeshipJson(["inspect", join(digits, "digits-images-idx3-ubyte.gz")])).toMatchObject({
      format: "IDX images",
      min: 0,
      max: 16,
    });
    expect((await spikeship(["inspect", join(digits, "digits-labels-idx1-ubyte.gz")])).out).toContain("class  samples");
    for (const file of ["checkpoint_csnn.pt", "checkpoint_csnn_legacy.pt", "csnn_torch_export.onnx"]) {
      expect((await spikeship(["inspect", fixture(file)])).code, file).toBe(0);
    }
  });
});

describe("schema", () => {
  it("fits every example and refuses what a config must not say", async () => {
    const { code, out } = await spikeship(["schema"]);
    expect(code).toBe(0);
    const schema = z.fromJSONSchema(JSON.parse(out));
    for (const name of readdirSync(examples).filter((file) => file.endsWith(".json"))) {
      const example: unknown = JSON.parse(readFileSync(join(examples, name), "utf8"));
      expect(schema.safeParse(example).error?.issues ?? [], name).toEqual([]);
    }
    const wrong = [{ epoch: 1 }, { seed: -1 }, { training: { epochs: "3" } }];
    for (const change of wrong) expect(schema.safeParse({ ...tinyConfig(), ...change }).success).toBe(false);
  });
});

describe("info", () => {
  it("names versions, processor and targets", async () => {
    const info = await spikeshipJson(["info"]);
    expect(info).toMatchObject({ node: process.version, targets: [{ id: "loihi" }, { id: "lynxi" }] });
    expect((await spikeship(["info"])).out).toMatch(/^spikeship \d+\.\d+\.\d+, node v/);
  });

  it("says why a device library cannot be opened, and all the rest", async () => {
    const library = join(folder, "no-library.so");
    writeFileSync(library, "no library");
    const env = { SPIKESHIP_DEVICE_LIBRARY: library };
    const { code, out } = await spikeship(["info"], { env });
    expect(code).toBe(0);
    expect(out.split("\n").find((line) => line.startsWith("device "))).toMatch(/^device {5}none: .*no-library\.so/);
    expect(out).toContain("target     lynxi");
    const { cuda } = (await spikeshipJson(["info"], { env })) as { cuda: { whyNone: string } };
    expect(cuda.whyNone).toContain("no-library.so");
  });

  it("says which switches of the dense libraries are set, and which value has no effect", async () => {
    const none = { SPIKESHIP_TF32: "", SPIKESHIP_CUDNN: "", SPIKESHIP_CUDNN_MEASURE: "" };
    expect((await spikeship(["info"], { env: none })).out).not.toMatch(/^setting/m);
    const env = { ...none, SPIKESHIP_TF32: "1", SPIKESHIP_CUDNN: "no" };
    const { out } = await spikeship(["info"], { env });
    expect(out).toMatch(/^setting {4}SPIKESHIP_TF32=1: products of float32 on tensor cores/m);
    expect(out).toMatch(/^setting {4}SPIKESHIP_CUDNN=no: no effect, only 0 has one$/m);
    expect(await spikeshipJson(["info"], { env })).toMatchObject({
      settings: [{ name: "SPIKESHIP_TF32", value: "1" }, { name: "SPIKESHIP_CUDNN" }],
    });
  });
});

describe("help", () => {
  it("lists every command, and each command shows an example of itself", async () => {
    const { code, out } = await spikeship(["--help"]);
    expect(code).toBe(0);
    const commands = [...out.slice(out.indexOf("Commands:")).matchAll(/^ {2}([a-z]+) {2,}/gm)].map(([, name]) => name!);
    expect(commands.filter((name) => name !== "help").sort()).toEqual([
      "check",
      "demo",
      "export",
      "info",
      "inspect",
      "map",
      "quantize",
      "report",
      "schema",
      "simulate",
      "train",
      "verify",
    ]);
    for (const name of commands) {
      if (name === "help") continue;
      const help = await spikeship([name, "--help"]);
      expect(help.code, name).toBe(0);
      expect(help.out, name).toMatch(new RegExp(`Examples?:\\n  spikeship ${name}`));
    }
  });

  it("is shown, with exit code 2, when no command is given", async () => {
    const { code, out } = await spikeship([]);
    expect(code).toBe(2);
    expect(out).toContain("Usage: spikeship");
  });
});
