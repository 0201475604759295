"""The work of `npm run bench:cuda` on SpikingJelly's back ends (torch, cupy, and triton where its version has it), for ratios of one run.

Needs PyTorch with CUDA and SpikingJelly; cupy and triton where they can be imported. Writes one JSON object: program, versions, and for
each `case@backend` the sorted times of its rounds in milliseconds for one run. Neurons are 64 x 32*32*32, forward and backward through
autograd; networks are those of benchmarks/networks.ts in whole training steps. float32 is float32: tf32 is switched off for both sides.
A back end that a neuron does not have, or that cannot be imported, is named under `skipped` with the reason.

    python3 run_spikingjelly_cuda.py [--budget S] [--only TEXT] [--out FILE] [--device cpu --tiny]
"""
import argparse
import contextlib
import json
import math
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from spikingjelly.activation_based import functional, lava_exchange, layer, neuron, surrogate

BACKENDS = ("torch", "cupy", "triton")
STEPS = (2, 4, 8, 16, 32)
CLASSES, HIDDEN = 10, 128
ROUNDS, WARM_UP_RUNS = 7, 3
# a round lasts at least so long, so that the host's clock and the synchronisation do not count
ROUND_SECONDS = 0.03


class Sizes:
    def __init__(self, tiny):
        self.neurons = (4, 32) if tiny else (64, 32 * 32 * 32)
        self.image = 8 if tiny else 28
        self.csnn_channels = 3 if tiny else 128
        self.csnn_steps = 2 if tiny else 4
        self.lava_channels = 2 if tiny else 16
        self.lava_steps = 3 if tiny else 32
        self.large, self.small = (2, 2) if tiny else (128, 16)


def if_node():
    return neuron.IFNode(surrogate_function=surrogate.ATan())


def lif_node():
    return neuron.LIFNode(surrogate_function=surrogate.ATan())


def with_backend(network, backend):
    """Sets the back end of every spiking neuron; raises ValueError where one does not have it."""
    nodes = [module for module in network.modules() if isinstance(module, neuron.BaseNode)]
    for node in nodes:
        if backend not in node.supported_backends:
            raise ValueError(f"{type(node).__name__} has no {backend} back end")
        node.backend = backend
    if backend != "torch" and not nodes:
        raise ValueError(f"no neuron with a {backend} back end")
    return network


def neurons_alone(make_node, steps, dtype, backend, sizes, device):
    node = make_node()
    node.step_mode = "m"
    with_backend(node, backend)
    shape = (steps, *sizes.neurons)
    x = torch.rand(shape, device=device).to(dtype).requires_grad_()
    gradient = torch.rand(shape, device=device).to(dtype)

    def step():
        node(x).backward(gradient)
        node.reset()
        x.grad = None

    return step


