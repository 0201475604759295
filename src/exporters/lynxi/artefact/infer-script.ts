/**
 * The Python script that runs a compiled whole-sequence program with LynPy (the readable wrapper in LynxiTechnology/Lynxi-model-zoo,
 * common/libs/lynpy.py), and what it shares with the script of single steps.
 */

/** Reading the samples, and what both scripts are asked on the command line. */
export const SAMPLES = `HERE = Path(__file__).resolve().parent


def read_arguments():
    parser = argparse.ArgumentParser(description="run the compiled program on samples")
    parser.add_argument("input", help=".npy file with samples")
    parser.add_argument("output", help=".npy file for the results")
    parser.add_argument("--device", type=int, default=0, help="number of the chip (default 0)")
    parser.add_argument("--program", help="folder of the compiled program (default: from manifest.json, beside this file)")
    return parser.parse_args()


def read_samples(path, manifest):
    samples = np.load(path, allow_pickle=False)
    shape = manifest["inputs"][0]["shape"][1:]
    expected = ([manifest["T"]] if manifest["form"] == "sequence" else []) + shape
    if list(samples.shape[1:]) != expected:
        sys.exit("input: expected [samples, %s], got %s. Check the array." % (", ".join(map(str, expected)), list(samples.shape)))
    if len(samples) == 0:
        sys.exit("input: expected at least one sample, got none.")
    if host_type(manifest) == "uint8" and not np.array_equal(samples, samples.astype(np.uint8)):
        sys.exit("input: expected whole numbers from 0 to 255 (uint8), got others. The chip normalises the bytes.")
    return samples


def host_type(manifest):
    """What the host sends: numbers of the program's type, or bytes."""
    return manifest.get("input_type", manifest["io_type"])


def blocks_of(samples, batch):
    """The samples in full batches, and how many of each are real: zeros fill the last one."""
    for start in range(0, len(samples), batch):
        part = samples[start:start + batch]
        block = np.zeros((batch,) + samples.shape[1:], samples.dtype)
        block[:len(part)] = part
        yield block, len(part)


def program_of(arguments, manifest):
    return str((Path(arguments.program) if arguments.program else HERE / manifest["out"]) / "Net_0")

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

${SAMPLES}
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


def run(net, tensor, manifest):
    """One call; the network's output of every copy of the batch, one block of rows after the other."""
    shape, io_type, copies = list(manifest["outputs"][0]["shape"]), manifest["io_type"], manifest["run_batch"]
    result = net(tensor)
    if len(manifest["outputs"]) == 1:
        return result.cpu().view_as((shape[0] * copies,) + tuple(shape[1:]), io_type).numpy()
    # outputs of layers between come behind the network's own
    parts = net.output_list()
    return np.concatenate([parts[copy][0].cpu().view_as(tuple(shape), io_type).numpy() for copy in range(copies)])


def main():
    arguments = read_arguments()
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    samples = read_samples(arguments.input, manifest)
    try:
        import lynpy
    except ImportError as error:
        sys.exit("lynpy: expected Lynxi's runtime, got: %s. Run this on a machine with a Lynxi card." % error)

    net = lynpy.Model(path=program_of(arguments, manifest), dev_id=arguments.device)
    results = []
    # the program takes full batches only; what it gives for the filling is dropped
    for block, count in blocks_of(samples, manifest["N"] * manifest["run_batch"]):
        rows = np.ascontiguousarray(rows_of(block, manifest).astype(host_type(manifest)))
        output = run(net, net.input_tensor().from_numpy(rows).apu(), manifest)
        results.append(samples_of(output, manifest)[:count].copy())
    np.save(arguments.output, np.concatenate(results))


if __name__ == "__main__":
    main()
`;
