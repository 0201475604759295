/** `spikeship report`: makes the page of a run again from the data beside it. */
import { join } from "node:path";
import type { Command } from "commander";
import { REPORT_DATA_FILE, REPORT_FILE, readRun, writeReport } from "../../report/index.ts";
import { expectWrittenBy } from "../folder.ts";
import { printResult } from "../output.ts";

export function register(program: Command): void {
  program
    .command("report")
    .argument("<directory>", "directory of a run that spikeship demo made (it holds report.json)")
    .description(
      "make the self-contained page report.html of a run again, with what quantize --report has measured since",
    )
    .option("-o, --output <file>", "where the page goes (default: report.html in the directory)")
    .option("--json", "print the page's path as JSON")
    .addHelpText("after", "\nExample:\n  spikeship report runs/demo")
    .action((directory: string, options: { output?: string; json?: boolean }) => {
      expectWrittenBy("spikeship demo", directory, REPORT_DATA_FILE);
      const output = options.output ?? join(directory, REPORT_FILE);
      writeReport(output, readRun(directory));
      printResult(options.json, { report: output }, () => output);
    });
}
