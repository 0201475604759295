/** What a user does wrong, or a disk: one clear line, exit code 2, and earlier results as they were. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { writeNpy } from "../../src/data/index.ts";
import { readSafetensors, writeSafetensors } from "../../src/model/index.ts";
import { idxBytes } from "../data/idx-bytes.ts";
import { temporaryFolder } from "../error-of.ts";
import { hashesBelow, type Outcome, runNode, spikeship, spikeshipJson, tinyConfig } from "./program.ts";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
/** Results of an earlier, successful run: every command below that fails is aimed at them. */
const kept = (...names: string[]) => at("kept", ...names);
const trained = kept("float", "checkpoint.safetensors");
let before: Record<string, string>;

type Config = ReturnType<typeof tinyConfig>;

function writeConfig(name: string, change: (config: Config) => void): string {
  const config = tinyConfig();
  config.training.epochs = 1;
  change(config);
  writeFileSync(at(name), JSON.stringify(config));
  return at(name);
}

beforeAll(async () => {
  mkdirSync(kept(), { recursive: true });
  const config = writeConfig("good.json", () => {});
  await spikeshipJson(["train", config, "-o", kept("float")]);
  for (const target of ["loihi", "lynxi"]) {
    await spikeshipJson(["quantize", target, trained, "--epochs", "0"]);
    await spikeshipJson(["export", target, kept(target, "checkpoint.safetensors")]);
  }
  writeNpy(at("spikes.npy"), { dtype: "uint8", shape: [4, 64], data: new Uint8Array(256) });
  before = hashesBelow(kept());
});

/** Exit code 2; nothing on standard output; one line *Where: expected X, got Y* that names `place`; earlier results untouched. */
function expectRefusal({ code, out, err }: Outcome, ...places: (string | RegExp)[]): void {
  expect({ code, out }, err).toEqual({ code: 2, out: "" });
  expect(err).toMatch(/^[^\n]+: expected [^\n]+, got [^\n]+[.?]\n$/);
  for (const place of places) {
    if (typeof place === "string") expect(err).toContain(place);
    else expect(err).toMatch(place);
  }
  expect(hashesBelow(kept())).toEqual(before);
}

/** A damaged copy of a file of the earlier results. */
function damaged(name: string, source: string, damage: (path: string) => void): string {
  cpSync(source, at(name));
  damage(at(name));
  return at(name);
}

const half = (path: string) => truncateSync(path, Math.floor(statSync(path).size / 2));
const otherMagic = (path: string) => {
  const bytes = readFileSync(path);
  bytes.write("wrongmagic");
  writeFileSync(path, bytes);
};

describe("a dataset in IDX files", () => {
  const images = idxBytes([20, 8, 8], new Uint8Array(20 * 64));
  const labels = idxBytes([20], new Uint8Array(20));

  /** Folder and config of a set whose files are these. */
  function mnist(name: string, change: { images?: Uint8Array; labels?: Uint8Array }): string[] {
    mkdirSync(at(name));
    writeFileSync(at(name, "t10k-images-idx3-ubyte"), change.images ?? images);
    writeFileSync(at(name, "t10k-labels-idx1-ubyte"), change.labels ?? labels);
    const config = writeConfig(`${name}.json`, (c) => {
      c.dataset = { kind: "mnist", directory: at(name), trainRows: "0:10", testRows: "10:20" };
    });
    return ["train", config, "-q", "-o", kept("float")];
  }

  it("is refused when the images are truncated", async () => {
    expectRefusal(await spikeship(mnist("short", { images: images.subarray(0, 700) })), "t10k-images-idx3-ubyte");
  });

  it("is refused when the magic number is another", async () => {
    const wrong = Uint8Array.from(images);
    wrong[0] = 1;
    expectRefusal(await spikeship(mnist("magic", { images: wrong })), "t10k-images-idx3-ubyte", "magic number");
  });

  it("is refused when images and labels differ in number", async () => {
    expectRefusal(
      await spikeship(mnist("uneven", { labels: idxBytes([19], new Uint8Array(19)) })),
      "t10k-labels-idx1-ubyte",
      "20 labels",
    );
  });
});

