/** How a `.net` file is told to run: Lava's loader arguments, with its names in camelCase, as options of an opened file. */
import { z } from "zod";
import { nonNegativeInteger, positiveInteger } from "../../../core/index.ts";

/** 24 bits is the width of Lava's spike ports. */
const WIDEST_MESSAGE = 24;
/** Six further bits of the state must fit in 32 together with a weight. */
const LARGEST_SPIKE_EXPONENT = 12;

export const loaderOptions = z.strictObject({
  numLayers: positiveInteger.optional().describe("load so many layers of the file, flatten and input included"),
  inputShape: z.array(positiveInteger).min(1).optional().describe("[C,H,W] of a file without an input layer"),
  inputMessageBits: nonNegativeInteger
    .max(WIDEST_MESSAGE)
    .optional()
    .describe("above 0: the input carries payloads; otherwise everything but 0 is a spike"),
  resetInterval: positiveInteger
    .nullable()
    .optional()
    .describe("reset all neurons every so many steps; null: never; default: so that each sample begins after a reset"),
  resetOffset: nonNegativeInteger
    .optional()
    .describe("default: aligned, 0 for a network that begins with input neurons and 1 otherwise"),
  spikeExp: nonNegativeInteger
    .max(LARGEST_SPIKE_EXPONENT)
    .optional()
    .describe("binary places of sigma-delta messages, 6 by default"),
});
export type LoaderOptions = z.infer<typeof loaderOptions>;
