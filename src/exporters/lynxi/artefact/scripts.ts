/**
 * The Python scripts that travel with the graph: one compiles it with Lyngor, one runs the compiled program with LynPy. They follow the call
 * sequences of Lynxi's public examples (GitHub LynxiTechnology/Lynxi-model-zoo, common/libs/lynpy.py; LynxiTech/BIDL; SpikingJelly's
 * tutorial inference_on_lynxi), take every value from the manifest, and hold no absolute path.
 */

export const COMPILE_SCRIPT = "compile_lynxi.py";
export const INFER_SCRIPT = "infer_lynxi.py";

export const compileScript = `#!/usr/bin/env python3
"""Compiles the network beside this file for a Lynxi chip. Needs Lyngor (x86 Linux); every value comes from manifest.json.

usage: compile_lynxi.py [--out DIR] [--host] [--operators LIBRARY --registrations MODULE]

A graph is compiled as it is. A PyTorch module with states on the chip also needs Lynxi's custom operators: the library that defines them
for PyTorch (--operators), and the Python module that makes Lyngor know them (--registrations).
"""
import argparse
import hashlib
import importlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def unchanged(name, manifest):
    path = HERE / name
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    expected = manifest["sha256"][name]
    if found != expected:
        sys.exit("%s: expected sha256 %s (manifest.json), got %s. Export again." % (name, expected, found))
    return path


def either(owner, *names):
    """The first attribute that exists: Lyngor's versions name them differently."""
    for name in names:
        value = getattr(owner, name, None)
        if value is not None:
            return value
    sys.exit("lyngor.DLModel: expected an attribute %s, got none. Is this a version later than 1.22?" % " or ".join(names))


def step_module(manifest, arguments):
    """The PyTorch module with its operators; Lyngor traces it."""
    if not arguments.operators or not arguments.registrations:
        sys.exit("compile_lynxi.py: expected --operators and --registrations for a network with states on the chip, got neither "
                 "or one. They come with Lynxi's BIDL.")
    for name in (manifest["module"]["file"], manifest["module"]["weights"]):
        unchanged(name, manifest)
    import torch

    torch.ops.load_library(arguments.operators)
    importlib.import_module(arguments.registrations)
    sys.path.insert(0, str(HERE))
    network = importlib.import_module(Path(manifest["module"]["file"]).stem).StepNetwork()
    # without the operators, or where tracing drops a save that nothing reads, the program would forget its states
    trace = torch.jit.trace(network, torch.zeros(manifest["inputs"][0]["shape"]), check_trace=False)
    found = sum(node.kind() == "custom::save" for node in trace.inlined_graph.nodes())
    expected = len(manifest["module"]["states"])
    if found != expected:
        sys.exit("%s: expected %d custom::save in the traced module, got %d. Is this Lynxi's library?" % (arguments.operators, expected, found))
    return network


def main():
    parser = argparse.ArgumentParser(description="compile the network beside this file for a Lynxi chip")
    parser.add_argument("--out", help="folder for the compiled program (default: from manifest.json, beside this file)")
    parser.add_argument("--host", action="store_true", help="build for simulation on this machine instead of a card")
    parser.add_argument("--operators", help="library with Lynxi's operators for PyTorch")
    parser.add_argument("--registrations", help="Python module that registers these operators in Lyngor")
    arguments = parser.parse_args()
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    out = Path(arguments.out) if arguments.out else HERE / manifest["out"]
    graph = unchanged(manifest["graph"], manifest)
    try:
        import lyngor
    except ImportError as error:
        sys.exit("lyngor: expected Lynxi's compiler, got: %s. Run this where the Lynxi SDK is installed." % error)

    if "module" in manifest:
        # the states are no inputs here: load and save keep them
        network, kind, inputs = step_module(manifest, arguments), "Pytorch", manifest["inputs"][:1]
    else:
        network, kind, inputs = str(graph), "ONNX", manifest["inputs"]
    model = lyngor.DLModel()
    model.load(
        network,
        model_type=kind,
        inputs_dict={entry["name"]: tuple(entry["shape"]) for entry in inputs},
        in_type=manifest.get("input_type", manifest["io_type"]),
        out_type=manifest["io_type"],
        # bytes are normalised on the chip
        **manifest.get("normalization", {}),
    )
    place = {"is_map": False, "cpu_arch": "x86", "cc": "g++"} if arguments.host else {"is_map": True}
    builder = lyngor.Builder(target="apu", **place)
    options = {}
    if "module" in manifest:
        options = {"version": 0}
    elif manifest["run_batch"] > 1:
        # several copies of the graph's batch in one call exist only in compiler version 1
        options = {"version": 1, "run_batch": manifest["run_batch"]}
    print(builder.build(either(model, "graph", "mod"), either(model, "params", "param"),
                        out_path=str(out), apu_only=True, **options))


if __name__ == "__main__":
    main()
`;

export { stepInferScript } from "../step/infer-script.ts";
export { inferScript } from "./infer-script.ts";