describe("a damaged file", () => {
  const simulate = (path: string) => ["simulate", path, "-q", "-i", at("spikes.npy"), "-o", kept("never.npy")];
  const sources = {
    "a .net file": ["x.net", kept("loihi", "export", "network.net"), simulate],
    "an ONNX graph": ["x.onnx", kept("lynxi", "export", "graph.onnx"), simulate],
    "a checkpoint": [
      "x.safetensors",
      trained,
      (path: string) => ["export", "lynxi", path, "-o", kept("lynxi", "export")],
    ],
    "a config": ["x.json", "good.json", (path: string) => ["train", path, "-q", "-o", kept("float")]],
    "a NumPy array": [
      "x.npy",
      "spikes.npy",
      (path: string) => ["simulate", kept("loihi", "export", "network.net"), "-q", "-i", path, "-o", kept("never.npy")],
    ],
  } as const;

  it.each(Object.entries(sources))(
    "is refused: %s, truncated or of another kind",
    async (_, [name, source, command]) => {
      const path = source.includes("/") ? source : at(source);
      for (const damage of [half, otherMagic]) {
        const file = damaged(name, path, damage);
        expectRefusal(await spikeship([...command(file)]), file);
        expectRefusal(await spikeship(["inspect", file]), file);
      }
    },
  );

  it("is refused when it is empty, or a folder", async () => {
    for (const name of ["e.net", "e.onnx", "e.safetensors", "e.json", "e.npy", "e.pt", "e-idx1-ubyte"]) {
      writeFileSync(at(name), "");
      expectRefusal(await spikeship(["inspect", at(name)]), at(name));
    }
    expectRefusal(await spikeship(["inspect", folder]), folder);
  });

  it("is refused when it is the manifest of an export", async () => {
    cpSync(kept("lynxi", "export"), at("broken-export"), { recursive: true });
    half(at("broken-export", "manifest.json"));
    expectRefusal(await spikeship(["verify", at("broken-export"), "-q"]), at("broken-export", "manifest.json"));
  });

  it("cannot smuggle line breaks or terminal commands into the message", async () => {
    writeFileSync(at("bell.json"), '{ "name": "x", "\\u001b[31m\\nred\\u0007": 1 }');
    expectRefusal(await spikeship(["train", at("bell.json"), "-o", kept("float")]), at("bell.json"));
  });
});

describe("weights that are no numbers", () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY])("are refused by name: %s", async (bad) => {
    const { tensors, metadata } = readSafetensors(trained);
    const weight = tensors.get("3.weight");
    if (!(weight?.data instanceof Float32Array)) throw new Error("expected float32 weights");
    weight.data[7] = bad;
    writeSafetensors(at("bad.safetensors"), tensors, metadata);
    const place = [at("bad.safetensors"), "3.weight", "[7]"];
    expectRefusal(await spikeship(["quantize", "loihi", at("bad.safetensors"), "-q", "-o", kept("loihi")]), ...place);
    for (const target of ["loihi", "lynxi"]) {
      expectRefusal(await spikeship(["export", target, at("bad.safetensors"), "-o", kept(target, "export")]), ...place);
    }
  });
});

describe("a config", () => {
  const cases: [string, (config: Config) => void, ...(string | RegExp)[]][] = [
    ["an unknown field", (c) => Object.assign(c.training, { epoch: 3 }), "training", 'Did you mean "epochs"?'],
    ["a negative number of epochs", (c) => Object.assign(c.training, { epochs: -1 }), "training.epochs", "got -1"],
    ["a text for a number", (c) => Object.assign(c.training, { batchSize: "8" }), "training.batchSize", 'got "8"'],
    ["no network", (c) => Object.assign(c, { network: undefined }), "network", "got nothing"],
    ["an unknown dataset", (c) => Object.assign(c.dataset, { kind: "mnst" }), "dataset.kind", '"mnist"'],
    ["an unknown layer", (c) => Object.assign(c.network.root.layers[0]!, { kind: "Conv2" }), 'Did you mean "Conv2d"?'],
    ["an unknown field of a layer", (c) => Object.assign(c.network.root.layers[0]!, { strides: 2 }), "stride"],
    ["layers that do not fit", (c) => Object.assign(c.network.root.layers[3]!, { inFeatures: 35 }), "35", "36"],
    ["an unknown target", (c) => Object.assign(c.targets, { lohi: {} }), "targets", 'Did you mean "loihi"?'],
    ["a threshold out of range", (c) => Object.assign(c.network.root.layers[1]!, { vThreshold: "high" }), "vThreshold"],
  ];
  it.each(cases)("with %s is refused", async (_, change, ...places) => {
    const path = writeConfig("wrong.json", change);
    expectRefusal(await spikeship(["train", path, "-q", "-o", kept("float")]), path, ...places);
  });

  it("is named with the layer at fault by every command that reads it", async () => {
    const path = writeConfig("layer.json", (c) => Object.assign(c.network.root.layers[0]!, { kind: "Conv2" }));
    for (const args of [
      ["demo", "-q", "-c", path],
      ["check", "-t", "loihi", path],
      ["inspect", path],
    ]) {
      expectRefusal(await spikeship(args, { cwd: folder }), `${path}: network.root.0`);
    }
  });
});

