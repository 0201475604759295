/** Python for tests that run generated scripts: SPIKESHIP_PYTHON, else python3, else Debian's own, whichever has the modules. */
import { spawnSync } from "node:child_process";

export interface FoundPython {
  command: string;
  /** Why the tests cannot run; null when they can. */
  missing: string | null;
}

/** The first Python that imports all modules. Prints the reason where there is none. */
export function pythonWith(...modules: string[]): FoundPython {
  const named = process.env.SPIKESHIP_PYTHON;
  const candidates = named ? [named] : ["python3", "/usr/bin/python3"];
  const code = modules.length > 0 ? `import ${modules.join(", ")}` : "pass";
  const found = candidates.find((command) => spawnSync(command, ["-c", code]).status === 0);
  if (found) return { command: found, missing: null };
  const missing = `no Python with ${modules.join(" and ")} (tried ${candidates.join(", ")})`;
  console.warn(`skipped: ${missing}`);
  return { command: candidates[0]!, missing };
}
