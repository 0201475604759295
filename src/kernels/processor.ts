/** What this processor has for dense arithmetic, as the system tells it. */
import { readFileSync } from "node:fs";

/** Instruction sets that matter here, by Linux's names (x86, then ARM), slow to fast. */
const WANTED = ["avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", "asimd", "bf16", "sve", "i8mm"];

/** Those of them that this processor has; empty where the system has no /proc/cpuinfo. */
export function processorFeatures(): string[] {
  let text: string;
  try {
    text = readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return [];
  }
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/));
  return WANTED.filter((name) => flags.has(name));
}
