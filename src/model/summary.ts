/** A network as a table that people read: path, layer, output shape, parameters. */
import { z } from "zod";
import { formatShape, type Shape } from "../core/index.ts";
import type { Layer } from "./layers/layer.ts";
import { sequentialDefinition } from "./layers/sequential.ts";
import type { Network } from "./network.ts";

export interface SummaryRow {
  path: string;
  layer: string;
  outputShape: Shape;
  parameters: number;
}

/** `Conv2d(inChannels=1, outChannels=16, kernelSize=3)`: only what is not the default. Containers print their members. */
export function printLayer(layer: Layer): string {
  const members = [...layer.children.values()].map(printLayer);
  const options = Object.entries(layer.options).filter(([name, value]) => isNotable(layer, name, value));
  const inner = layer.children.size > 0 ? members : options.map(([name, value]) => `${name}=${printValue(value)}`);
  return `${layer.kind}(${inner.join(", ")})`;
}

function isNotable({ definition }: Layer, name: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (!(definition.options instanceof z.ZodObject)) return true;
  const byDefault = z.safeParse(definition.options.shape[name], undefined);
  return !byDefault.success || JSON.stringify(byDefault.data) !== JSON.stringify(value);
}

function printValue(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.join(",")}]`;
  const { kind, ...rest } = value as { kind?: string };
  const inner = Object.entries(rest).map(([name, member]) => `${name}=${printValue(member)}`);
  return `${kind ?? ""}(${inner.join(", ")})`;
}

/** One row for each layer; a sequence of layers is its members' rows. */
export function summarize(network: Network): SummaryRow[] {
  const rows: SummaryRow[] = [];
  const visit = (layer: Layer, input: Shape): Shape => {
    if (layer.definition.children === sequentialDefinition.children) {
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

const count = (parameters: number) => parameters.toLocaleString("en-US");

/** The table as text. */
export function printNetwork(network: Network): string {
  const header = ["layer", "what", "output", "parameters"];
  const rows = summarize(network).map((row) => [
    row.path,
    row.layer,
    formatShape(row.outputShape),
    row.parameters === 0 ? "" : count(row.parameters),
  ]);
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join("  ")
      .trimEnd();
  return [
    `Network: input ${formatShape(network.inputShape)}, ${network.steps} steps, ${network.encoder.kind}`,
    line(header),
    ...rows.map(line),
    `${count(network.parameterCount())} parameters`,
  ].join("\n");
}
