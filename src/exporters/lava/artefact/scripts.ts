/** The script and the page of text that travel with the `.net` file, and their names. */

import type { HostInput } from "../../../model/index.ts";

export const RUN_SCRIPT = "run_lava.py";
export const README_FILE = "README.txt";

export { runScript } from "./run-script.ts";

export interface ReadmeFacts {
  file: string;
  steps: number;
  inputShape: readonly number[];
  outputShape: readonly number[];
  latency: number;
  resetOffset: number;
  /** What neurons at the input receive; null: spikes. */
  hostInput: HostInput | null;
  /** What separates samples. */
  between: "reset" | "rebuild";
}

function inputText({ hostInput }: ReadmeFacts): string {
  if (!hostInput) return "spikes, without payload (input_message_bits 0)";
  const { scale, weight, bias } = hostInput;
  return `real numbers; the chip gets whole ones: even steps of 1/${scale} from -256 to 254, times ${weight}, plus ${bias * scale}`;
}

function resetText({ resetOffset, between }: ReadmeFacts): string {
  const alignment = `reset_offset ${resetOffset}, reset_interval a power of two of at least the steps of a sample: a sample begins right after a reset`;
  if (between === "reset") return alignment;
  return `${alignment};\n         make the network anew for every sample: a reset leaves spikes under way, or sigma-delta states`;
}

export function readmeText(facts: ReadmeFacts): string {
  const { file, steps, inputShape, outputShape, latency } = facts;
  const axes = inputShape.length === 3 ? "C, H, W" : "F";
  return `A spiking network for Intel Loihi, as Lava DL's netx loader takes it
====================================================================

${file}       the network (HDF5; lava.lib.dl.netx.hdf5.Network loads it)
manifest.json     shapes, latency, names of the layers, report of the design rules, SHA-256 of every file
${RUN_SCRIPT}       runs the network with Lava, on the CPU or on Loihi 2

Input    [${axes}] = [${inputShape.join(", ")}] a step: ${inputText(facts)}
Output   [${outputShape.join(", ")}] a step
Steps    ${steps} a sample, as trained
Latency  ${latency} steps: the answer to input step t comes at step t + ${latency}
Reset    ${resetText(facts)}

Run it on the CPU, in Lava's fixed-point arithmetic (needs lava-nc and lava-dl, Python 3.10):

    python3 ${RUN_SCRIPT} spikes.npy output.npy

On Loihi 2 (needs Intel's Lava extension for the hardware; not tried by the program that wrote this):

    python3 ${RUN_SCRIPT} spikes.npy output.npy --device loihi2

Images instead of spikes are encoded first (--encode poisson or latency), each sample is decoded by rate, and --labels prints the accuracy;
--help shows the rest. The reset interval must be a power of two on Loihi 2.

The same arithmetic without Lava:

    spikeship simulate ${file} --input spikes.npy --output output.npy
`;
}
