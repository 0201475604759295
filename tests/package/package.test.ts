/** The package as a stranger gets it: packed, installed in an empty folder, its command run, its types checked and its code used. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, it, type TestContext } from "vitest";
import { tinyConfig } from "../cli/program.ts";
import { temporaryFolder } from "../error-of.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const app = join(temporaryFolder(), "app");
/** Packing and installing some dozen packages, on a slow network. */
const INSTALL_MILLISECONDS = 300_000;
const prebuilt = join(app, "node_modules", "spikeship", "prebuilds", `${process.platform}-${process.arch}`);

const execute = promisify(execFile);
const run = (command: string, args: string[], cwd = app) => execute(command, args, { cwd, maxBuffer: 2 ** 26 });
const spikeship = (...args: string[]) => run("npx", ["--no-install", "spikeship", ...args]);

/** Why nothing below can run: no package registry answers. */
let unreachable: string | null = null;

beforeAll(async () => {
  mkdirSync(app);
  await run("npm", ["pack", "--pack-destination", app], root);
  const archive = readdirSync(app).find((name) => name.endsWith(".tgz"));
  if (archive === undefined) throw new Error("npm pack made no archive");
  writeFileSync(join(app, "package.json"), JSON.stringify({ name: "app", version: "1.0.0", type: "module" }));
  try {
    await run("npm", ["install", "--no-audit", "--no-fund", `./${archive}`]);
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    if (!/npm error code (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH)/.test(stderr)) throw error;
    unreachable = "no package registry is reachable";
  }
}, INSTALL_MILLISECONDS);

function needsRegistry(context: TestContext): void {
  if (unreachable !== null) context.skip(unreachable);
}

/** What the compiler says of a file, which it also turns into JavaScript. */
async function compile(file: string): Promise<string> {
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const strict = ["--strict", "--target", "es2022", "--module", "nodenext", "--ignoreConfig"];
  const { stdout } = await run(process.execPath, [compiler, ...strict, file]).catch(
    (error: { stdout: string }) => error,
  );
  return stdout;
}

const example = `
import { ConstantEncoder, Conv2d, createNetwork, Flatten, IFNode, Linear, type Network, RandomStream, Sequential, Tensor } from "spikeship";

const network: Network = createNetwork({
  inputShape: [1, 8, 8],
  steps: 4,
  encoder: ConstantEncoder(),
  root: Sequential([Conv2d({ inChannels: 1, outChannels: 4, kernelSize: 3 }), IFNode(), Flatten(), Linear({ inFeatures: 144, outFeatures: 10 })]),
});
const rates: Tensor = network.predict(Tensor.ones([2, 1, 8, 8]), new RandomStream(0));
console.log(JSON.stringify(rates.shape));
`;

describe("the packed package", () => {
  it("brings the native core, the examples and the digits along", (context) => {
    needsRegistry(context);
    const parts = ["dist/index.d.ts", "examples/digits.json", "fixtures/digits", "scripts/setup.mjs", "LICENSE"];
    for (const part of parts) expect(existsSync(join(app, "node_modules", "spikeship", part)), part).toBe(true);
    expect(readdirSync(prebuilt)).toEqual(["spikeship.node"]);
  });

  it("has a command that runs", async (context) => {
    needsRegistry(context);
    expect((await spikeship("--help")).stdout).toContain("Usage: spikeship");
    expect(JSON.parse((await spikeship("info", "--json")).stdout)).toMatchObject({
      targets: [{ id: "loihi" }, { id: "lynxi" }],
    });
  });

  it("goes the whole path on the digits it brings", async (context) => {
    needsRegistry(context);
    writeFileSync(join(app, "tiny.json"), JSON.stringify(tinyConfig()));
    const { stdout } = await spikeship("demo", "-q", "--json", "-c", "tiny.json", "-o", "out");
    expect(JSON.parse(stdout)).toMatchObject({ loihi: { mismatchedSpikes: 0 }, report: join("out", "report.html") });
  });

  it("has types that fit, and code that does what they say", async (context) => {
    needsRegistry(context);
    writeFileSync(join(app, "example.ts"), example);
    expect(await compile("example.ts")).toBe("");
    expect(JSON.parse((await run(process.execPath, ["example.js"])).stdout)).toEqual([2, 10]);
  });

  it("does what the README's example says", async (context) => {
    needsRegistry(context);
    const code = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1];
    if (code === undefined) throw new Error("expected an example in README.md");
    writeFileSync(join(app, "readme.ts"), code);
    expect(await compile("readme.ts")).toBe("");
    await run(process.execPath, ["readme.js"]);
    expect(existsSync(join(app, "out", "network.net"))).toBe(true);
  });

  it("says how to build the core where none came with it", async (context) => {
    needsRegistry(context);
    renameSync(prebuilt, `${prebuilt}-away`);
    try {
      const failure = await spikeship("info").then(
        () => null,
        (error: { code: number; stderr: string }) => error,
      );
      expect(failure).toMatchObject({ code: 2 });
      expect(failure?.stderr).toContain(join("spikeship", "scripts", "setup.mjs"));
    } finally {
      renameSync(`${prebuilt}-away`, prebuilt);
    }
  });
});
