/** `spikeship info`: what this installation can use. */
import type { Command } from "commander";
import { formatBytes } from "../../core/index.ts";
import type { DeviceReport } from "../../kernels/index.ts";
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
      const report = devices().report();
      const whyNone = devices().whyNone();
      const info = {
        spikeship: packageVersion(),
        node: process.version,
        core: { ...core().info(), features: processorFeatures() },
        cuda: report ?? { whyNone, devices: [], libraries: [] },
        targets: deploymentTargets.map(({ id, title }) => ({ id, title })),
      };
      printResult(options.json, info, () =>
        [
          `spikeship ${info.spikeship}, node ${info.node}`,
          `processor  ${info.core.cpu}, ${info.core.isa}, ${info.core.threads} threads`,
          ...(info.core.features.length > 0 ? [`           ${info.core.features.join(" ")}`] : []),
          `core       ${info.core.version}, oneDNN ${info.core.onednn}, ${info.core.compiler}`,
          ...deviceLines(report, whyNone),
          ...info.targets.map(({ id, title }) => `target     ${id}: ${title}`),
        ].join("\n"),
      );
    });
}
