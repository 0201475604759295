/** Runs an artefact's Python scripts with stand-ins for Lynxi's modules. */
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Runs a script in an artefact's directory; `modules`: text of stand-ins by name, put on the module path. */
export function runScript(command: string, directory: string, args: string[], modules: Record<string, string> = {}) {
  const standIns = join(directory, "modules");
  mkdirSync(standIns, { recursive: true });
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(standIns, `${name}.py`), text);
  return spawnSync(command, args, { cwd: directory, encoding: "utf8", env: { ...process.env, PYTHONPATH: standIns } });
}

/** What Lyngor's versions have in common, with either pair of attribute names; calls go into calls.json. */
export const lyngor = (graph: string, params: string) => `
import json
calls = []
class DLModel:
    def load(self, path, **options):
        calls.append(["load", path if isinstance(path, str) else type(path).__name__, options])
        self.${graph} = "the graph"
        self.${params} = "the parameters"
class Builder:
    def __init__(self, **options):
        calls.append(["Builder", options])
    def build(self, graph, params, **options):
        calls.append(["build", graph, params, options])
        json.dump(calls, open("calls.json", "w"))
        return options["out_path"]
`;

/**
 * Stand-ins for Lynxi's operators, which do in PyTorch what the documents say: identities, and two comparisons. Operators that a C++ library
 * registers by their function alone are taken to have effects (CONSERVATIVE); otherwise tracing drops a save whose result nothing reads.
 */
export const operators = `calls = []
library = torch.library.Library("custom", "DEF")
library.define("load(Tensor data, str flag, bool is_init, int[] shape, str dtype, int offset, int step, bool uselookup, int mode, int group_id) -> Tensor", "CONSERVATIVE")
library.define("save(Tensor data, str flag, int offset, int step, bool isOutput, bool uselookup, int mode, int group_id) -> Tensor", "CONSERVATIVE")
library.define("cmpandfire(Tensor v, float theta) -> Tensor", "CONSERVATIVE")
library.define("resetwithdecay(Tensor v, float theta, float v_0, float alpha, float beta) -> Tensor", "CONSERVATIVE")
def load(data, flag, *rest):
    calls.append(["load", flag, list(data.shape)])
    return data.clone()
def save(data, flag, *rest):
    calls.append(["save", flag, list(data.shape)])
    return data.clone()
def fire(v, theta):
    calls.append(["cmpandfire", theta, list(v.shape)])
    return (v > theta).float()
def reset(v, theta, v_0, alpha, beta):
    calls.append(["resetwithdecay", theta, list(v.shape)])
    return torch.where(v > theta, torch.full_like(v, alpha * v_0 + beta), alpha * v + beta)
for name, function in (("load", load), ("save", save), ("cmpandfire", fire), ("resetwithdecay", reset)):
    library.impl(name, function, "CompositeExplicitAutograd")
`;