describe("a network that a chip cannot hold", () => {
  it("is refused with the layer and the way out, and `check` says so before training", async () => {
    const path = writeConfig("pool.json", (config) => {
      const [conv, neuron, ...rest] = config.network.root.layers;
      Object.assign(conv!, { stride: 1 });
      // before the neuron it is a maximum of sums, which is no OR
      config.network.root.layers = [conv!, { kind: "MaxPool2d", kernelSize: 2 }, neuron!, ...rest];
    });
    await spikeshipJson(["train", path, "-o", at("pool")]);
    const checkpoint = at("pool", "checkpoint.safetensors");
    expectRefusal(await spikeship(["quantize", "loihi", checkpoint, "-q", "-o", kept("loihi")]), /max ?pool/i);
    expectRefusal(await spikeship(["export", "loihi", checkpoint, "-o", kept("loihi", "export")]), /max ?pool/i);
    const { code, out } = await spikeship(["check", "-t", "loihi", path]);
    expect(code).toBe(2);
    expect(out).toMatch(/^error: .*max ?pool/im);
  });
});

describe("a path", () => {
  const commands: [string, string[]][] = [
    ["train", ["train", "MISSING.json"]],
    ["quantize", ["quantize", "loihi", "MISSING.safetensors"]],
    ["export", ["export", "loihi", "MISSING.safetensors"]],
    ["verify", ["verify", "MISSING"]],
    ["simulate", ["simulate", "MISSING.net", "-i", "MISSING.npy", "-o", "x.npy"]],
    ["inspect", ["inspect", "MISSING.net"]],
    ["report", ["report", "MISSING"]],
    ["demo", ["demo", "-c", "MISSING.json"]],
  ];
  it.each(commands)("that does not exist is named by %s", async (_, args) => {
    expectRefusal(await spikeship(args, { cwd: folder }), "MISSING", "no such file");
  });

  it("that another command should have written is named with that command", async () => {
    const float = kept("float");
    for (const args of [
      ["verify", float],
      ["map", float],
      ["check", "-t", "loihi", float],
    ])
      expectRefusal(await spikeship(args), float, "manifest.json", "run spikeship export first");
    expectRefusal(await spikeship(["verify", trained]), trained, "got a file");
    expectRefusal(await spikeship(["report", float]), float, "report.json", "run spikeship demo first");
  });

  it("that cannot be written is named, before anything is lost", async () => {
    const below = at("good.json", "results");
    const network = kept("loihi", "export", "network.net");
    expectRefusal(await spikeship(["train", at("good.json"), "-q", "-o", below]), below);
    expectRefusal(await spikeship(["quantize", "loihi", trained, "-q", "-o", below]), below);
    expectRefusal(await spikeship(["export", "lynxi", kept("lynxi", "checkpoint.safetensors"), "-o", below]), below);
    expectRefusal(await spikeship(["simulate", network, "-q", "-i", at("spikes.npy"), "-o", below]), below);
    expectRefusal(await spikeship(["report", kept(), "-o", below]), kept(), "report.json");
  });
});

