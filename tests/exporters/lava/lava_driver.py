"""Runs .net files with Lava's own loader and fixed-point models, for lava.test.ts.

usage: lava_driver.py JOBS.json

JOBS.json is a list of {"net", "input", "output", "steps", "hold", "loader"}: the file, a .npy with the frames
[T, ...] in C,H,W order, the stem of the .npy files to write (one [steps, ...] per layer, latency included), the number of steps,
whether the last frame is repeated, and arguments of the loader. Prints one line of JSON per job.
"""
import json
import sys

import numpy as np


def lava_axes(frames, shape):
    """[steps, C, H, W] as [W, H, C, steps]; [steps, F] as [F, steps]."""
    spatial = frames.reshape((len(frames),) + tuple(shape)[::-1])
    return np.moveaxis(spatial, 0, -1).transpose(tuple(range(spatial.ndim - 1))[::-1] + (spatial.ndim - 1,))


def project_axes(recorded):
    """[W, H, C, steps] as [steps, C, H, W]; [F, steps] as [steps, F]."""
    return recorded.transpose(tuple(range(recorded.ndim))[::-1])


def run(job):
    from lava.lib.dl import netx
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc.io import sink, source

    net = netx.hdf5.Network(net_config=job["net"], **job["loader"])
    port = net.in_layer.neuron.a_in if net.in_layer.block == "Input" else net.inp
    frames = np.load(job["input"]).astype(np.int32)
    missing = job["steps"] - len(frames)
    tail = np.repeat(frames[-1:], missing, axis=0) * (1 if job["hold"] else 0)
    data = lava_axes(np.concatenate([frames, tail]), port.shape)
    feed = source.RingBuffer(data=np.ascontiguousarray(data))
    feed.s_out.connect(port)
    sinks = []
    for layer in net.layers:
        sinks.append(sink.RingBuffer(shape=layer.out.shape, buffer=job["steps"]))
        layer.out.connect(sinks[-1].a_in)
    net.run(condition=RunSteps(num_steps=job["steps"]), run_cfg=Loihi2SimCfg(select_tag="fixed_pt"))
    layers = [project_axes(each.data.get()).astype(np.int64) for each in sinks]
    net.stop()
    return layers


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        jobs = json.load(file)
    for job in jobs:
        layers = run(job)
        for number, layer in enumerate(layers):
            np.save("%s.%d.npy" % (job["output"], number), layer)
        print(json.dumps({"layers": len(layers), "events": [int((layer != 0).sum()) for layer in layers]}), flush=True)


if __name__ == "__main__":
    main()
