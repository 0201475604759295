/** Reads the neuron group of a layer, one entry for each neuron type of the format. */
import { nearestName } from "../../../core/index.ts";
import type { GroupReader } from "./group-reader.ts";
import type { NetArray, NetNeuron, NetNeuronType } from "./net-file.ts";

type NeuronReader = (group: GroupReader) => NetNeuron;

/** One decay, or a list of them: one per neuron or channel. */
function decay(group: GroupReader, name: string, array: NetArray = group.wholeArray(name)): NetArray {
  if (array.data.length === 0) group.refuse(name, "at least one decay", "none");
  return array.data.length === 1 ? { shape: [], data: array.data } : array;
}

/** Far beyond the 4096 that stands for 1. */
const LARGEST_ROTATION = 2 ** 20;

/** Decays of resonators go through floating point in the loader, so they may have fractions. */
function rotation(group: GroupReader, name: string): NetArray {
  const array = decay(group, name, group.array(name));
  const large = array.data.find((value) => Math.abs(value) > LARGEST_ROTATION);
  return large === undefined ? array : group.refuse(name, `decays up to ${LARGEST_ROTATION} in size`, `${large}`);
}

const leaky =
  (type: "CUBA" | "LOIHI" | "ALIF"): NeuronReader =>
  (group) => ({
    type,
    iDecay: decay(group, "iDecay"),
    vDecay: decay(group, "vDecay"),
    vThMant: threshold(group),
    extras: group.extras(),
  });

const resonator =
  (type: "RF_PHASE" | "RF_IZHIKEVICH" | "ADRF_PHASE" | "ADRF_IZHIKEVICH"): NeuronReader =>
  (group) => ({
    type,
    sinDecay: rotation(group, "sinDecay"),
    cosDecay: rotation(group, "cosDecay"),
    vThMant: threshold(group),
    extras: group.extras(),
  });

const threshold = (group: GroupReader): number => group.wholeNumber("vThMant", Number.MIN_SAFE_INTEGER);

const NEURONS: { [T in NetNeuronType]: NeuronReader } = {
  CUBA: leaky("CUBA"),
  LOIHI: leaky("LOIHI"),
  ALIF: leaky("ALIF"),
  SDNN: (group) => ({
    type: "SDNN",
    activation: group.text("activation"),
    vThMant: threshold(group),
    sigmaOutput: group.has("sigma_output") && group.array("sigma_output") !== null,
    extras: group.extras(),
  }),
  RF_PHASE: resonator("RF_PHASE"),
  RF_IZHIKEVICH: resonator("RF_IZHIKEVICH"),
  ADRF_PHASE: resonator("ADRF_PHASE"),
  ADRF_IZHIKEVICH: resonator("ADRF_IZHIKEVICH"),
};

/** The neuron of a layer. @throws FILE for an unknown type, missing members and numbers that are none. */
export function readNeuron(group: GroupReader): NetNeuron {
  const type = group.text("type");
  if (Object.hasOwn(NEURONS, type)) return NEURONS[type as NetNeuronType](group);
  const known = Object.keys(NEURONS);
  const near = nearestName(type, known);
  return group.refuse("type", `one of ${known.join(", ")}`, `"${type}"`, near ? `Did you mean "${near}"?` : undefined);
}
