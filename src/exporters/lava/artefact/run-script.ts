/**
 * The Python script that travels with the `.net` file and runs it with Lava. It follows the calls of lava-dl's netx tutorials (mnist, oxford
 * and pilotnet_snn), takes every value from the manifest and the file, and holds no absolute path.
 */
export const runScript = `#!/usr/bin/env python3
"""Runs the .net file beside this script with Lava: on the CPU in fixed-point arithmetic, or on Loihi 2.

usage: run_lava.py INPUT.npy OUTPUT.npy [--device cpu|loihi2] [--encode none|poisson|latency] [--rates R.npy] ...

INPUT.npy   spikes [N, T, C, H, W] or one sample [T, C, H, W]; [N, T, F] or [T, F] for flat inputs, images in C,H,W order;
            with --encode images of values from 0 to 1, [N, C, H, W] or one image
            for neurons at the input: real numbers, which are rounded to steps as in training
OUTPUT.npy  spikes [N, T, ...] or [T, ...] of the last layer, latency removed; numbers in training's unit where they are no spikes

Needs lava-nc and lava-dl (Python 3.10). Each sample is decoded by rate: the class of the output that spikes most. Between samples the
neurons are reset by Lava's periodic reset, whose interval is a power of two because the hardware wants it; shorter samples are followed
by silence. A network that begins with a layer of synapses sees the first frame in step 2, so the reset has an offset of 1. "rebuild" makes
the network anew for every sample.
"""
import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


def parse():
    parser = argparse.ArgumentParser(description="run a .net file with Lava")
    parser.add_argument("input", help=".npy file with spikes, or with images for --encode")
    parser.add_argument("output", help=".npy file for the spikes of the last layer")
    parser.add_argument("--net", help="another .net file (default: the one of manifest.json beside this script)")
    parser.add_argument("--device", choices=["cpu", "loihi2"], default="cpu", help="where to run (default cpu)")
    parser.add_argument("--encode", choices=["none", "poisson", "latency"], default="none",
                        help="make spikes of images: random with the value as probability, or one spike, earlier for larger values")
    parser.add_argument("--steps", type=int, help="steps of an encoded sample (default: those of the training)")
    parser.add_argument("--seed", type=int, default=0, help="of the poisson encoder (default 0); not the numbers of Spikeship's own")
    parser.add_argument("--between", choices=["reset", "rebuild"],
                        help="what separates samples (default: as the manifest says, else reset)")
    parser.add_argument("--interval", type=int, help="reset interval (default: the smallest power of two that holds a sample)")
    parser.add_argument("--adapter-steps", type=int, default=0,
                        help="steps that the adapters of a Loihi 2 system add before the first layer (default 0)")
    parser.add_argument("--rates", help=".npy file for the rates [N, outputs]")
    parser.add_argument("--labels", help=".npy file with the right classes [N]; the accuracy is printed")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    return parser.parse_args()


def manifest_beside():
    path = HERE / "manifest.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def net_file(arguments, manifest):
    if arguments.net:
        return arguments.net
    if manifest is None:
        sys.exit("manifest.json: expected it beside this script, got none. Name the file with --net.")
    path = HERE / manifest["file"]
    if not path.exists():
        sys.exit("%s: expected the exported file, got none." % path)
    if hashlib.sha256(path.read_bytes()).hexdigest() != manifest["sha256"][manifest["file"]]:
        print("warning: %s was changed after the export" % path.name, file=sys.stderr)
    return str(path)


def power_of_two(least):
    power = 1
    while power < least:
        power *= 2
    return power


def interval_of(arguments, steps):
    """The reset interval holds a whole sample, and on the hardware is a power of two."""
    interval = power_of_two(steps) if arguments.interval is None else arguments.interval
    if interval < steps:
        sys.exit("--interval: expected at least the %d steps of a sample, got %d." % (steps, interval))
    if arguments.device == "loihi2" and interval != power_of_two(interval):
        sys.exit("--interval: expected a power of two, which the hardware wants, got %d. Use %d."
                 % (interval, power_of_two(interval)))
    return interval


def need_lava(device):
    """Says clearly what is missing before anything runs."""
    try:
        from lava.lib.dl import netx  # noqa: F401
    except ImportError as error:
        sys.exit("lava-dl: expected an installed lava-nc and lava-dl, got: %s. Install them in Python 3.10, "
                 "or use: spikeship simulate FILE.net --input INPUT.npy --output OUTPUT.npy" % error)
    if device == "loihi2":
        try:
            from lava.proc import embedded_io  # noqa: F401
        except ImportError:
            sys.exit("--device loihi2: expected Intel's Lava extension for Loihi (lava.proc.embedded_io), got none. "
                     "It comes with access to Intel's research cloud; --device cpu runs without it.")


class Runner:
    """One network in one run of Lava: frames go in from the first step on, the last layer's spikes come out."""

    def __init__(self, path, device, adapter_steps, interval, offset):
        from lava.lib.dl import netx

        self.device = device
        self.net = netx.hdf5.Network(net_config=path, reset_interval=interval, reset_offset=offset + adapter_steps)
        owns_input = self.net.layers[0].block == "Input"
        self.port = self.net.in_layer.neuron.a_in if owns_input else self.net.inp
        self.latency = len(self.net.layers) - int(owns_input) + adapter_steps

    def lava_order(self, frames):
        """[steps, C, H, W] or [steps, F] as Lava holds it: [W, H, C, steps] or [F, steps]."""
        shape = tuple(int(size) for size in self.port.shape)
        channel_first = frames.reshape((len(frames),) + shape[::-1])
        return np.ascontiguousarray(channel_first.transpose(tuple(range(channel_first.ndim))[::-1]))

    def run(self, frames, piece, told):
        """Frames [steps, ...] to the last layer's answers [steps, ...], so many steps at a time."""
        from lava.magma.core.run_conditions import RunSteps
        from lava.proc import io

        steps = len(frames) + self.latency
        silence = np.zeros((self.latency,) + frames.shape[1:], frames.dtype)
        data = self.lava_order(np.concatenate([frames, silence]).astype(np.int32))
        source = io.source.RingBuffer(data=data)
        sink = io.sink.RingBuffer(shape=self.net.out.shape, buffer=steps)
        self._connect(source, sink)
        configuration = self._configuration()
        try:
            for done in range(0, steps, piece):
                self.net.run(condition=RunSteps(num_steps=min(piece, steps - done)), run_cfg=configuration)
                told(min(done + piece, steps), steps)
            out = sink.data.get()
        finally:
            self.net.stop()
        return out.transpose(tuple(range(out.ndim))[::-1])[self.latency:]

    def _connect(self, source, sink):
        if self.device == "cpu":
            source.s_out.connect(self.port)
            self.net.out_layer.out.connect(sink.a_in)
            return
        from lava.proc import embedded_io

        shape = tuple(self.port.shape)
        adapter = embedded_io.spike.PyToN3ConvAdapter if len(shape) == 3 else embedded_io.spike.PyToNxAdapter
        into = adapter(shape=shape)
        out = embedded_io.spike.NxToPyAdapter(shape=self.net.out.shape)
        source.s_out.connect(into.inp)
        into.out.connect(self.port)
        self.net.out_layer.out.connect(out.inp)
        out.out.connect(sink.a_in)

    def _configuration(self):
        from lava.magma.core.run_configs import Loihi2HwCfg, Loihi2SimCfg

        return Loihi2SimCfg(select_tag="fixed_pt") if self.device == "cpu" else Loihi2HwCfg()


def facts_of(path, manifest):
    """Numbers in one frame, and the reset offset: from the manifest, or from another program's file itself."""
    if manifest is not None:
        return int(np.prod(manifest["inputShape"])), manifest["resetOffset"]
    import h5py

    with h5py.File(path, "r") as file:
        first = file["layer/0"]
        kind = np.asarray(first["type"]).astype(str).ravel()[0]
        size = int(np.prod(first["shape"])) if kind == "input" else first["weight"].shape[-1]
        return size, 0 if "neuron" in first else 1


def samples_of(array, size, own):
    """With a leading batch axis, and whether it was there. own: axes before the frame's (1 for steps, 0 for images)."""
    for leading in (own, own + 1):
        if array.ndim > leading and int(np.prod(array.shape[leading:])) == size:
            return (array if leading > own else array[None]), leading > own
    form = "[N, T, ...] or [T, ...]" if own else "[N, ...] or one image"
    sys.exit("input: expected %s with %d numbers a frame, got %s." % (form, size, list(array.shape)))


def encoded(images, arguments, steps):
    """Images [N, ...] of values from 0 to 1 as spikes [N, T, ...]."""
    if images.min() < 0 or images.max() > 1:
        sys.exit("--encode: expected values from 0 to 1, got %g to %g." % (images.min(), images.max()))
    if arguments.encode == "poisson":
        random = np.random.default_rng(arguments.seed)
        return (random.random((len(images), steps) + images.shape[1:]) < images[:, None]).astype(np.int32)
    first = np.rint(np.float32(steps - 1) * (np.float32(1) - images)).astype(np.int64)[:, None]
    clock = np.arange(steps).reshape((1, steps) + (1,) * (images.ndim - 1))
    return (clock == first).astype(np.int32)


def host_steps(samples, manifest):
    """What neurons at the input receive: even steps of 1/scale within a weight's range, times weight, plus bias."""
    host = manifest["hostInput"] if manifest else None
    if not host:
        return samples
    steps = np.clip(2 * np.rint(samples.astype(np.float32) * (host["scale"] / 2)), -256, 254)
    return np.rint(steps * host["weight"] + host["bias"] * host["scale"]).astype(np.int32)


def output_unit(manifest):
    """Whole numbers of the simulation in a unit of training: 1 for spikes."""
    return manifest["layers"][-1]["unit"] if manifest else 1


def read_samples(arguments, manifest, size):
    array = np.load(arguments.input, allow_pickle=False)
    if arguments.encode == "none":
        return samples_of(array, size, 1)
    steps = arguments.steps or (manifest["T"] if manifest else None)
    if not steps:
        sys.exit("--steps: expected the steps of a sample for --encode, got none.")
    images, batched = samples_of(array, size, 0)
    return encoded(images.astype(np.float32), arguments, steps), batched


def progress(quiet):
    start = time.time()

    def told(done, of):
        if not quiet:
            print("  %d of %d steps, %.1f s" % (done, of, time.time() - start), file=sys.stderr)

    return told


def run_samples(path, offset, samples, arguments, between):
    """Spikes [N, T, ...] of the last layer for samples [N, T, ...]."""
    count, steps = samples.shape[:2]
    interval = interval_of(arguments, steps)
    told = progress(arguments.quiet)

    def run(frames):
        return Runner(path, arguments.device, arguments.adapter_steps, interval, offset).run(frames, interval, told)

    if between == "rebuild":
        return np.stack([run(sample) for sample in samples])
    silence = np.zeros((count, interval - steps) + samples.shape[2:], samples.dtype)
    frames = np.concatenate([samples, silence], axis=1).reshape((count * interval,) + samples.shape[2:])
    out = run(frames)
    return out.reshape((count, interval) + out.shape[1:])[:, :steps]


def main():
    arguments = parse()
    manifest = manifest_beside()
    path = net_file(arguments, manifest)
    if arguments.interval is not None:
        interval_of(arguments, 1)
    need_lava(arguments.device)
    own = None if arguments.net else manifest
    size, offset = facts_of(path, own)
    samples, batched = read_samples(arguments, manifest, size)
    samples = host_steps(samples, own)
    between = arguments.between or (own["between"] if own else "reset")
    spikes = run_samples(path, offset, samples, arguments, between).astype(np.int64)
    if output_unit(own) != 1:
        spikes = spikes / output_unit(own)
    rates = spikes.reshape(spikes.shape[:2] + (-1,)).mean(axis=1)
    classes = rates.argmax(axis=1)
    for sample, rate in enumerate(rates):
        print("sample %d: class %d, rates %s" % (sample, classes[sample], " ".join("%.4f" % value for value in rate[:20])))
    if arguments.labels:
        labels = np.load(arguments.labels, allow_pickle=False).ravel()
        if len(labels) != len(classes):
            sys.exit("--labels: expected %d classes, got %d." % (len(classes), len(labels)))
        print("accuracy %.4f" % float((labels == classes).mean()))
    if arguments.rates:
        np.save(arguments.rates, rates)
    np.save(arguments.output, spikes if batched else spikes[0])


if __name__ == "__main__":
    main()
`;
