/**
 * The Python script that drives a compiled single step with LynSDK: a model reset before the first step of each sample, then T calls. Order of
 * calls: GitHub LynxiTech/BIDL, lynadapter/lyn_sdk_model.py.
 */
import { SAMPLES } from "../artefact/infer-script.ts";

export const stepInferScript = `#!/usr/bin/env python3
"""Runs the compiled program step by step on samples. Needs LynSDK (pylynchipsdk) and a card; every value comes from manifest.json.

usage: infer_lynxi.py INPUT.npy OUTPUT.npy [--device N] [--program DIR]

INPUT.npy   images [samples, C, H, W], or sequences [samples, T, ...] where the manifest's form is "sequence"
OUTPUT.npy  rates [samples, F], or sequences [samples, T, ...] where the manifest's readout is "every-step"
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

${SAMPLES}
def checked(call, result):
    """What an SDK call returns besides its error code, which must be 0."""
    value, code = result if isinstance(result, tuple) else (None, result)
    if code not in (0, None):
        sys.exit("%s: expected error code 0, got %s." % (call, code))
    return value


class Chip:
    """A loaded program with buffers for a number of steps, on one stream."""

    def __init__(self, sdk, device, program, steps):
        self.sdk = sdk
        self.context = self.call("lyn_create_context", device)
        self.call("lyn_set_current_context", self.context)
        self.call("lyn_register_error_handler", self.stream_error)
        self.stream = self.call("lyn_create_stream")
        self.model = self.call("lyn_load_model", program)
        description = self.call("lyn_model_get_desc", self.model)
        self.batch = description.inputTensorAttrArray[0].batchSize
        # bytes of one step
        self.input_bytes = description.inputDataLen * self.batch
        self.output_bytes = description.outputDataLen * self.batch
        self.input = self.call("lyn_malloc", self.input_bytes * steps)
        self.output = self.call("lyn_malloc", self.output_bytes * steps)

    def call(self, name, *arguments):
        return checked(name, getattr(self.sdk, name)(*arguments))

    def stream_error(self, stream, message, parameters):
        sys.exit("stream %s: expected no error, got %s." % (stream, message.errCode))

    def send(self, frames):
        """Contiguous bytes of one or several steps to the input buffer."""
        # the copy runs later: the array must live until the stream is synchronized
        self.sent = frames
        pointer = self.sdk.lyn_numpy_to_ptr(frames)
        self.call("lyn_memcpy_async", self.stream, self.input, pointer, frames.nbytes, self.sdk.lyn_memcpy_dir_t.ClientToServer)

    def reset(self):
        """Forgets the states on the chip: before the first step of every sample."""
        self.call("lyn_model_reset_async", self.stream, self.model)

    def execute(self, steps):
        """One call after another, each on the next part of the buffers."""
        source, target = self.input, self.output
        for step in range(steps):
            if step > 0:
                source = self.sdk.lyn_addr_seek(source, self.input_bytes)
                target = self.sdk.lyn_addr_seek(target, self.output_bytes)
            self.call("lyn_execute_model_async", self.stream, self.model, source, target, self.batch)

    def receive(self, steps, io_type):
        """The output buffer as numbers, [steps, numbers of a step]."""
        host = np.zeros(self.output_bytes * steps, np.uint8)
        pointer = self.sdk.lyn_numpy_to_ptr(host)
        self.call("lyn_memcpy_async", self.stream, pointer, self.output, host.nbytes, self.sdk.lyn_memcpy_dir_t.ServerToClient)
        self.call("lyn_synchronize_stream", self.stream)
        kinds = self.sdk.lyn_data_type_t
        kind = kinds.DT_FLOAT16 if io_type == "float16" else kinds.DT_FLOAT
        count = host.nbytes // np.dtype(io_type).itemsize
        return np.array(self.sdk.lyn_ptr_to_numpy(pointer, (1, count), kind)).reshape(steps, -1)

    def close(self):
        self.call("lyn_free", self.input)
        self.call("lyn_free", self.output)
        self.call("lyn_unload_model", self.model)
        self.call("lyn_destroy_stream", self.stream)
        self.call("lyn_destroy_context", self.context)


def expect_sizes(chip, manifest, on_chip):
    """The compiled program must be the manifest's: its buffers take exactly one step."""
    inputs, outputs = [entries[:1] if on_chip else entries for entries in (manifest["inputs"], manifest["outputs"])]
    for what, entries, kind, found in (("input", inputs, host_type(manifest), chip.input_bytes),
                                       ("output", outputs, manifest["io_type"], chip.output_bytes)):
        expected = sum(int(np.prod(entry["shape"])) for entry in entries) * np.dtype(kind).itemsize
        if found != expected:
            sys.exit("%s: expected %d bytes a step (manifest.json), got %d (the compiled program). Compile again." % (what, expected, found))


def frames_of(block, manifest):
    """Samples [N, ...] or [N, T, ...] as frames [T, N, ...] in the type of the host."""
    if manifest["form"] == "image":
        frames = np.repeat(block[None], manifest["T"], axis=0)
    else:
        frames = block.swapaxes(0, 1)
    return np.ascontiguousarray(frames.astype(host_type(manifest)))


def run_on_chip(chip, frames, manifest):
    """States on the chip: all frames at once, the model reset, T calls. The output of every step, [T, N, ...]."""
    steps = manifest["T"]
    chip.send(frames)
    chip.reset()
    chip.execute(steps)
    return chip.receive(steps, manifest["io_type"]).reshape([steps] + manifest["outputs"][0]["shape"])


def run_with_host_states(chip, frames, manifest):
    """States as inputs and outputs: each call gets frame and states as one block in the order of the graph's inputs, and gives back
    output and states in the order of its outputs. The output of every step, [T, N, ...]."""
    io_type = manifest["io_type"]
    states = {s["input"]: np.full(s["shape"], s["start"], io_type) for s in manifest["states"]}
    sizes = [int(np.prod(entry["shape"])) for entry in manifest["outputs"]]
    inputs_of = {s["output"]: s["input"] for s in manifest["states"]}
    results = []
    for step, frame in enumerate(frames):
        parts = [frame if index == 0 else states[entry["name"]] for index, entry in enumerate(manifest["inputs"])]
        chip.send(np.concatenate([part.ravel() for part in parts]))
        if step == 0:
            chip.reset()
        chip.execute(1)
        values = np.split(chip.receive(1, io_type)[0], np.cumsum(sizes)[:-1])
        for entry, value in zip(manifest["outputs"], values):
            if entry["name"] in inputs_of:
                states[inputs_of[entry["name"]]] = value.reshape(entry["shape"])
        results.append(values[0].reshape(manifest["outputs"][0]["shape"]).copy())
    return np.stack(results)


def main():
    arguments = read_arguments()
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    samples = read_samples(arguments.input, manifest)
    try:
        import pylynchipsdk as sdk
    except ImportError as error:
        sys.exit("pylynchipsdk: expected Lynxi's SDK, got: %s. Run this on a machine with a Lynxi card." % error)

    on_chip = "module" in manifest
    run = run_on_chip if on_chip else run_with_host_states
    chip = Chip(sdk, arguments.device, program_of(arguments, manifest), manifest["T"] if on_chip else 1)
    expect_sizes(chip, manifest, on_chip)
    results = []
    # full batches only; what the program gives for the filling is dropped
    for block, count in blocks_of(samples, manifest["N"]):
        outputs = run(chip, frames_of(block, manifest), manifest)
        last = manifest["readout"] == "last-step"
        results.append((outputs[-1] if last else outputs.swapaxes(0, 1))[:count].copy())
    chip.close()
    np.save(arguments.output, np.concatenate(results))


if __name__ == "__main__":
    main()
`;
