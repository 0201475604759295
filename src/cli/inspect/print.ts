/** An inspection as text: names and values, then tables in columns. */
import { oneLine } from "../../core/index.ts";
import type { FileInspection } from "../../exporters/index.ts";

export function printInspection(path: string, { format, about, tables }: FileInspection): string {
  const width = Math.max(0, ...about.map(([name]) => name.length));
  const blocks = [
    [`${path}: ${format}`, ...about.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`)],
    ...tables
      .filter(({ rows }) => rows.length > 0)
      .map(({ title, header, rows }) => [title, ...printTable([header, ...rows])]),
  ];
  return blocks.map((lines) => lines.map(oneLine).join("\n")).join("\n\n");
}

function printTable(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd());
}
