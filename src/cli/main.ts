#!/usr/bin/env node
/** The `spikeship` command: finds the command that was asked for and turns errors into one line and an exit code. */
import { Command, CommanderError } from "commander";
import { EXIT } from "./exit-codes.ts";
import { packageVersion } from "./version.ts";

interface CommandEntry {
  description: string;
  load: () => Promise<{ register: (program: Command) => void }>;
}

/** In the order of a user's path. Only the command that runs is loaded, so that `--help` stays quick. */
const COMMANDS: Record<string, CommandEntry> = {
  demo: { description: "the whole path on handwritten digits", load: () => import("./commands/demo.ts") },
  train: { description: "train the network of a config", load: () => import("./commands/train.ts") },
  quantize: { description: "fit a trained network to a chip", load: () => import("./commands/quantize.ts") },
  check: { description: "name what a chip cannot hold", load: () => import("./commands/check.ts") },
  export: { description: "write the chip's file and scripts", load: () => import("./commands/export.ts") },
  verify: { description: "prove that the file behaves as trained", load: () => import("./commands/verify.ts") },
  simulate: { description: "run a chip's file on NumPy arrays", load: () => import("./commands/simulate.ts") },
  map: { description: "show cores, memory and cost on the chip", load: () => import("./commands/map.ts") },
  inspect: { description: "show what a file holds", load: () => import("./commands/inspect.ts") },
  report: { description: "make the page of a run again", load: () => import("./commands/report.ts") },
  schema: { description: "print the JSON Schema of a config", load: () => import("./commands/schema.ts") },
  info: { description: "show versions, processor and targets", load: () => import("./commands/info.ts") },
};

const EPILOGUE = `
Examples:
  spikeship demo
  spikeship train examples/digits.json
  spikeship inspect runs/demo/summary.json

Exit codes: 0 done, 1 broken contract, 2 wrong use or bad input.
spikeship <command> --help shows options and examples.`;

async function programFor(argv: readonly string[]): Promise<Command> {
  const program = new Command("spikeship")
    .exitOverride()
    .description(
      "Train spiking neural networks, fit them to a chip, write its file, and prove that it behaves as trained.",
    )
    .version(packageVersion())
    .option(
      "--profile",
      "print where the time of a command went: milliseconds, GFLOP/s and GB/s of each native operation",
    )
    .showSuggestionAfterError()
    .showHelpAfterError("Add --help to see how the command is used.")
    .addHelpText("after", EPILOGUE);
  profileOnDemand(program);
  const asked = argv.find((word) => !word.startsWith("-"));
  const wanted = asked === "help" ? argv[argv.indexOf("help") + 1] : asked;
  for (const [name, { description, load }] of Object.entries(COMMANDS)) {
    if (name === wanted) (await load()).register(program);
    else program.command(name).description(description);
  }
  return program;
}

/** `help FOO` of no command is answered as the command FOO would be: it is named, with the nearest one. */
function unknownHelp([help, command]: readonly string[]): string[] | null {
  return help === "help" && command !== undefined && !(command in COMMANDS) && command !== "help" ? [command] : null;
}

/** `--profile` of any command: the table goes to standard error, after whatever the command prints. */
function profileOnDemand(program: Command): void {
  program.hook("preAction", async () => {
    if (!program.opts<{ profile?: boolean }>().profile) return;
    const { core, Profile } = await import("../kernels/index.ts");
    const profile = new Profile(core());
    process.once("exit", () => {
      profile.stop();
      process.stderr.write(`${profile.table().join("\n")}\n`);
    });
  });
}

/**
 * A reader that closes early, such as `head`, wants no more; that is no failure. One that no longer wants to see progress does not end
 * the work. Results that cannot be written are a failure like any other.
 */
function surviveReaders(): void {
  process.stderr.on("error", () => {});
  process.stdout.on("error", async (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.done);
    const { describeFailure } = await import("./failure.ts");
    const { line, code } = describeFailure(Object.assign(error, { path: "standard output" }));
    process.stderr.write(`${line}\n`);
    process.exit(code);
  });
}

async function main(argv: readonly string[]): Promise<number> {
  try {
    const program = await programFor(argv);
    if (argv.length === 0) {
      program.outputHelp();
      return EXIT.wrongUse;
    }
    await program.parseAsync(unknownHelp(argv) ?? argv, { from: "user" });
    return typeof process.exitCode === "number" ? process.exitCode : EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.wrongUse;
    const { describeFailure } = await import("./failure.ts");
    const failure = describeFailure(error);
    process.stderr.write(`${failure.line}\n`);
    return failure.code;
  }
}

surviveReaders();
process.exitCode = await main(process.argv.slice(2));
