/** `spikeship demo`: the whole path on handwritten digits, or on the config that is given. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { writeFileAtomic } from "../../core/index.ts";
import { REPORT_DATA_FILE, REPORT_FILE, writeReport, writeReportData } from "../../report/index.ts";
import { readConfig } from "../config-file.ts";
import { type PathResult, runPath } from "../demo/path.ts";
import { reportData } from "../demo/report-data.ts";
import { SUMMARY_FILE, type Summary, summaryOf } from "../demo/summary.ts";
import { addTrainingDeviceFlag, announceDevice, type DeviceFlag } from "../device.ts";
import { EXIT } from "../exit-codes.ts";
import { watchInterrupt } from "../interrupt.ts";
import { percent, printResult } from "../output.ts";
import { createProgress } from "../progress.ts";

/** The embedded example, part of the package. */
const DIGITS_CONFIG = fileURLToPath(new URL("../../../examples/digits.json", import.meta.url));

interface Options extends DeviceFlag {
  config?: string;
  output?: string;
  resume?: boolean;
  json?: boolean;
  quiet?: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("demo")
    .description(
      "train on handwritten digits, write a Loihi and a Lynxi file, and prove both equal to what was trained",
    )
    .option("-c, --config <file>", "another config than the embedded digits")
    .option("-o, --output <directory>", "where results go (default: runs/demo, or runs/NAME of the config)")
    .option("--resume", "continue an interrupted run");
  addTrainingDeviceFlag(command)
    .option("--json", "print the summary as JSON")
    .option("-q, --quiet", "no progress")
    .addHelpText("after", "\nExamples:\n  spikeship demo\n  spikeship demo --config examples/mnist-csnn.json")
    .action(run);
}

async function run(options: Options): Promise<void> {
  const started = performance.now();
  const configPath = options.config ?? DIGITS_CONFIG;
  const config = readConfig(configPath);
  const directory = options.output ?? join("runs", options.config === undefined ? "demo" : config.name);
  const progress = createProgress(options);
  const interrupt = watchInterrupt();
  try {
    announceDevice(options.device ?? config.training.device, progress);
    const result = await runPath(config, {
      configPath,
      directory,
      device: options.device,
      progress,
      resume: options.resume ?? false,
      shouldStop: interrupt.requested,
    });
    const summary = writeResults(result, directory, (performance.now() - started) / 1000);
    printResult(options.json, summary, () => summaryText(result, summary));
    if (result.targets.some(({ proof }) => !proof.verdict.passed)) process.exitCode = EXIT.brokenContract;
    result.network.dispose();
  } finally {
    progress.stop();
    interrupt.release();
  }
}

function writeResults(result: PathResult, directory: string, seconds: number): Summary {
  const report = join(directory, REPORT_FILE);
  const data = reportData(result, { seconds, date: new Date().toISOString().slice(0, 10) });
  writeReportData(join(directory, REPORT_DATA_FILE), data);
  writeReport(report, data);
  const summary = summaryOf(result, { seconds, directory, report });
  writeFileAtomic(join(directory, SUMMARY_FILE), `${JSON.stringify(summary, null, 2)}\n`);
  return summary;
}

const FLOAT_TITLE = "Trained network";

function summaryText({ float, targets }: PathResult, summary: Summary): string {
  const width = Math.max(FLOAT_TITLE.length, ...targets.map(({ target }) => target.title.length));
  const lines = targets.map(({ target, proof, artefact }) => {
    const { predictions } = proof.verdict.comparisons.at(-1)!;
    const verdict = proof.verdict.passed ? "proven" : "BROKEN";
    return `${target.title.padEnd(width)} test accuracy ${percent(predictions.chipAccuracy)}  ${verdict}  ${artefact.file}`;
  });
  return [
    "",
    `${FLOAT_TITLE.padEnd(width)} test accuracy ${percent(float.accuracy)}`,
    ...lines,
    "",
    `Files    ${[summary.loihi?.file, summary.lynxi?.file].filter(Boolean).join("\n         ")}`,
    `Page     ${summary.report}`,
    `Numbers  ${join(dirname(summary.report), SUMMARY_FILE)}`,
    `${summary.seconds.toFixed(0)} seconds`,
  ].join("\n");
}
