/** `spikeship info`: what this installation can use. */
import type { Command } from "commander";
import { formatBytes, SpikeshipError } from "../../core/index.ts";
import type { DeviceReport, devices as openDevices } from "../../kernels/index.ts";
import { printResult } from "../output.ts";
import { packageVersion } from "../version.ts";

/** A line for each device and library; where something is missing, why, or what was tried. */
function deviceLines(report: DeviceReport | null, whyNone: string): string[] {
  if (!report) return [`device     none: ${whyNone}`];
  const devices = report.devices.map((device, number) => {
    const memory = device.freeBytes > 0 ? `, ${formatBytes(device.freeBytes)} of it free` : "";
    return `device     cuda:${number}: ${device.name}, ${device.architecture}, ${device.multiprocessors} multiprocessors, ${formatBytes(device.totalBytes)}${memory}`;
  });
  const libraries = report.libraries.map(({ name, version, file }) =>
    version === "" ? `library    ${name}: not found (${file})` : `library    ${name} ${version}: ${file}`,
  );
  const missing = report.libraries.some(({ version }) => version === "");
  return [
    ...(devices.length > 0 ? devices : [`device     none: ${whyNone}`]),
    `driver     ${report.driver === "" ? "none" : report.driver}`,
    ...libraries,
    ...(missing
      ? [
          "           More folders to look in: SPIKESHIP_CUDA_PATH=<folder>:..., SPIKESHIP_PYTHON_SITE=<site-packages>:...",
        ]
      : []),
  ];
}

/** The devices and their libraries. A device library that cannot be opened is an answer here, not a failure. */
function found(devices: ReturnType<typeof openDevices>): { report: DeviceReport | null; whyNone: string } {
  try {
    return { report: devices.report(), whyNone: devices.whyNone() };
  } catch (error) {
    if (!(error instanceof SpikeshipError)) throw error;
    return { report: null, whyNone: error.message };
  }
}

/** Switches of the dense libraries on a GPU, read by the device library; any other value than the named one leaves them as they are. */
const SWITCHES: readonly { name: string; value: string; effect: string }[] = [
  {
    name: "SPIKESHIP_TF32",
    value: "1",
    effect: "products of float32 on tensor cores, with factors cut to 10 bits of mantissa",
  },
  { name: "SPIKESHIP_CUDNN", value: "0", effect: "convolutions as matrix products, without cuDNN" },
  {
    name: "SPIKESHIP_CUDNN_MEASURE",
    value: "1",
    effect: "the fastest of cuDNN's algorithms; sums may be ordered otherwise from run to run",
  },
];

/** What is set in the environment, and what it does. */
function settings(environment: NodeJS.ProcessEnv): { name: string; value: string; effect: string }[] {
  return SWITCHES.flatMap(({ name, value, effect }) => {
    const found = environment[name];
    if (found === undefined || found === "") return [];
    return [{ name, value: found, effect: found === value ? effect : `no effect, only ${value} has one` }];
  });
}

export function register(program: Command): void {
  program
    .command("info")
    .description("show versions, processor, devices, libraries and targets")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  spikeship info --json")
    .action(async (options: { json?: boolean }) => {
      const [{ core, devices, processorFeatures }, { deploymentTargets }] = await Promise.all([
        import("../../kernels/index.ts"),
        import("../../exporters/index.ts"),
      ]);
      const { report, whyNone } = found(devices());
      const info = {
        spikeship: packageVersion(),
        node: process.version,
        core: { ...core().info(), features: processorFeatures() },
        cuda: report ?? { whyNone, devices: [], libraries: [] },
        settings: settings(process.env),
        targets: deploymentTargets.map(({ id, title }) => ({ id, title })),
      };
      printResult(options.json, info, () =>
        [
          `spikeship ${info.spikeship}, node ${info.node}`,
          `processor  ${info.core.cpu}, ${info.core.isa}, ${info.core.threads} threads`,
          ...(info.core.features.length > 0 ? [`           ${info.core.features.join(" ")}`] : []),
          `core       ${info.core.version}, oneDNN ${info.core.onednn}, ${info.core.compiler}`,
          ...deviceLines(report, whyNone),
          ...info.settings.map(({ name, value, effect }) => `setting    ${name}=${value}: ${effect}`),
          ...info.targets.map(({ id, title }) => `target     ${id}: ${title}`),
        ].join("\n"),
      );
    });
}
