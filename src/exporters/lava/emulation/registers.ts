/** The registers of recorded layers under the names that are asked for: what a model calls its current, and what its voltage. */
import { fail, nearestName } from "../../../core/index.ts";
import type { RegisterKind, RegisterTrace } from "../../target.ts";
import type { NeuronModel } from "../chip/neurons/index.ts";
import type { RecordedLayer } from "./record-states.ts";

/** The voltage decides about spikes; the current is what comes before it, or stands beside it. */
const REGISTERS: { [M in NeuronModel]: Record<RegisterKind, string> } = {
  cuba: { currents: "current", voltages: "voltage" },
  phase: { currents: "imaginary", voltages: "real" },
  izhikevich: { currents: "real", voltages: "imaginary" },
  delta: { currents: "residue", voltages: "activation" },
  sigmaDelta: { currents: "sum", voltages: "activation" },
  sigma: { currents: "sum", voltages: "sum" },
};

export function registersOf(
  { model, shape, states }: RecordedLayer,
  kinds: readonly RegisterKind[],
  layer: string,
): RegisterTrace[] {
  const names = new Set(kinds.map((kind) => REGISTERS[model][kind]));
  return [...names].map((register) => ({ layer, register, shape, data: states[register]! }));
}

/** Number of a layer in the file, from its path in the network, `layer3` or `3`. @throws OPTION with the nearest name */
export function layerNumber(layer: string, names: ReadonlyMap<number, string>): number {
  const found = [...names].find(([, name]) => name === layer);
  if (found) return found[0];
  const digits = /^(?:layer)?(\d+)$/.exec(layer)?.[1];
  if (digits !== undefined) return Number(digits);
  const known = [...names.values()];
  const near = nearestName(layer, known);
  return fail("OPTION", {
    where: "layer",
    expected: known.length > 0 ? `one of ${known.join(", ")}, or a number in the file` : "a layer's number in the file",
    got: `"${layer}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}
