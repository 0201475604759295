/**
 * Stand-ins for Lava's Python modules, as far as the written script uses them: they record every call, and their network answers each step
 * with two numbers, the spikes that went in `LATENCY` steps before and the step itself.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export const FAKE_LATENCY = 2;

const MODULES: Record<string, string> = {
  "recorder.py": `
import atexit, json, os
calls = []
atexit.register(lambda: json.dump(calls, open(os.environ["FAKE_LAVA_CALLS"], "w")))
class Port:
    def __init__(self, name, shape=()):
        self.name, self.shape, self.before = name, shape, None
    def connect(self, other):
        calls.append(["connect", self.name, other.name])
        other.before = self
        return self
`,
  "lava/lib/dl/netx/__init__.py": "from . import hdf5\n",
  "lava/lib/dl/netx/hdf5.py": `
import json, os
import numpy as np
from recorder import Port, calls
class Layer:
    def __init__(self, block):
        self.block = block
class Network:
    current = None
    def __init__(self, **arguments):
        calls.append(["Network", {key: os.path.basename(str(value)) if key == "net_config" else value for key, value in arguments.items()}])
        shape = tuple(json.loads(os.environ["FAKE_LAVA_INPUT"]))
        owns_input = "FAKE_LAVA_OWNS_INPUT" in os.environ
        self.layers = [Layer("Input")] * owns_input + [Layer("Conv"), Layer("Dense")]
        self.inp = Port("inp", shape)
        self.in_layer = self
        self.neuron = self
        self.a_in = self.inp
        self.out = Port("out", (2,))
        self.out_layer = Layer("Dense")
        self.out_layer.out = self.out
        self.steps = 0
        Network.current = self
    def run(self, condition, run_cfg):
        calls.append(["run", condition.num_steps, run_cfg.name])
        self.steps += condition.num_steps
    def stop(self):
        calls.append(["stop"])
    def answers(self):
        port = self.inp
        while port.before is not None:
            port = port.before
        data = port.data
        spikes = data.reshape(-1, data.shape[-1]).sum(axis=0)
        out = np.zeros((2, self.steps))
        out[0, ${FAKE_LATENCY}:] = spikes[: self.steps - ${FAKE_LATENCY}]
        out[1] = np.arange(self.steps)
        return out
`,
  "lava/magma/core/run_conditions.py": `
class RunSteps:
    def __init__(self, num_steps):
        self.num_steps = num_steps
`,
  "lava/magma/core/run_configs.py": `
class Loihi2SimCfg:
    def __init__(self, select_tag):
        self.name = "Loihi2SimCfg " + select_tag
class Loihi2HwCfg:
    name = "Loihi2HwCfg"
`,
  "lava/proc/io/__init__.py": "from . import source, sink\n",
  "lava/proc/io/source.py": `
from recorder import Port, calls
class RingBuffer:
    def __init__(self, data):
        calls.append(["source", list(data.shape), str(data.dtype), [int(value) for value in data[..., 0].ravel()]])
        self.s_out = Port("source")
        self.s_out.data = data
`,
  "lava/proc/io/sink.py": `
from recorder import Port, calls
class RingBuffer:
    def __init__(self, shape, buffer):
        calls.append(["sink", list(shape), buffer])
        self.a_in = Port("sink")
        self.data = self
    def get(self):
        from lava.lib.dl.netx.hdf5 import Network
        return Network.current.answers()
`,
};

const HARDWARE: Record<string, string> = {
  "lava/proc/embedded_io/__init__.py": "from . import spike\n",
  "lava/proc/embedded_io/spike.py": `
from recorder import Port, calls
class Adapter:
    def __init__(self, shape):
        name = type(self).__name__
        calls.append([name, list(shape)])
        self.inp, self.out = Port(name + ".inp"), Port(name + ".out")
        self.out.before = self.inp
class PyToNxAdapter(Adapter): pass
class PyToN3ConvAdapter(Adapter): pass
class NxToPyAdapter(Adapter): pass
`,
};

/** Writes the stand-ins to a folder for PYTHONPATH. */
export function writeFakeLava(folder: string, { hardware }: { hardware: boolean }): void {
  for (const [name, text] of Object.entries(hardware ? { ...MODULES, ...HARDWARE } : MODULES)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
