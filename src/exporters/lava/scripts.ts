/**
 * The Python script and the page of text that travel with the `.net` file. The script follows the calls of lava-dl's netx tutorials
 * (mnist and pilotnet_snn), takes every value from the manifest, and holds no absolute path.
 */

export const RUN_SCRIPT = "run_lava.py";
export const README_FILE = "README.txt";

export const runScript = `#!/usr/bin/env python3
"""Runs the .net file beside this script with Lava: on the CPU in fixed-point arithmetic, or on Loihi 2.

usage: run_lava.py INPUT.npy OUTPUT.npy [--net FILE.net] [--backend cpu|loihi2] [--between reset|rebuild]

INPUT.npy   spikes [N, T, C, H, W] or one sample [T, C, H, W]; [N, T, F] or [T, F] for flat inputs, images in C,H,W order
OUTPUT.npy  spikes [N, T, ...] or [T, ...] of the last layer, latency removed

Needs lava-nc and lava-dl (Python 3.10). Between samples the neurons are reset by Lava's periodic reset, whose interval is a power
of two because the hardware wants it; shorter samples are followed by silence. "rebuild" makes the network anew for every sample.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def parse():
    parser = argparse.ArgumentParser(description="run a .net file with Lava")
    parser.add_argument("input", help=".npy file with spikes")
    parser.add_argument("output", help=".npy file for the spikes of the last layer")
    parser.add_argument("--net", help="another .net file (default: the one of manifest.json beside this script)")
    parser.add_argument("--backend", choices=["cpu", "loihi2"], default="cpu", help="where to run (default cpu)")
    parser.add_argument("--between", choices=["reset", "rebuild"], default="reset", help="what separates samples (default reset)")
    parser.add_argument("--adapter-steps", type=int, default=0,
                        help="steps that the adapters of a Loihi 2 system add before the first layer (default 0)")
    return parser.parse_args()


def net_file(arguments):
    if arguments.net:
        return arguments.net
    manifest = json.loads((HERE / "manifest.json").read_text(encoding="utf-8"))
    return str(HERE / manifest["file"])


def power_of_two(least):
    power = 1
    while power < least:
        power *= 2
    return power


class Runner:
    """One network in one run of Lava: frames go in from the first step on, the last layer's spikes come out."""

    def __init__(self, path, backend, adapter_steps, interval=None):
        try:
            from lava.lib.dl import netx
        except ImportError as error:
            sys.exit("lava-dl: expected an installed lava-nc and lava-dl, got: %s." % error)
        self.backend = backend
        options = {}
        if interval:
            first_has_neuron = self._starts_with_neuron(path)
            options = {"reset_interval": interval, "reset_offset": (0 if first_has_neuron else 1) + adapter_steps}
        self.net = netx.hdf5.Network(net_config=path, **options)
        owns_input = self.net.layers[0].block == "Input"
        self.port = self.net.in_layer.neuron.a_in if owns_input else self.net.inp
        self.latency = len(self.net.layers) - int(owns_input) + adapter_steps

    @staticmethod
    def _starts_with_neuron(path):
        import h5py

        with h5py.File(path, "r") as file:
            return "neuron" in file["layer/0"]

    def lava_order(self, frames):
        """[steps, C, H, W] or [steps, F] as Lava holds it: [W, H, C, steps] or [F, steps]."""
        shape = tuple(int(size) for size in self.port.shape)
        channel_first = frames.reshape((len(frames),) + shape[::-1])
        return np.ascontiguousarray(channel_first.transpose(tuple(range(channel_first.ndim))[::-1]))

    def run(self, frames):
        """Frames [steps, ...] to the last layer's answers [steps, ...]."""
        from lava.magma.core.run_conditions import RunSteps
        from lava.proc import io

        steps = len(frames) + self.latency
        silence = np.zeros((self.latency,) + frames.shape[1:], frames.dtype)
        data = self.lava_order(np.concatenate([frames, silence]).astype(np.int32))
        source = io.source.RingBuffer(data=data)
        sink = io.sink.RingBuffer(shape=self.net.out.shape, buffer=steps)
        self._connect(source, sink)
        try:
            self.net.run(condition=RunSteps(num_steps=steps), run_cfg=self._configuration())
            out = sink.data.get()
        finally:
            self.net.stop()
        return out.transpose(tuple(range(out.ndim))[::-1])[self.latency:]

    def _connect(self, source, sink):
        if self.backend == "cpu":
            source.s_out.connect(self.port)
            self.net.out_layer.out.connect(sink.a_in)
            return
        from lava.proc import embedded_io

        into = embedded_io.spike.PyToNxAdapter(shape=self.port.shape)
        out = embedded_io.spike.NxToPyAdapter(shape=self.net.out.shape)
        source.s_out.connect(into.inp)
        into.out.connect(self.port)
        self.net.out_layer.out.connect(out.inp)
        out.out.connect(sink.a_in)

    def _configuration(self):
        from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg

        return Loihi2SimCfg(select_tag="fixed_pt") if self.backend == "cpu" else Loihi2HwCfg()


def frame_size(path):
    """Numbers in one frame, from the file itself."""
    import h5py

    with h5py.File(path, "r") as file:
        first = file["layer/0"]
        return int(np.prod(first["shape"])) if first["type"][...].astype(str).item() == "input" else first["weight"].shape[-1]


def samples_of(array, size):
    """[N, T, ...] and whether there was a batch axis."""
    for leading in (1, 2):
        if array.ndim > leading and int(np.prod(array.shape[leading:])) == size:
            return (array if leading == 2 else array[None]), leading == 2
    sys.exit("input: expected [N, T, ...] or [T, ...] with %d numbers a frame, got %s." % (size, list(array.shape)))


def main():
    arguments = parse()
    path = net_file(arguments)
    samples, batched = samples_of(np.load(arguments.input, allow_pickle=False), frame_size(path))
    count, steps = samples.shape[:2]
    if arguments.between == "rebuild":
        outputs = [Runner(path, arguments.backend, arguments.adapter_steps, power_of_two(steps)).run(sample) for sample in samples]
        spikes = np.stack(outputs)
    else:
        interval = power_of_two(steps)
        silence = np.zeros((count, interval - steps) + samples.shape[2:], samples.dtype)
        frames = np.concatenate([samples, silence], axis=1).reshape((count * interval,) + samples.shape[2:])
        out = Runner(path, arguments.backend, arguments.adapter_steps, interval).run(frames)
        spikes = out.reshape((count, interval) + out.shape[1:])[:, :steps]
    whole = spikes.astype(np.int64)
    rates = whole.reshape(count, steps, -1).mean(axis=1)
    for sample, rate in enumerate(rates):
        print("sample %d: class %d, rates %s" % (sample, int(rate.argmax()), " ".join("%.4f" % value for value in rate[:20])))
    np.save(arguments.output, whole if batched else whole[0])


if __name__ == "__main__":
    main()
`;