describe("a disk", () => {
  const mounts: string[] = [];
  afterAll(() => {
    for (const mount of mounts) execFileSync("umount", [mount]);
  });

  /** A small file system of its own with the earlier results on it, as far as they fit; skips where that needs rights we lack. */
  function smallDisk(context: TestContext, name: string, options: string): string {
    mkdirSync(at(name));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", at(name)], { stdio: "pipe" });
    } catch {
      context.skip("mounting a small file system needs root");
    }
    mounts.push(at(name));
    return at(name);
  }

  /** Every command that writes, aimed at results on that disk. */
  async function expectAllRefused(disk: string, reason: string): Promise<void> {
    const there = (...names: string[]) => join(disk, ...names);
    const earlier = hashesBelow(disk);
    const commands = [
      ["train", at("good.json"), "-q", "-o", there("float")],
      ["quantize", "lynxi", trained, "-q", "-o", there("lynxi")],
      ["export", "loihi", kept("loihi", "checkpoint.safetensors"), "-o", there("loihi", "export")],
      ["export", "lynxi", kept("lynxi", "checkpoint.safetensors"), "-o", there("lynxi", "export")],
      ["simulate", kept("loihi", "export", "network.net"), "-q", "-i", at("spikes.npy"), "-o", there("out.npy")],
    ];
    for (const command of commands) expectRefusal(await spikeship(command), disk, reason);
    expect(hashesBelow(disk)).toEqual(earlier);
  }

  it("that is full is named, and what was there stays", async (context) => {
    const disk = smallDisk(context, "full", "size=256k");
    cpSync(kept("float", "checkpoint.safetensors"), join(disk, "float", "checkpoint.safetensors"));
    writeFileSync(join(disk, "out.npy"), "earlier");
    for (const name of ["loihi", "lynxi"]) mkdirSync(join(disk, name, "export"), { recursive: true });
    const { bavail, bsize } = await import("node:fs").then(({ statfsSync }) => statfsSync(disk));
    writeFileSync(join(disk, "ballast"), Buffer.alloc(bavail * bsize));
    await expectAllRefused(disk, "full disk");
  });

  it("that is read-only is named, and what was there stays", async (context) => {
    const disk = smallDisk(context, "read-only", "size=1m");
    writeFileSync(join(disk, "out.npy"), "earlier");
    execFileSync("mount", ["-o", "remount,ro", disk], { stdio: "pipe" });
    await expectAllRefused(disk, "read-only");
  });
});

describe("an output", () => {
  const program = join(import.meta.dirname, "..", "..", "dist", "cli", "main.js");
  const shell = (line: string) =>
    runNode([
      "-e",
      `process.exit(require("child_process").spawnSync("bash", ["-c", ${JSON.stringify(line)}], { stdio: "inherit" }).status)`,
    ]);

  it("that is full is named, with exit code 2 and no stack", async (context) => {
    if (!existsSync("/dev/full")) context.skip("this system has no /dev/full");
    const { code, err } = await shell(`node ${program} schema > /dev/full`);
    expect({ code, err }).toEqual({
      code: 2,
      err: "standard output: expected room on the disk, got a full disk. Free some space and run again.\n",
    });
  });

  it("whose reader goes away is no failure: results end quietly, and work goes on without its progress", async () => {
    expect(await shell(`node ${program} schema | true; exit \${PIPESTATUS[0]}`)).toEqual({ code: 0, out: "", err: "" });
    const run = `node ${program} train ${at("good.json")} -o ${at("unread")} 2> >(true); exit $?`;
    const { code, out } = await shell(run);
    expect(code).toBe(0);
    expect(out).toContain(at("unread", "checkpoint.safetensors"));
  });
});

describe("wrong use", () => {
  const cases: [string, string[], string][] = [
    ["an unknown command", ["trian"], "Did you mean train?"],
    ["help on an unknown command", ["help", "trian"], "Did you mean train?"],
    ["an argument too many", ["schema", "x"], "Add --help to see how the command is used."],
    ["an unknown option", ["train", "good.json", "--resum"], "Did you mean --resume?"],
    ["a missing argument", ["export", "loihi"], "checkpoint"],
    ["an unknown target", ["export", "lohi", "x"], 'Did you mean "loihi"?'],
    ["a number that is none", ["train", "good.json", "--epochs", "many"], "--epochs"],
    ["an unknown ending", ["simulate", "good.json", "-i", "spikes.npy", "-o", "x.npy"], ".net"],
  ];
  it.each(cases)("ends with 2 and a hint: %s", async (_, args, hint) => {
    const { code, out, err } = await spikeship(args, { cwd: folder });
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(hint);
  });
});
