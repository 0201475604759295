"""The benchmark's cases on SpikingJelly, for ratios measured in one run (`npm run bench -- --peer PYTHON`).

PYTHON needs PyTorch, and SpikingJelly where it can be imported. Prints one JSON object: program, versions and the sorted times
of each case in milliseconds. Networks, sizes and batches are those of networks.ts and sizes.ts; inputs are random, which
changes nothing about the work (PyTorch's kernels do not look for zeros).

    python3 run_spikingjelly.py [--threads N] [--seconds S] [--only TEXT]
"""
import argparse
import json
import resource
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from spikingjelly.activation_based import functional, lava_exchange, layer, neuron, surrogate

BATCH, IMAGE, CSNN_STEPS, LAVA_STEPS, LAVA_CHANNELS, CLASSES, HIDDEN = 16, 28, 4, 32, 16, 10, 128
NEURONS = (64, 8192)


def if_node():
    return neuron.IFNode(surrogate_function=surrogate.ATan())


def csnn(channels):
    def stage(inputs):
        return [layer.Conv2d(inputs, channels, 3, padding=1, bias=False), layer.BatchNorm2d(channels), if_node(),
                layer.MaxPool2d(2, 2)]

    hidden = channels * 16
    network = nn.Sequential(*stage(1), *stage(channels), layer.Flatten(),
                            layer.Linear(channels * (IMAGE // 4) ** 2, hidden, bias=False), if_node(),
                            layer.Linear(hidden, CLASSES, bias=False), if_node())
    functional.set_step_mode(network, "m")
    return network


def lava_network():
    c = LAVA_CHANNELS

    def block(synapse):
        return lava_exchange.BlockContainer(synapse, if_node(), step_mode="m")

    return nn.Sequential(
        block(nn.Conv2d(1, c, 3, padding=1, bias=False)), block(nn.Conv2d(c, c, 2, stride=2, bias=False)),
        block(nn.Conv2d(c, c, 3, padding=1, bias=False)), block(nn.Conv2d(c, c, 2, stride=2, bias=False)),
        lava_exchange.BlockContainer(nn.Flatten(), None, step_mode="m"),
        block(nn.Linear(c * (IMAGE // 4) ** 2, HIDDEN, bias=False)), block(nn.Linear(HIDDEN, CLASSES, bias=False)))


def csnn_input():
    image = torch.rand(BATCH, 1, IMAGE, IMAGE)
    return lambda: image.unsqueeze(0).repeat(CSNN_STEPS, 1, 1, 1, 1)


def lava_input():
    image = torch.rand(BATCH, 1, IMAGE, IMAGE) * 0.3
    return lambda: (torch.rand(LAVA_STEPS, *image.shape) <= image).float()


def training(network, make_input, loss, optimizer):
    labels = torch.randint(0, CLASSES, (BATCH,))

    def step():
        optimizer.zero_grad()
        loss(network(make_input()).mean(0), labels).backward()
        optimizer.step()
        functional.reset_net(network)

    network.train()
    return step


def inference(network, make_input):
    def step():
        with torch.no_grad():
            network(make_input()).mean(0)
        functional.reset_net(network)

    network.eval()
    return step


def mse(rates, labels):
    return F.mse_loss(rates, F.one_hot(labels, CLASSES).float())


def csnn_training(channels):
    network = csnn(channels)
    return training(network, csnn_input(), mse, torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9))


def lava_training():
    network = lava_network()
    return training(network, lava_input(), F.cross_entropy, torch.optim.Adam(network.parameters(), lr=1e-3))


def neurons_alone(node, steps):
    node.step_mode = "m"
    x = torch.rand(steps, *NEURONS, requires_grad=True)
    gradient = torch.rand(steps, *NEURONS)

    def step():
        node(x).backward(gradient)
        node.reset()
        x.grad = None

    return step


CASES = {
    "csnn-c128-t4-b16/train": lambda: csnn_training(128),
    "csnn-c128-t4-b16/infer": lambda: inference(csnn(128), csnn_input()),
    "csnn-c32-t4-b16/train": lambda: csnn_training(32),
    "csnn-c32-t4-b16/infer": lambda: inference(csnn(32), csnn_input()),
    "lava-c16-t32-b16/train": lava_training,
    "lava-c16-t32-b16/infer": lambda: inference(lava_network(), lava_input()),
    "if-t4": lambda: neurons_alone(if_node(), 4),
    "if-t16": lambda: neurons_alone(if_node(), 16),
    "lif-t4": lambda: neurons_alone(neuron.LIFNode(surrogate_function=surrogate.ATan()), 4),
    "lif-t16": lambda: neurons_alone(neuron.LIFNode(surrogate_function=surrogate.ATan()), 16),
}


def measure(make, seconds):
    step = make()
    for _ in range(2):
        step()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or time.perf_counter() < end:
        start = time.perf_counter()
        step()
        times.append((time.perf_counter() - start) * 1000)
    return sorted(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, help="threads of PyTorch (default: its own choice)")
    parser.add_argument("--seconds", type=float, default=3, help="time for each case (default: 3)")
    parser.add_argument("--only", default="", help="cases whose name contains this")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    cases = {name: measure(make, options.seconds) for name, make in CASES.items() if options.only in name}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(json.dumps({"program": "SpikingJelly", "torch": torch.__version__, "threads": torch.get_num_threads(),
                      "cases": cases, "processMB": peak}))


if __name__ == "__main__":
    main()
