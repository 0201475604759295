#!/usr/bin/env node
/** The `spikeship` command: registers the commands and turns errors into one line and an exit code. */
import { Command } from "commander";
import { EXIT } from "./exit-codes.ts";
import { packageVersion } from "./version.ts";

/** Each command is loaded only when it runs: `--help` stays quick. */
const COMMANDS: { name: string; load: () => Promise<{ register: (program: Command) => void }> }[] = [
  { name: "demo", load: () => import("./commands/demo.ts") },
  { name: "train", load: () => import("./commands/train.ts") },
  { name: "quantize", load: () => import("./commands/quantize.ts") },
  { name: "export", load: () => import("./commands/export.ts") },
  { name: "verify", load: () => import("./commands/verify.ts") },
  { name: "simulate", load: () => import("./commands/simulate.ts") },
  { name: "check", load: () => import("./commands/check.ts") },
  { name: "inspect", load: () => import("./commands/inspect.ts") },
  { name: "report", load: () => import("./commands/report.ts") },
  { name: "schema", load: () => import("./commands/schema.ts") },
  { name: "info", load: () => import("./commands/info.ts") },
];

export async function main(argv: string[]): Promise<number> {
  const program = new Command("spikeship")
    .description("Train spiking neural networks, fit them to a chip, write its file, and prove that it behaves as trained.")
    .version(packageVersion())
    .showSuggestionAfterError()
    .exitOverride();
  for (const { load } of COMMANDS) (await load()).register(program);
  try {
    await program.parseAsync(argv);
    return typeof process.exitCode === "number" ? process.exitCode : EXIT.done;
  } catch (error) {
    const { CommanderError } = await import("commander");
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
    const { describeFailure } = await import("./failure.ts");
    const failure = describeFailure(error);
    process.stderr.write(`${failure.line}\n`);
    return failure.code;
  }
}

process.exitCode = await main(process.argv);
