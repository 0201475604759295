/**
 * What one core and one chip can hold, as far as it is published. Lava and lava-dl give bit widths but no capacities, and Intel's compiler,
 * which knows them, is not public: the figures of Loihi 1 are those of nengo-loihi, an emulator that was validated against the chip.
 */

/** What a core runs out of. */
export type CoreResource = "compartments" | "synapseBits" | "inputAxons" | "outputAxons";
export const CORE_RESOURCES: readonly CoreResource[] = ["compartments", "synapseBits", "inputAxons", "outputAxons"];

export const RESOURCE_NAMES: Record<CoreResource, string> = {
  compartments: "compartments",
  synapseBits: "synaptic memory",
  inputAxons: "input axons",
  outputAxons: "output axons",
};

export type CoreUse = Record<CoreResource, number>;

/** Source: nengo-loihi `block.py` (MAX_COMPARTMENTS, MAX_SYNAPSE_BITS, MAX_IN_AXONS, MAX_OUT_AXONS). */
export const LOIHI_1_CORE: CoreUse = {
  compartments: 1024,
  synapseBits: 2 ** 20,
  inputAxons: 4096,
  outputAxons: 4096,
};
export const LOIHI_1_CORE_SOURCE = "nengo-loihi block.py";

/** Both chips. Some Loihi 2 boards are said to offer 120. Source: open-neuromorphic.org. */
export const CORES_PER_CHIP = 128;
export const CHIP_SOURCE = "open-neuromorphic.org";

/** Per chip; nothing is published per core. */
export const LOIHI_2_NEURONS = 1_000_000;
export const LOIHI_2_SYNAPSES = 120_000_000;

/** Different decays that the neurons of one core may have; its authors call the figure unverified. Source: nengo-loihi `hardware/validate.py`. */
export const LOIHI_1_PROFILES = 32;
export const LOIHI_1_PROFILES_SOURCE = "nengo-loihi hardware/validate.py, marked there as unverified";
