/**
 * The design rules on a network at any time: a trained or untrained float network is judged by what preparing it would make of it, so that
 * limits are known before training; a prepared one as it is.
 */
import { SpikeshipError } from "../../../core/index.ts";
import { evaluationStream, type Network } from "../../../model/index.ts";
import type { Change } from "../../../quantize/index.ts";
import { noGrad, scope, Tensor } from "../../../tensor/index.ts";
import type { DeploymentTarget, Finding, InputSamples } from "../../target.ts";
import { toHostSteps } from "../artefact/host-input.ts";
import { namedPlaces } from "../artefact/named-places.ts";
import { planNet } from "../chip/plan.ts";
import { LIF_MODEL, LOADER } from "../file-rules/judge.ts";
import { lowerToNet, type NetLowering } from "../lower.ts";
import { mapPlan, mappingFindings } from "../mapping/index.ts";
import { checkGraph } from "../rules.ts";
import { simulate } from "../simulate.ts";

/** `samples`: inputs `[N, ...]` in [0, 1], for what can be seen only when the network runs. */
export function checkNetwork(
  network: Network,
  { isPrepared, study }: Pick<DeploymentTarget, "isPrepared" | "study">,
  samples?: InputSamples,
): Finding[] {
  try {
    if (!study || isPrepared(network)) return judge(network, samples);
    const { twin, changes, dispose } = study(network, samples ? { calibration: samples } : {});
    try {
      return [...changes.map(changeFinding), ...judge(twin, samples)];
    } finally {
      dispose();
      twin.dispose();
    }
  } catch (error) {
    if (error instanceof SpikeshipError && error.code === "TARGET") return [refusalFinding(error)];
    throw error;
  }
}

/** The rules; of a network that breaks none also what the file's layers need of the chip, and what samples do to its registers. */
function judge(network: Network, samples: InputSamples | undefined): Finding[] {
  const graph = network.lower();
  const findings = checkGraph(graph);
  if (findings.some(({ severity }) => severity === "error")) return findings;
  const lowering = lowerToNet(graph, findings);
  const plan = planNet(lowering.net);
  const named = namedPlaces(lowering);
  const capacity = mappingFindings(mapPlan(plan)).map(named);
  return [...findings, ...capacity, ...(samples ? observed(network, lowering, samples).map(named) : [])];
}

/** Registers that left their range while the samples ran, or a note that none did. */
function observed(network: Network, { net, layers, hostInput }: NetLowering, { shape, data }: InputSamples): Finding[] {
  const sequence = noGrad(() =>
    scope(() => {
      const encoded = network.encode(Tensor.from(data, shape), evaluationStream(0));
      return { shape: [...encoded.shape], data: encoded.toArray() as Float32Array };
    }),
  );
  const received = hostInput ? { ...sequence, data: toHostSteps(sequence.data, hostInput) } : sequence;
  const { events } = simulate(net, received);
  if (events.length > 0) return events;
  const message = `No register left its range in ${shape[0]} ${shape[0] === 1 ? "sample" : "samples"} of ${sequence.shape[0]} steps.`;
  const rewrite = "Nothing is to be done; other samples may get further.";
  const place = layers.at(-1)!.path;
  return [{ rule: "loihi/observed-range", severity: "note", place, message, source: LIF_MODEL, rewrite }];
}

/** The rules under which refusals of the quantizer go, by the layer that it names and what it found there. */
const REFUSED: readonly { text: RegExp; rule: string; discrepancy: number }[] = [
  { text: /^network input/, rule: "spike-input", discrepancy: 31 },
  { text: /gradedSpike true/, rule: "message-width", discrepancy: 26 },
  { text: /inside its recurrence/, rule: "norm-inside", discrepancy: 6 },
  { text: /^\w*Pool\w* /, rule: "pool", discrepancy: 14 },
  { text: /^(MeanOnly|WgtScale)BatchNorm /, rule: "norm-exponent", discrepancy: 17 },
  { text: /^\w+Node /, rule: "unsupported-neuron", discrepancy: 7 },
  { text: /^/, rule: "unsupported-layer", discrepancy: 28 },
];

/** What the quantizer refused: nothing behind it could be judged. */
function refusalFinding({ facts: { where, expected, got, hint } }: SpikeshipError): Finding {
  const place = where.replace(/^Loihi, /, "");
  const { rule, discrepancy } = REFUSED.find(({ text }) => text.test(`${place} ${got}`))!;
  return {
    rule: `loihi/${rule}`,
    severity: "error",
    place,
    message: `Expected ${expected}, got ${got}. What stands behind it was not judged.`,
    source: `${LOADER}; discrepancy ${discrepancy}`,
    ...(hint === undefined ? {} : { rewrite: hint }),
  };
}

const COMPARISON = "fires above its threshold";

/** What preparing changes. */
function changeFinding({ place, what }: Change): Finding {
  const compares = what.startsWith(COMPARISON);
  return {
    rule: compares ? "loihi/firing-comparison" : "loihi/lowered",
    severity: "note",
    place,
    message: `When it is prepared: ${what}.`,
    source: compares ? "lava proc/lif/models.py; discrepancy 7" : "docs/loihi.md, from layers to the file",
    rewrite: compares ? "Fine-tuning adapts to it." : "Nothing is to be done.",
  };
}