def csnn(sizes):
    channels, pixels = sizes.csnn_channels, (sizes.image // 4) ** 2

    def stage(inputs):
        return [layer.Conv2d(inputs, channels, 3, padding=1, bias=False), layer.BatchNorm2d(channels), if_node(),
                layer.MaxPool2d(2, 2)]

    network = nn.Sequential(*stage(1), *stage(channels), layer.Flatten(),
                            layer.Linear(channels * pixels, channels * 16, bias=False), if_node(),
                            layer.Linear(channels * 16, CLASSES, bias=False), if_node())
    functional.set_step_mode(network, "m")
    return network


def lava_network(sizes):
    c, pixels = sizes.lava_channels, (sizes.image // 4) ** 2

    def block(synapse):
        return lava_exchange.BlockContainer(synapse, if_node(), step_mode="m")

    return nn.Sequential(
        block(nn.Conv2d(1, c, 3, padding=1, bias=False)), block(nn.Conv2d(c, c, 2, stride=2, bias=False)),
        block(nn.Conv2d(c, c, 3, padding=1, bias=False)), block(nn.Conv2d(c, c, 2, stride=2, bias=False)),
        lava_exchange.BlockContainer(nn.Flatten(), None, step_mode="m"),
        block(nn.Linear(c * pixels, HIDDEN, bias=False)), block(nn.Linear(HIDDEN, CLASSES, bias=False)))


def mse(rates, labels):
    return F.mse_loss(rates, F.one_hot(labels, CLASSES).to(rates.dtype))


def training(network, make_input, loss, optimizer, batch, precision, device):
    labels = torch.randint(0, CLASSES, (batch,), device=device)
    rounded = precision == "bfloat16"

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(torch.device(device).type, torch.bfloat16) if rounded else contextlib.nullcontext():
            rates = network(make_input()).mean(0)
        loss(rates.float(), labels).backward()
        optimizer.step()
        functional.reset_net(network)

    network.train()
    return step


def csnn_training(batch, precision, backend, sizes, device):
    network = with_backend(csnn(sizes).to(device), backend)
    image = torch.rand(batch, 1, sizes.image, sizes.image, device=device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    return training(network, lambda: image.unsqueeze(0).repeat(sizes.csnn_steps, 1, 1, 1, 1), mse, optimizer, batch,
                    precision, device)


def lava_training(backend, sizes, device):
    network = with_backend(lava_network(sizes).to(device), backend)
    image = torch.rand(sizes.large, 1, sizes.image, sizes.image, device=device) * 0.3
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    return training(network, lambda: (torch.rand(sizes.lava_steps, *image.shape, device=device) <= image).float(),
                    F.cross_entropy, optimizer, sizes.large, "float32", device)


def cases(sizes, device):
    """Name and what makes it, in the order in which they are measured when time is short."""
    for batch, title in ((sizes.large, 128), (sizes.small, 16)):
        for precision in ("float32", "bfloat16"):
            for backend in BACKENDS:
                yield (f"csnn-c128-t4-b{title}-{precision}/train@{backend}",
                       lambda b=batch, p=precision, k=backend: csnn_training(b, p, k, sizes, device))
    for backend in BACKENDS:
        yield f"lava-c16-t32-b128-float32/train@{backend}", lambda k=backend: lava_training(k, sizes, device)
    for dtype, name in ((torch.float32, "float32"), (torch.float16, "float16")):
        for steps in STEPS:
            for make_node, kind in ((if_node, "if"), (lif_node, "lif")):
                for backend in BACKENDS:
                    yield (f"{kind}-t{steps}-{name}@{backend}",
                           lambda n=make_node, t=steps, d=dtype, k=backend: neurons_alone(n, t, d, k, sizes, device))


def measure(step, synchronize, tiny):
    def round_of(runs):
        synchronize()
        start = time.perf_counter()
        for _ in range(runs):
            step()
        synchronize()
        return (time.perf_counter() - start) / runs

    # the first runs compile kernels and choose algorithms
    round_of(1 if tiny else WARM_UP_RUNS)
    runs = 1 if tiny else max(1, math.ceil(ROUND_SECONDS / round_of(1)))
    return sorted(1000 * round_of(runs) for _ in range(2 if tiny else ROUNDS))


def reason_of(error):
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}"[:300]


def measure_all(options, device):
    synchronize = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    times, skipped = {}, {}
    end = time.perf_counter() + options.budget
    for name, make in cases(Sizes(options.tiny), device):
        if options.only not in name:
            continue
        if time.perf_counter() > end:
            skipped[name] = "no time left"
            continue
        try:
            times[name] = measure(make(), synchronize, options.tiny)
            middle = times[name][len(times[name]) // 2]
            print(f"SpikingJelly {name:44s} {middle:10.3f} ms", file=sys.stderr)
        except Exception as error:  # whatever a back end throws is its reason
            skipped[name] = reason_of(error)
        if device.startswith("cuda"):
            torch.cuda.empty_cache()
    return times, skipped


def versions(device):
    found = {"program": "SpikingJelly", "torch": torch.__version__, "cuda": torch.version.cuda}
    with contextlib.suppress(ImportError):
        from importlib import metadata
        for package in ("spikingjelly", "cupy", "cupy-cuda12x", "cupy-cuda13x", "triton"):
            with contextlib.suppress(metadata.PackageNotFoundError):
                found[package] = metadata.version(package)
    if device.startswith("cuda"):
        found["device"] = torch.cuda.get_device_name(device)
        found["cudnn"] = torch.backends.cudnn.version()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--budget", type=float, default=240, help="seconds after which no further case begins (default: 240)")
    parser.add_argument("--out", help="where the JSON goes, since libraries print too (default: standard output)")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:1, or cpu to try the script (default: cuda)")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes, to see that it works; the figures mean nothing")
    options = parser.parse_args()
    device = options.device
    if device.startswith("cuda"):
        if not torch.cuda.is_available():
            sys.exit("PyTorch finds no CUDA device")
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.benchmark = True
    times, skipped = measure_all(options, device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    text = json.dumps({**versions(device), "threads": torch.get_num_threads(), "cases": times, "skipped": skipped,
                       "processMB": peak}, indent=1)
    if options.out:
        with open(options.out, "w", encoding="utf8") as file:
            file.write(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
