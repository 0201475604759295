/**
 * Makes a fresh clone (or an installed package) ready: system packages, npm packages, the native core. Plain Node without
 * dependencies, because nothing else is there yet. Does nothing when all is there. It does not compile TypeScript (build.mjs).
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const core = join(root, "build", "spikeship.node");
const coreHash = join(root, "build", "spikeship.hash");

export function say(line) {
  process.stdout.write(`spikeship setup: ${line}\n`);
}

/** Ends the program: 2 for something the user has to do, 1 for something that failed. */
export function stop(code, ...lines) {
  for (const line of lines) process.stderr.write(`${line}\n`);
  process.exit(code);
}

/** Runs a command quietly. Returns what it wrote, and whether it succeeded. */
function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, ...options });
  const output = `${result.stdout ?? ""}${result.stderr ?? ""}${result.error ? `${result.error.message}\n` : ""}`;
  return { ok: result.status === 0, output };
}

/** Runs a command quietly; shows its output and ends when it fails. */
export function must(what, command, args, options = {}) {
  const { ok, output } = run(command, args, options);
  if (!ok) stop(1, output.trimEnd(), `spikeship setup: ${what} failed (${command} ${args.join(" ")}).`);
}

function has(command) {
  return (process.env.PATH ?? "").split(":").some((folder) => folder !== "" && existsSync(join(folder, command)));
}

/** Every file below a folder, sorted. */
export function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)]));
}

