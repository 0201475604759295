/** A network as a table that people read: path, layer, output shape, parameters. */
import { formatShape, type Shape } from "../core/index.ts";
import type { Layer } from "./layers/layer.ts";
import type { Network } from "./network.ts";

export interface SummaryRow {
  path: string;
  layer: string;
  outputShape: Shape;
  parameters: number;
}

/** `Conv2d(inChannels=1, outChannels=16, kernelSize=3)`: only what is not the default. */
export function printLayer(layer: Layer): string {
  const defaults = layer.definition.options.safeParse(layer.children.size > 0 ? undefined : required(layer));
  const base = defaults.success ? (defaults.data as Record<string, unknown>) : {};
  const shown = Object.entries(layer.options).filter(
    ([name, value]) => !layer.children.size && JSON.stringify(value) !== JSON.stringify(base[name]) && value !== undefined,
  );
  const fields = { ...Object.fromEntries(Object.entries(required(layer))), ...Object.fromEntries(shown) };
  return `${layer.kind}(${Object.entries(fields).map(([name, value]) => `${name}=${printValue(value)}`).join(", ")})`;
}

/** Options without a default: those that must always be written. */
function required(layer: Layer): Record<string, unknown> {
  if (layer.children.size > 0) return {};
  const empty = layer.definition.options.safeParse({});
  if (empty.success) return {};
  const missing = new Set(empty.error.issues.map((issue) => String(issue.path[0])));
  return Object.fromEntries(Object.entries(layer.options).filter(([name]) => missing.has(name)));
}

function printValue(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.join(",")}]`;
  const { kind, ...rest } = value as { kind?: string };
  const inner = Object.entries(rest).map(([name, member]) => `${name}=${printValue(member)}`);
  return `${kind ?? ""}(${inner.join(", ")})`;
}

/** One row for each layer without members. */
export function summarize(network: Network): SummaryRow[] {
  const rows: SummaryRow[] = [];
  const visit = (layer: Layer, input: Shape): Shape => {
    if (layer.kind === "Sequential") {
      return [...layer.children.values()].reduce((shape, child) => visit(child, shape), input);
    }
    const outputShape = layer.outputShape(input);
    const parameters = [...layer.walk()].flatMap((l) => [...l.parameters.values()]).reduce((n, t) => n + t.size, 0);
    rows.push({ path: layer.path, layer: printLayer(layer), outputShape, parameters });
    return outputShape;
  };
  visit(network.root, network.inputShape);
  return rows;
}

/** The table as text. */
export function printNetwork(network: Network): string {
  const rows = summarize(network).map((row) => [
    row.path,
    row.layer,
    formatShape(row.outputShape),
    row.parameters === 0 ? "" : row.parameters.toLocaleString("en-US"),
  ]);
  const header = ["layer", "what", "output", "parameters"];
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) => cells.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd();
  return [
    `Network: input ${formatShape(network.inputShape)}, ${network.steps} steps, ${network.encoder.kind}`,
    line(header),
    ...rows.map(line),
    `${network.parameterCount().toLocaleString("en-US")} parameters`,
  ].join("\n");
}
