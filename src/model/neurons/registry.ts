/** The neurons by kind. A new neuron is one file and one line here. */
import { fail, nearestName, parseWith } from "../../core/index.ts";
import { cubaCurrent } from "./cuba-current.ts";
import { cubaLifNode } from "./cuba-lif-node.ts";
import { cubaVoltage } from "./cuba-voltage.ts";
import { currentBasedLifNode } from "./current-based-lif-node.ts";
import type { NeuronDefinition } from "./define.ts";
import { eifNode } from "./eif-node.ts";
import { ifNode } from "./if-node.ts";
import { klifNode } from "./klif-node.ts";
import { lifNode } from "./lif-node.ts";
import { nonSpikingIfNode, nonSpikingLifNode } from "./non-spiking.ts";
import { parametricLifNode } from "./parametric-lif-node.ts";
import { qifNode } from "./qif-node.ts";

/** Every neuron definition by kind. */
export const neuronDefinitions = {
  IFNode: ifNode,
  LIFNode: lifNode,
  ParametricLIFNode: parametricLifNode,
  KLIFNode: klifNode,
  QIFNode: qifNode,
  EIFNode: eifNode,
  CUBALIFNode: currentBasedLifNode,
  NonSpikingIFNode: nonSpikingIfNode,
  NonSpikingLIFNode: nonSpikingLifNode,
  CubaLIFNode: cubaLifNode,
  CubaCurrent: cubaCurrent,
  CubaVoltage: cubaVoltage,
} as const;

export type NeuronKind = keyof typeof neuronDefinitions;

/** The validated options of a kind. */
export type NeuronOptions<K extends NeuronKind = NeuronKind> = ReturnType<
  (typeof neuronDefinitions)[K]["options"]["parse"]
>;

export const neuronKinds = Object.keys(neuronDefinitions) as NeuronKind[];

const ownNeurons = new Map<string, NeuronDefinition>();

/** Adds a neuron of one's own (`defineNeuron`), for this process. Throws an OPTION error where its kind is another's. */
export function registerNeuron(definition: NeuronDefinition): void {
  const { kind } = definition;
  if (kind in neuronDefinitions || (ownNeurons.get(kind) ?? definition) !== definition) {
    fail("OPTION", { where: "registerNeuron", expected: "a kind that no other neuron has", got: `"${kind}"` });
  }
  ownNeurons.set(kind, definition);
}

/** true: added by `registerNeuron`, so no kernel was compiled for it beforehand. */
export function isOwnNeuron(kind: string): boolean {
  return ownNeurons.has(kind);
}

/** The definition of a kind; throws an OPTION error that names the nearest known one. */
export function neuronDefinition(kind: string): NeuronDefinition {
  if (kind in neuronDefinitions) return neuronDefinitions[kind as NeuronKind];
  const own = ownNeurons.get(kind);
  if (own) return own;
  const near = nearestName(kind, neuronKinds);
  fail("OPTION", {
    where: "neuron kind",
    expected: neuronKinds.join(", "),
    got: `"${kind}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** Reads a neuron's options from JSON or code and fills in defaults; throws an OPTION error that names the field. */
export function parseNeuronOptions<K extends NeuronKind>(kind: K, json: unknown, where?: string): NeuronOptions<K>;
export function parseNeuronOptions(kind: string, json: unknown, where?: string): object;
export function parseNeuronOptions(kind: string, json: unknown, where = kind): object {
  return parseWith(neuronDefinition(kind).options, json, where);
}
