/**
 * Reads the text of a generated PyTorch module for the rule LX027: where each state is loaded, used, written and saved. It knows the form that
 * `step-module.ts` describes, not Python.
 */
import { formatShape } from "../../../core/index.ts";
import type { ModuleState, StepModule } from "./step-module.ts";
import type { Violation } from "./subject.ts";

const STATE_RANK = 4;

export function moduleFaults({ states }: StepModule, text: string): Violation[] {
  const statements = statementsOf(text);
  const flags = states.map(({ flag }) => flag);
  const repeated = states
    .filter(({ flag }, index) => flags.indexOf(flag) !== index)
    .map(({ layer, flag }) => ({ place: layer, message: `the flag "${flag}" of another state` }));
  return [...repeated, ...states.flatMap((state) => stateFaults(state, statements))];
}

/** Logical lines: a call that spans several lines is one. Comments are left out. */
function statementsOf(text: string): string[] {
  const statements: string[] = [];
  let open = 0;
  for (const line of text.split("\n")) {
    const code = line.replace(/(^|\s)#.*$/, "");
    if (open > 0) statements[statements.length - 1] += ` ${code.trim()}`;
    else statements.push(code.trim());
    open += count(code, /[([{]/g) - count(code, /[)\]}]/g);
  }
  return statements;
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

function stateFaults(state: ModuleState, statements: readonly string[]): Violation[] {
  const place = state.layer;
  const faults: string[] = [];
  if (state.shape.length !== STATE_RANK)
    faults.push(`a state of shape ${formatShape(state.shape)}, not of 4 dimensions`);
  if (state.flag === "") faults.push("no flag");
  if (state.start !== 0 && state.start !== 1) faults.push(`starts at ${state.start}; load gives zeros or ones`);
  if (state.fused && !state.sharedParameters)
    faults.push("fused operators with parameters that differ inside the layer");
  if (state.flag !== "") faults.push(...orderFaults(state, statements));
  return faults.map((message) => ({ place, message }));
}

function orderFaults({ variable, flag }: ModuleState, statements: readonly string[]): string[] {
  const calls = (operator: string) =>
    statements.flatMap((text, at) => (text.includes(flag) && new RegExp(`${operator}\\w*\\(`).test(text) ? [at] : []));
  const [loads, saves] = [calls("load"), calls("save")];
  if (loads.length !== 1 || saves.length !== 1)
    return [`${loads.length} loads and ${saves.length} saves of "${flag}" instead of one each`];
  const name = new RegExp(`(?<![\\w.])${escaped(variable)}(?!\\w)`);
  const write = new RegExp(`^${escaped(variable)}\\s*([-+*/]?=)(?!=)`);
  const [load = 0, save = 0] = [loads[0], saves[0]];
  const faults: string[] = [];
  if (!write.test(statements[load]!)) faults.push(`"${variable}" does not take what load gives`);
  if (!name.test(statements[save]!)) faults.push(`save does not store "${variable}"`);
  const body = bodyAround(statements, load);
  const used = body.filter((at) => name.test(statements[at]!));
  if (used.some((at) => at < load)) faults.push(`"${variable}" is used before it is loaded`);
  if (used.some((at) => at > save && write.test(statements[at]!))) faults.push(`"${variable}" is written after save`);
  return save < load ? [...faults, "saved before it is loaded"] : faults;
}

/** Statements of the function that holds one of them. */
function bodyAround(statements: readonly string[], inside: number): number[] {
  const isStart = (at: number) => /^(async )?def |^class /.test(statements[at]!);
  let first = inside;
  while (first > 0 && !isStart(first)) first--;
  let end = inside + 1;
  while (end < statements.length && !isStart(end)) end++;
  return Array.from({ length: end - first }, (_, i) => first + i);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