/** Hash of names and contents: newer than any comparison of times, which a fresh clone makes all equal. */
export function hashOf(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    hash.update(`${relative(root, file)}\0`);
    hash.update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

export function storedHash(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function alive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Takes away the lock of a process that is gone. Renamed first: only one of several that wait gets it. */
function removeStale(lock, holder) {
  const mine = `${lock}.${process.pid}`;
  try {
    renameSync(lock, mine);
  } catch {
    return; // another was faster
  }
  // Between reading and renaming another may have taken it over: then it gets its lock back.
  if (Number(storedHash(mine)) === holder) rmSync(mine);
  else renameSync(mine, lock);
}

/** Runs `body` while no other set-up or build of this folder runs. */
export function alone(body) {
  mkdirSync(join(root, "build"), { recursive: true });
  const lock = join(root, "build", "setup.lock");
  for (let waited = 0; ; waited++) {
    try {
      writeFileSync(lock, `${process.pid}`, { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      const holder = Number(storedHash(lock));
      // An empty lock is being written; one that stays empty belongs to a process that was ended just then.
      if (holder > 0 ? !alive(holder) : waited > 50) removeStale(lock, holder);
      else if (waited === 1) say(`waiting for another set-up of this folder (process ${holder})`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
    }
  }
  const unlock = () => rmSync(lock, { force: true });
  process.on("exit", unlock);
  try {
    return body();
  } finally {
    process.off("exit", unlock);
    unlock();
  }
}

function checkNode() {
  const major = Number(process.versions.node.split(".")[0]);
  if (major < 20) stop(2, `spikeship setup: expected Node 20 or newer, got ${process.version}. Install a newer Node.`);
}

// --- npm packages -----------------------------------------------------------------------------------------------------

/** True when node_modules holds what package-lock.json names. An installed package has no lock: its packages are npm's. */
function packagesPresent() {
  const lock = join(root, "package-lock.json");
  if (!existsSync(lock)) return true;
  const installed = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  const wanted = Object.entries(JSON.parse(readFileSync(lock, "utf8")).packages).filter(([path]) => path !== "");
  const found = JSON.parse(readFileSync(installed, "utf8")).packages;
  return wanted.every(([path, { version, integrity, optional }]) => {
    const there = found[path];
    return there ? there.version === version && there.integrity === integrity : optional === true;
  });
}

function installPackages() {
  if (packagesPresent()) return;
  say("installing npm packages (npm ci)");
  // onnxruntime-node would fetch GPU libraries at installation; only the CPU library it brings along is used.
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip", ONNXRUNTIME_NODE_INSTALL_CUDA: "skip" };
  must("npm ci", "npm", ["ci", "--no-audit", "--no-fund"], { env });
}

// --- system packages --------------------------------------------------------------------------------------------------

/** Compiles a line of C++ and links it; nothing is kept. */
function compiles(source, ...flags) {
  const args = ["-std=c++20", "-fPIC", "-shared", "-x", "c++", "-", "-o", "/dev/null", ...flags];
  return run("g++", args, { input: source }).ok;
}

const requirements = [
  {
    name: "C++20 compiler (g++ 11 or newer)",
    packages: ["g++"],
    present: () => has("g++") && compiles("#include <bit>\nstatic_assert(std::bit_cast<int>(1.0f) != 0);\n"),
  },
  { name: "CMake", packages: ["cmake"], present: () => has("cmake") },
  { name: "make", packages: ["make"], present: () => has("make") || has("ninja") },
  {
    name: "oneDNN with its headers",
    packages: ["libdnnl-dev"],
    present: () => compiles("#include <dnnl.hpp>\nauto f = dnnl_version();\n", "-ldnnl"),
  },
];

const asRoot = process.getuid?.() === 0;

/** True when packages can be installed without asking anyone. */
function mayInstall() {
  return has("apt-get") && (asRoot || run("sudo", ["-n", "true"]).ok);
}

function apt(...args) {
  const line = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", ...args];
  const [first, ...rest] = asRoot ? line : ["sudo", "-n", ...line];
  return run(first, rest);
}

const pythonImports = (module) =>
  ["python3", "/usr/bin/python3"].some((python) => run(python, ["-c", `import ${module}`]).ok);

/** What some tests need besides the product; without it they are skipped and say why. */
const testTools = [
  {
    name: "a browser for the report's page",
    package: "chromium",
    present: () => ["chromium", "chromium-browser", "google-chrome"].some(has),
  },
  { name: "NumPy for the generated scripts", package: "python3-numpy", present: () => pythonImports("numpy") },
  { name: "PyTorch for the generated modules", package: "python3-torch", present: () => pythonImports("torch") },
  { name: "ONNX's own checker", package: "python3-onnx", present: () => pythonImports("onnx") },
];

/** What hinders an installation is said, no more: the tests run without. */
function installTestTools() {
  const missing = testTools.filter(({ present }) => !present());
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.package).join(", ");
  if (!mayInstall()) return say(`tests that need ${names} will be skipped; install them to run these tests`);
  apt("update");
  for (const tool of missing) {
    say(`installing ${tool.name} (${tool.package})`);
    const { ok, output } = apt("install", "-y", "--no-install-recommends", tool.package);
    if (!ok) say(`could not install ${tool.package}, its tests are skipped: ${output.trimEnd().split("\n").at(-1)}`);
  }
}

function installSystemPackages() {
  // In order: without a compiler the check for oneDNN cannot run, and so counts it as missing.
  const missing = requirements.filter(({ present }) => !present());
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(", ");
  const packages = missing.flatMap(({ packages: list }) => list);
  const command = `apt-get install -y ${packages.join(" ")}`;
  if (!has("apt-get")) {
    stop(
      2,
      `spikeship setup: missing ${names}. Install what Debian calls ${packages.join(", ")} with this system's package manager, then run this again.`,
    );
  }
  if (!mayInstall()) {
    stop(2, `spikeship setup: missing ${names}. Run \`sudo ${command}\`, then run this again.`);
  }
  say("reading the package lists (apt-get update)");
  apt("update"); // a mirror that fails may still leave lists good enough; the installation tells
  for (const { name, packages: list } of missing) {
    say(`installing ${name} (${list.join(" ")})`);
    const { ok, output } = apt("install", "-y", "--no-install-recommends", ...list);
    if (!ok)
      stop(
        2,
        output.trimEnd(),
        `spikeship setup: could not install ${name}. Run \`${command}\` as root, then run this again.`,
      );
  }
  const still = requirements.filter(({ present }) => !present());
  if (still.length > 0) {
    stop(2, `spikeship setup: still missing after installation: ${still.map(({ name }) => name).join(", ")}.`);
  }
}

// --- native core ------------------------------------------------------------------------------------------------------

const native = join(root, "src", "kernels", "native");
const device = join(native, "device");

function coreSources() {
  const sources = filesBelow(native).filter((file) => /\.(cc|h)$/.test(file));
  // Of the device libraries the core sees only their table.
  const own = sources.filter((file) => !file.startsWith(device) || file.endsWith("device_kernels.h"));
  return [join(root, "CMakeLists.txt"), ...own];
}

/** In a process of its own: this one would keep, and be given again, a module that it loaded before a rebuild. */
function loads(file) {
  return run(process.execPath, ["-e", "require(process.argv[1])", file]).ok;
}

function coreCurrent() {
  return storedHash(coreHash) === hashOf(coreSources()) && existsSync(core) && loads(core);
}

function buildCore(hash) {
  installSystemPackages();
  const folder = join(root, "build", "cmake");
  const modules = dirname(dirname(createRequire(join(root, "package.json")).resolve("node-addon-api/package.json")));
  const generator = has("ninja") ? ["-G", "Ninja"] : [];
  const configure = () => run("cmake", ["-S", root, "-B", folder, ...generator, `-DSPIKESHIP_NODE_MODULES=${modules}`]);
  say("building the native core (about a minute)");
  // A cache of another generator, compiler or folder does not configure: start afresh once.
  if (!configure().ok) {
    rmSync(folder, { recursive: true, force: true });
    const { ok, output } = configure();
    if (!ok) stop(1, output.trimEnd(), "spikeship setup: CMake could not configure the native core.");
  }
  must("building the native core", "cmake", ["--build", folder, "--parallel", `${availableParallelism()}`]);
  // Renamed into place: a program that has the old file open keeps it, and no one sees half a file.
  copyFileSync(join(folder, "spikeship.node"), `${core}.new`);
  renameSync(`${core}.new`, core);
  if (!loads(core)) stop(1, `spikeship setup: built ${core}, but it does not load.`);
  writeFileSync(coreHash, hash);
  say("native core ready");
}

// --- device libraries -------------------------------------------------------------------------------------------------

/** CUDA where its compiler is, and for tests the emulation: the same sources, run on the CPU. */
const deviceLibraries = {
  cuda: { file: join(root, "build", "spikeship_cuda.so"), what: "the CUDA library (minutes)" },
  emulated: { file: join(root, "build", "spikeship_emulated.so"), what: "the emulated device (a minute)" },
};

function deviceHash() {
  const kernels = filesBelow(native).filter((file) => /\.(cc|h|cu|cuh|cmake|txt)$/.test(file));
  return hashOf(kernels);
}

/** Builds one library beside the core. Without it everything runs on the CPU, so what hinders it is said and no more. */
function buildDeviceLibrary(kind) {
  const { file, what } = deviceLibraries[kind];
  const hashFile = file.replace(/\.so$/, ".hash");
  const hash = deviceHash();
  if (existsSync(file) && storedHash(hashFile) === hash) return;
  const folder = join(root, "build", `cmake-${kind}`);
  const generator = has("ninja") ? ["-G", "Ninja"] : [];
  const options = [`-DSPIKESHIP_CUDA=${kind === "cuda"}`, `-DSPIKESHIP_EMULATED=${kind === "emulated"}`];
  const configure = () => run("cmake", ["-S", device, "-B", folder, ...generator, ...options]);
  say(`building ${what}`);
  let step = configure();
  if (!step.ok) {
    rmSync(folder, { recursive: true, force: true });
    step = configure();
  }
  if (step.ok) step = run("cmake", ["--build", folder, "--parallel", `${availableParallelism()}`]);
  if (!step.ok) {
    rmSync(file, { force: true });
    process.stderr.write(`${step.output.trimEnd()}\n`);
    say(`could not build ${file}; everything else works without it`);
    return;
  }
  const built = [`spikeship_${kind}.so`, ...(kind === "emulated" ? ["spikeship_device_check"] : [])];
  for (const name of built) {
    const target = join(root, "build", name);
    copyFileSync(join(folder, name), `${target}.new`);
    renameSync(`${target}.new`, target);
  }
  writeFileSync(hashFile, hash);
  say(`${file} ready`);
}

function buildDeviceLibraries(withEmulation) {
  const kinds = [...(has("nvcc") ? ["cuda"] : []), ...(withEmulation ? ["emulated"] : [])];
  if (kinds.length > 0) alone(() => kinds.forEach(buildDeviceLibrary));
}

/** An installed package brings a core along; it is good enough where the libraries it wants are there. */
function packedCoreWorks() {
  const packed = join(root, "prebuilds", `${process.platform}-${process.arch}`, "spikeship.node");
  return !existsSync(join(root, "package-lock.json")) && existsSync(packed) && loads(packed);
}

/** Brings everything up to date. */
export function setup() {
  checkNode();
  if (packedCoreWorks()) return;
  if (packagesPresent() && coreCurrent()) return;
  alone(() => {
    installPackages();
    if (!coreCurrent()) buildCore(hashOf(coreSources()));
  });
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const withTestTools = process.argv.includes("--with-test-tools");
  setup();
  buildDeviceLibraries(withTestTools);
  if (withTestTools) installTestTools();
}