export interface ReadmeFacts {
  file: string;
  steps: number;
  inputShape: readonly number[];
  outputShape: readonly number[];
  latency: number;
  resetOffset: number;
}

export function readmeText({ file, steps, inputShape, outputShape, latency, resetOffset }: ReadmeFacts): string {
  const axes = inputShape.length === 3 ? "C, H, W" : "F";
  return `A spiking network for Intel Loihi, as Lava DL's netx loader takes it
====================================================================

${file}       the network (HDF5; lava.lib.dl.netx.hdf5.Network loads it)
manifest.json     shapes, latency, names of the layers, report of the design rules, SHA-256 of every file
${RUN_SCRIPT}       runs the network with Lava, on the CPU or on Loihi 2

Input    spikes [${axes}] = [${inputShape.join(", ")}] a step, without payload (input_message_bits 0)
Output   spikes [${outputShape.join(", ")}] a step
Steps    ${steps} a sample, as trained
Latency  ${latency} steps: the answer to input step t comes at step t + ${latency}
Reset    reset_offset ${resetOffset}, reset_interval a power of two of at least the steps of a sample: a sample begins right after a reset

Run it on the CPU, in Lava's fixed-point arithmetic (needs lava-nc and lava-dl, Python 3.10):

    python3 ${RUN_SCRIPT} spikes.npy output.npy

On Loihi 2 (needs Intel's Lava extension for the hardware; not tried by the program that wrote this):

    python3 ${RUN_SCRIPT} spikes.npy output.npy --backend loihi2

The same arithmetic without Lava:

    spikeship simulate ${file} --input spikes.npy --output output.npy
`;
}
