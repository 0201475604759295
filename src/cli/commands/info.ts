/** `spikeship info`: what this installation can use. */
import type { Command } from "commander";
import { printResult } from "../output.ts";
import { packageVersion } from "../version.ts";

export function register(program: Command): void {
  program
    .command("info")
    .description("show versions, processor, instruction set, threads and targets")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  spikeship info --json")
    .action(async (options: { json?: boolean }) => {
      const [{ core }, { deploymentTargets }] = await Promise.all([
        import("../../kernels/index.ts"),
        import("../../exporters/index.ts"),
      ]);
      const info = {
        spikeship: packageVersion(),
        node: process.version,
        core: core().info(),
        targets: deploymentTargets.map(({ id, title }) => ({ id, title })),
      };
      printResult(options.json, info, () =>
        [
          `spikeship ${info.spikeship}, node ${info.node}`,
          `processor  ${info.core.cpu}, ${info.core.isa}, ${info.core.threads} threads`,
          `core       ${info.core.version}, oneDNN ${info.core.onednn}, ${info.core.compiler}`,
          ...info.targets.map(({ id, title }) => `target     ${id}: ${title}`),
        ].join("\n"),
      );
    });
}
