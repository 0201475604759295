/** The options of `spikeship simulate` that a chip's own loader takes, with the loader's names. What a chip does not know, it refuses. */
import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";

export interface LoaderFlags {
  resetInterval?: string;
  resetOffset?: string;
  numLayers?: string;
  inputMessageBits?: string;
  inputShape?: string;
  spikeExp?: string;
}

const NEVER = "none";

export function addLoaderFlags(command: Command): Command {
  return command
    .option(
      "--reset-interval <steps>",
      `Loihi: reset all neurons every so many steps, or "${NEVER}" (default: a power of two from the steps of a sample on, so that each sample begins right after a reset)`,
    )
    .option(
      "--reset-offset <steps>",
      "Loihi: offset of the reset (default: aligned, 0 for a network that begins with input neurons, 1 otherwise)",
    )
    .option("--num-layers <n>", "Loihi: load only the first n layers of the file, flatten and input included")
    .option("--input-message-bits <n>", "Loihi: above 0 the input carries payloads (default: 0, spikes)")
    .option("--input-shape <C,H,W>", "Loihi: shape of the input, for a file without an input layer")
    .option("--spike-exp <n>", "Loihi: binary places of sigma-delta messages (default: 6)");
}

/** Only what was given. @throws OPTION */
export function loaderOptions(flags: LoaderFlags): Record<string, unknown> {
  const { resetInterval, inputShape } = flags;
  const numbers = [
    ["resetOffset", "--reset-offset", 0],
    ["numLayers", "--num-layers", 1],
    ["inputMessageBits", "--input-message-bits", 0],
    ["spikeExp", "--spike-exp", 0],
  ] as const;
  const given = numbers
    .filter(([key]) => flags[key] !== undefined)
    .map(([key, flag, least]) => [key, wholeNumber(flag, flags[key]!, least)] as const);
  return {
    ...Object.fromEntries(given),
    ...(resetInterval === undefined
      ? {}
      : { resetInterval: resetInterval === NEVER ? null : wholeNumber("--reset-interval", resetInterval, 1) }),
    ...(inputShape === undefined
      ? {}
      : { inputShape: inputShape.split(",").map((size) => wholeNumber("--input-shape", size, 1)) }),
  };
}
