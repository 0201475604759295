/** The set-up script in a folder of its own, with stand-ins for the compiler, CMake and apt that write down how they were called. */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { coreFile } from "../../src/kernels/load.ts";
import { temporaryFolder } from "../error-of.ts";

interface Place {
  root: string;
  env: NodeJS.ProcessEnv;
  run(): { code: number | null; out: string; err: string };
  builds(): number;
}

const folder = temporaryFolder();
let places = 0;

const stands = {
  "g++": "exit 0",
  make: "exit 0",
  // `cmake --build FOLDER`: pretends to build by handing over the core that exists.
  cmake:
    'if [ "$1" = --build ]; then echo build >> "$LOG"; sleep 0.3; mkdir -p "$2"; cp "$CORE" "$2/spikeship.node"; fi',
};

/** A clone with the script, one native source, and a PATH of stand-ins. */
function place(tools: Record<string, string>): Place {
  const root = join(folder, `${places++}`);
  const tool = join(root, "tools");
  const native = join(root, "src", "kernels", "native");
  for (const path of [join(root, "scripts"), native, tool, join(root, "node_modules", "node-addon-api")]) {
    mkdirSync(path, { recursive: true });
  }
  cpSync(join(process.cwd(), "scripts", "setup.mjs"), join(root, "scripts", "setup.mjs"));
  writeFileSync(join(root, "package.json"), '{ "name": "spikeship", "version": "0.0.0" }');
  writeFileSync(join(root, "CMakeLists.txt"), "# nothing\n");
  writeFileSync(join(native, "addon.cc"), "// nothing\n");
  writeFileSync(join(root, "node_modules", "node-addon-api", "package.json"), '{ "name": "node-addon-api" }');
  for (const name of ["sh", "sleep", "mkdir", "cp", "env", "cat"]) {
    const real = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
    symlinkSync(real, join(tool, name));
  }
  for (const [name, body] of Object.entries(tools)) {
    writeFileSync(join(tool, name), `#!/bin/sh\n${body}\n`);
    chmodSync(join(tool, name), 0o755);
  }
  const log = join(root, "log");
  const env = { PATH: tool, LOG: log, CORE: coreFile() };
  return {
    root,
    env,
    run() {
      const result = spawnSync(process.execPath, ["scripts/setup.mjs"], { cwd: root, env, encoding: "utf8" });
      return { code: result.status, out: result.stdout, err: result.stderr };
    },
    builds: () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n").length : 0),
  };
}

describe("set-up", () => {
  it("builds the core once, then does nothing until a source changes", () => {
    const { root, run, builds } = place(stands);
    expect(run()).toMatchObject({ code: 0, err: "" });
    expect(existsSync(join(root, "build", "spikeship.node"))).toBe(true);
    expect(run()).toEqual({ code: 0, out: "", err: "" });
    expect(builds()).toBe(1);
    writeFileSync(join(root, "src", "kernels", "native", "addon.cc"), "// changed\n");
    expect(run().out).toContain("building the native core");
    expect(builds()).toBe(2);
    rmSync(join(root, "build", "spikeship.node"));
    run();
    expect(builds()).toBe(3);
  });

  it("builds once when two start together, and takes over the lock of a process that is gone", async () => {
    const { root, env, builds } = place(stands);
    mkdirSync(join(root, "build"));
    // No process has this number: Linux ends at 2^22.
    writeFileSync(join(root, "build", "setup.lock"), "99999999");
    const start = () =>
      new Promise<number | null>((resolve) => {
        spawn(process.execPath, ["scripts/setup.mjs"], { cwd: root, env, stdio: "ignore" }).on("exit", resolve);
      });
    expect(await Promise.all([start(), start()])).toEqual([0, 0]);
    expect(builds()).toBe(1);
    expect(existsSync(join(root, "build", "setup.lock"))).toBe(false);
  });

  it("names what is missing, and stops with code 2, where there is no apt", () => {
    const { code, err } = place({}).run();
    expect(code).toBe(2);
    expect(err).toContain("g++ 11 or newer");
    expect(err).toContain("g++, cmake, make, libdnnl-dev");
  });

  it("installs exactly what is missing through apt, one line each", () => {
    // The compiler finds oneDNN only after apt has "installed" it.
    const compiler = 'case "$*" in *-ldnnl*) [ -e "$LOG.dnnl" ];; esac';
    const apt = 'case "$*" in *libdnnl-dev*) echo > "$LOG.dnnl";; esac; echo "$*" >> "$LOG.apt"';
    const { root, env, run } = place({ ...stands, "g++": compiler, "apt-get": apt, sudo: 'shift; exec "$@"' });
    const { code, out } = run();
    expect(code).toBe(0);
    expect(out).toContain("installing oneDNN with its headers (libdnnl-dev)");
    const calls = readFileSync(`${env.LOG}.apt`, "utf8").trim().split("\n");
    expect(calls.map((call) => call.replace(/^.*DPkg::Lock::Timeout=\d+ /, ""))).toEqual([
      "update",
      "install -y --no-install-recommends libdnnl-dev",
    ]);
    expect(existsSync(join(root, "build", "spikeship.node"))).toBe(true);
  });

  it("shows the compiler's words when the build fails, and leaves the old core", () => {
    const { root, run } = place(stands);
    run();
    const before = readFileSync(join(root, "build", "spikeship.node"));
    const broken = 'if [ "$1" = --build ]; then echo "addon.cc:1: error: nonsense" >&2; exit 1; fi';
    writeFileSync(join(root, "tools", "cmake"), `#!/bin/sh\n${broken}\n`);
    writeFileSync(join(root, "src", "kernels", "native", "addon.cc"), "nonsense\n");
    const { code, err } = run();
    expect(code).toBe(1);
    expect(err).toContain("addon.cc:1: error: nonsense");
    expect(readFileSync(join(root, "build", "spikeship.node")).equals(before)).toBe(true);
  });
});
