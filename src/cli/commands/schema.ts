/** `spikeship schema`: the JSON Schema of a config, so that editors complete and check it. */
import type { Command } from "commander";

export function register(program: Command): void {
  program
    .command("schema")
    .description("print the JSON Schema of a training config")
    .addHelpText("after", "\nExample:\n  spikeship schema > spikeship.schema.json")
    .action(async () => {
      const { z } = await import("zod");
      const { configSchema } = await import("../../train/index.ts");
      const schema = z.toJSONSchema(configSchema, { io: "input" });
      process.stdout.write(`${JSON.stringify(schema, null, 2)}\n`);
    });
}
