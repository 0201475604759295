/** Intel Loihi as a deployment target: a `.net` file for Lava DL's netx loader, proven by a simulation that is equal to Lava's bit for bit. */
import { z } from "zod";
import { parseWith } from "../../core/index.ts";
import type { DeploymentTarget } from "../target.ts";
import { loihiComparisons } from "./artefact/comparisons.ts";
import { writeArtefact } from "./artefact/export.ts";
import { RUN_SCRIPT } from "./artefact/scripts.ts";
import { fixNet } from "./file-rules/fix-net.ts";
import { inspectNet } from "./inspect.ts";
import { mapNetFile } from "./mapping/index.ts";
import { checkNetwork } from "./network-rules/check-network.ts";
import { readNet } from "./read.ts";
import { checkNet } from "./rules.ts";
import { openLoihi } from "./runtime.ts";
import { encodeNet } from "./write.ts";

/** `export` has no options: the file holds what the prepared network computes with. */
const exportOptions = z.strictObject({});

/** A `.net` file says all that its rules ask for. */
const checkOptions = z.strictObject({});

export interface LoihiTargetParts {
  prepare: DeploymentTarget["prepare"];
  isPrepared: DeploymentTarget["isPrepared"];
  study?: NonNullable<DeploymentTarget["study"]>;
}

export function createLoihiTarget({ prepare, isPrepared, study }: LoihiTargetParts): DeploymentTarget {
  return {
    id: "loihi",
    title: "Intel Loihi (Lava DL .net)",
    extension: ".net",
    about:
      "Loihi computes in whole numbers: weights of eight bits in even steps, currents and voltages of 24 bits, decays of twelve. The network becomes a .net file, which Lava DL's netx loads onto the chip or its fixed-point simulation.",
    proven: [
      "The written file, run by a simulation that equals Lava's fixed-point models in every bit, gives the prepared network's spikes: every layer, every step.",
      "The file keeps the design rules collected from the sources of lava and lava-dl.",
    ],
    notProven: [
      "Placement on the chip's cores: Intel's compiler, which knows their capacity, is not public.",
      "Speed and energy on the chip.",
    ],
    commands: () => [
      {
        command: `python3 ${RUN_SCRIPT} spikes.npy output.npy`,
        purpose: "run the file with Lava on the CPU (needs lava-nc and lava-dl)",
      },
      {
        command: `python3 ${RUN_SCRIPT} spikes.npy output.npy --device loihi2`,
        purpose: "run it on Loihi 2 (needs Intel's Lava extension for the hardware)",
      },
    ],
    check: (network, samples) => checkNetwork(network, { isPrepared, ...(study ? { study } : {}) }, samples),
    async checkFile(path, options = {}) {
      parseWith(checkOptions, options, "Loihi check options");
      return checkNet(await readNet(path));
    },
    async fixFile(path, options = {}) {
      parseWith(checkOptions, options, "Loihi check options");
      const { net, changes } = fixNet(await readNet(path));
      return { bytes: await encodeNet(net), changes, findings: checkNet(net) };
    },
    prepare,
    ...(study ? { study } : {}),
    isPrepared,
    async export(network, directory, options = {}) {
      parseWith(exportOptions, options, "Loihi export options");
      return writeArtefact(network.lower(), directory);
    },
    open: openLoihi,
    inspect: inspectNet,
    map: mapNetFile,
    comparisons: loihiComparisons,
  };
}
