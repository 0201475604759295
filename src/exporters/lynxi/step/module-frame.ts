/** The fixed part of the generated PyTorch module: how to use it, Lynxi's operators with what stands in for them, and the class around `forward`. */

export const MODULE_FILE = "module_lynxi.py";
export const WEIGHTS_FILE = "weights.npz";

export const MODULE_HEAD = `"""One time-step of the network, written by spikeship for Lynxi's compiler. Its states stay on the chip between calls.

Every value of graph.onnx beside this file is computed here by the same equations; manifest.json describes both.

    from module_lynxi import StepNetwork, run
    network = StepNetwork()
    y = run(network, frames)     # frames [T, N, ...], float32; rates [N, F], or the output of every step [T, N, ...]

Where Lynxi's operator library is loaded (torch.ops.load_library), load and save become torch.ops.custom.load and save, and hard-reset
neurons use torch.ops.custom.cmpandfire and resetwithdecay. Elsewhere load and save keep the states in this process, so that the module
can be run and compared. compile_lynxi.py compiles it.
"""
from pathlib import Path

import numpy
import torch
from torch.nn import functional

HERE = Path(__file__).resolve().parent

# states by flag, where no chip keeps them
STATES = {}


def chip_operator(name):
    """Lynxi's operator of this name; None where its library is not loaded."""
    try:
        return getattr(torch.ops.custom, name)
    except (AttributeError, RuntimeError):
        return None


def load(start, flag):
    """The state [N, C, H, W] that was saved under this flag; start at the first step of a sample."""
    operator = chip_operator("load")
    if operator is None:
        return STATES.get(flag, start)
    # the chip keeps states channels-last; data, flag, is_init, shape, dtype, offset, step, uselookup, mode, group_id
    state = operator(start.permute(0, 2, 3, 1), flag, True, (), "float32", 0, 0, False, 0, 0)
    return state.permute(0, 3, 1, 2)


def save(state, flag):
    """Keeps a state for the next step."""
    operator = chip_operator("save")
    if operator is None:
        STATES[flag] = state
        return state
    # data, flag, offset, step, isOutput, uselookup, mode, group_id
    return operator(state.permute(0, 2, 3, 1), flag, 0, 0, False, False, 0, 0).permute(0, 3, 1, 2)


def compare_and_fire(potential, below):
    """1 where the potential is above the number, else 0."""
    operator = chip_operator("cmpandfire")
    if operator is None:
        return (potential > below).float()
    return operator(potential.clone(), below)


def reset_with_decay(potential, below, reset, alpha, beta):
    """alpha * reset + beta where the neuron fired, else alpha * potential + beta."""
    operator = chip_operator("resetwithdecay")
    if operator is None:
        return torch.where(potential > below, torch.full_like(potential, alpha * reset + beta), alpha * potential + beta)
    return operator(potential.clone(), below, reset, alpha, beta)


class StepNetwork(torch.nn.Module):
    """precision: "float16" compares as the chip does; "float32" compares exactly, for checks in PyTorch."""

    def __init__(self, weights=HERE / "${WEIGHTS_FILE}", precision="float16"):
        super().__init__()
        if precision not in ("float16", "float32"):
            raise ValueError("precision: expected float16 or float32, got %s" % precision)
        self.precision = precision
        # set to a dictionary to collect the spikes of each layer, a list of steps
        self.watched = None
        with numpy.load(str(weights), allow_pickle=False) as arrays:
            for name in arrays.files:
                self.register_buffer(name, torch.from_numpy(arrays[name].astype(numpy.float32)))
        self.eval()

    def below(self, threshold, float16_below):
        """What the fused operators compare with: they fire above a number, the neuron fires at its threshold as well."""
        if self.precision == "float16":
            return float16_below
        return float(numpy.nextafter(numpy.float32(threshold), numpy.float32(-numpy.inf)))

    def watch(self, layer, spikes):
        if self.watched is not None:
            self.watched.setdefault(layer, []).append(spikes)

`;

export const moduleTail = (readout: "last-step" | "every-step"): string => `

def reset():
    """Forgets the states: before the first step of every sample, as the model reset does on the chip."""
    STATES.clear()


def run(network, frames):
    """All steps of a batch from the start, frames [T, N, ...]."""
    reset()
    with torch.no_grad():
        outputs = [network(torch.as_tensor(frame, dtype=torch.float32)) for frame in frames]
    return ${readout === "last-step" ? "outputs[-1]" : "torch.stack(outputs)"}
`;
