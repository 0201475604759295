/**
 * The Python scripts that travel with the graph: one compiles it with Lyngor, one runs the compiled program with LynPy. They follow the call
 * sequences of Lynxi's public examples (GitHub LynxiTechnology/Lynxi-model-zoo, common/libs/lynpy.py; LynxiTech/BIDL; SpikingJelly's
 * tutorial inference_on_lynxi), take every value from the manifest, and hold no absolute path.
 */

export const COMPILE_SCRIPT = "compile_lynxi.py";
export const INFER_SCRIPT = "infer_lynxi.py";

export const compileScript = `#!/usr/bin/env python3
"""Compiles the graph beside this file for a Lynxi chip. Needs Lyngor (x86 Linux); every value comes from manifest.json.

usage: compile_lynxi.py [--out DIR] [--host]
"""
import argparse
import hashlib
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def read_manifest():
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    graph = HERE / manifest["graph"]
    found = hashlib.sha256(graph.read_bytes()).hexdigest()
    expected = manifest["sha256"][manifest["graph"]]
    if found != expected:
        sys.exit("%s: expected sha256 %s (manifest.json), got %s. Export again." % (graph.name, expected, found))
    return manifest, graph


def either(owner, *names):
    """The first attribute that exists: Lyngor's versions name them differently."""
    for name in names:
        value = getattr(owner, name, None)
        if value is not None:
            return value
    sys.exit("lyngor.DLModel: expected an attribute %s, got none. Is this a version later than 1.22?" % " or ".join(names))


def main():
    parser = argparse.ArgumentParser(description="compile the graph beside this file for a Lynxi chip")
    parser.add_argument("--out", help="folder for the compiled program (default: from manifest.json, beside this file)")
    parser.add_argument("--host", action="store_true", help="build for simulation on this machine instead of a card")
    arguments = parser.parse_args()
    manifest, graph = read_manifest()
    out = Path(arguments.out) if arguments.out else HERE / manifest["out"]
    try:
        import lyngor
    except ImportError as error:
        sys.exit("lyngor: expected Lynxi's compiler, got: %s. Run this where the Lynxi SDK is installed." % error)

    model = lyngor.DLModel()
    model.load(
        str(graph),
        model_type="ONNX",
        inputs_dict={entry["name"]: tuple(entry["shape"]) for entry in manifest["inputs"]},
        in_type=manifest["io_type"],
        out_type=manifest["io_type"],
    )
    place = {"is_map": False, "cpu_arch": "x86", "cc": "g++"} if arguments.host else {"is_map": True}
    builder = lyngor.Builder(target="apu", **place)
    # several copies of the graph's batch in one call exist only in compiler version 1
    batches = {"version": 1, "run_batch": manifest["run_batch"]} if manifest["run_batch"] > 1 else {}
    print(builder.build(either(model, "graph", "mod"), either(model, "params", "param"),
                        out_path=str(out), apu_only=True, **batches))


if __name__ == "__main__":
    main()
`;

export const inferScript = `#!/usr/bin/env python3
"""Runs the compiled program on samples. Needs LynPy and a card; every value comes from manifest.json.

usage: infer_lynxi.py INPUT.npy OUTPUT.npy [--device N] [--program DIR]

INPUT.npy   images [samples, C, H, W], or sequences [samples, T, ...] where the manifest's form is "sequence"
OUTPUT.npy  rates [samples, F], or sequences [samples, T, ...] where the graph ends in one
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def check(samples, manifest):
    shape = manifest["inputs"][0]["shape"][1:]
    expected = ([manifest["T"]] if manifest["form"] == "sequence" else []) + shape
    if list(samples.shape[1:]) != expected:
        sys.exit("input: expected [samples, %s], got %s. Check the array." % (", ".join(map(str, expected)), list(samples.shape)))


def rows_of(block, manifest):
    """Samples [run_batch * N, ...] as the graph's rows: one block of N (or T*N) rows after the other."""
    if manifest["form"] == "image":
        return block
    # [run_batch, N, T, ...] -> [run_batch, T, N, ...]: row t*N+n is step t of sample n
    block = block.reshape((manifest["run_batch"], manifest["N"]) + block.shape[1:]).swapaxes(1, 2)
    return block.reshape((-1,) + block.shape[3:])


def samples_of(rows, manifest):
    """The program's output rows as samples [run_batch * N, ...]."""
    batch = manifest["N"] * manifest["run_batch"]
    if len(rows) == batch:
        return rows
    rows = rows.reshape((manifest["run_batch"], manifest["T"], manifest["N"]) + rows.shape[1:]).swapaxes(1, 2)
    return rows.reshape((batch, manifest["T"]) + rows.shape[3:])


def main():
    parser = argparse.ArgumentParser(description="run the compiled program on samples")
    parser.add_argument("input", help=".npy file with samples")
    parser.add_argument("output", help=".npy file for the results")
    parser.add_argument("--device", type=int, default=0, help="number of the chip (default 0)")
    parser.add_argument("--program", help="folder of the compiled program (default: from manifest.json, beside this file)")
    arguments = parser.parse_args()
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    samples = np.load(arguments.input, allow_pickle=False)
    check(samples, manifest)
    program = Path(arguments.program) if arguments.program else HERE / manifest["out"]
    try:
        import lynpy
    except ImportError as error:
        sys.exit("lynpy: expected Lynxi's runtime, got: %s. Run this on a machine with a Lynxi card." % error)

    net = lynpy.Model(path=str(program / "Net_0"), dev_id=arguments.device)
    batch = manifest["N"] * manifest["run_batch"]
    shape = list(manifest["outputs"][0]["shape"])
    shape[0] *= manifest["run_batch"]
    results = []
    for start in range(0, len(samples), batch):
        part = samples[start:start + batch]
        # the program takes full batches only: zeros fill the last one and their results are dropped
        block = np.zeros((batch,) + samples.shape[1:], samples.dtype)
        block[:len(part)] = part
        rows = np.ascontiguousarray(rows_of(block, manifest).astype(manifest["io_type"]))
        output = net(net.input_tensor().from_numpy(rows).apu()).cpu()
        output = output.view_as(tuple(shape), manifest["io_type"]).numpy()
        results.append(samples_of(output, manifest)[:len(part)].copy())
    np.save(arguments.output, np.concatenate(results))


if __name__ == "__main__":
    main()
`;
