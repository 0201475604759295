/** The mapping of a `.net` file as `spikeship map` shows it. */
import { formatShape, readFileChecked, sha256 } from "../../../core/index.ts";
import type { ChipInput, ChipMapping, Finding } from "../../target.ts";
import { latencyOf, planNet } from "../chip/plan.ts";
import { readNet } from "../read.ts";
import { type Activity, measureActivity } from "./activity.ts";
import { CORES_PER_CHIP, LOIHI_1_CORE, LOIHI_1_CORE_SOURCE } from "./capacity.ts";
import { estimateEnergy } from "./energy.ts";
import { mappingFindings } from "./findings.ts";
import { type MappedLayer, mapPlan, type NetMapping } from "./map.ts";
import { activityTables, energyTable, mappingTables } from "./tables.ts";

const ASSUMPTIONS = [
  "cores are not shared between layers; each layer is cut into equal blocks of channels, rows and columns",
  "one input axon for each input that a core's neurons read, one output axon for each core that a neuron reaches, one for each neuron of the last layer",
  "synaptic memory as nengo-loihi counts it: blocks of up to 64 weights of 8 bits with 10 bits of header, in 64-bit words; weights of 0 are stored",
  "how far Loihi shares the synapses of a convolution is open: the upper bound has one for each target, the lower bound each weight once on each core and one axon for all channels of a point",
];

/**
 * @param inputs batches `[T, N, ...]` of spikes for the counts of a run; none: structure only
 * @throws FILE when the file is damaged, TARGET when Lava's loader could not run it, SHAPE or VALUE for an input that does not fit
 */
export async function mapNetFile(path: string, inputs: Iterable<ChipInput> = []): Promise<ChipMapping> {
  const net = await readNet(path);
  const plan = planNet(net);
  const mapping = mapPlan(plan);
  const reaches = mapping.layers.map(({ reach }) => reach);
  const activity = measureActivity(net, plan, reaches, inputs);
  const onLoihi1 = mapping.layers.every(({ notOnLoihi1 }) => notOnLoihi1 === null);
  const energy = activity && onLoihi1 ? estimateEnergy(activity) : null;
  const findings = mappingFindings(mapping);
  const latency = latencyOf(plan, plan.blocks.length - 1);
  return {
    format: "mapping of a Lava DL network (.net)",
    facts: {
      sha256: sha256(readFileChecked(path)),
      inputShape: plan.inputShape,
      latency,
      ...mappingFacts(mapping),
      assumptions: ASSUMPTIONS,
      activity,
      energy,
      findings,
    },
    findings,
    about: [
      ["input", formatShape(plan.inputShape)],
      ["latency", `${latency} steps from an input frame to its answer`],
      ...(activity ? [answerLine(activity)] : []),
      ["Loihi 1", chipLine(mapping)],
      ...ASSUMPTIONS.map((text): [string, string] => ["assumed", text]),
    ],
    tables: [
      ...mappingTables(mapping),
      ...(activity ? activityTables(mapping, activity) : []),
      ...(energy ? [energyTable(energy)] : []),
      ...findingTable(findings),
    ],
  };
}

function answerLine({ steps, stepsToAnswer }: Activity): [string, string] {
  const interval = 2 ** Math.ceil(Math.log2(steps));
  return [
    "an inference",
    `${steps} steps of input, whole answer after ${stepsToAnswer}, next sample after ${interval} (reset interval)`,
  ];
}

function chipLine({ loihi1, layers }: NetMapping): string {
  if (layers.some(({ notOnLoihi1 }) => notOnLoihi1 !== null)) return "not all of it: see findings";
  const { perTarget, shared } = loihi1;
  if (!perTarget) return "does not fit: see findings";
  const least = shared && shared.cores < perTarget.cores ? `${shared.cores} to ` : "";
  return `${least}${perTarget.cores} cores of ${CORES_PER_CHIP}, ${least && shared!.chips < perTarget.chips ? `${shared!.chips} to ` : ""}${perTarget.chips} chip${perTarget.chips === 1 ? "" : "s"}`;
}

/** Everything but what only the computation needs. */
function mappingFacts({ layers, loihi1, loihi2 }: NetMapping): Record<string, unknown> {
  return {
    layers: layers.map(layerFacts),
    loihi1: { ...loihi1, core: LOIHI_1_CORE, coresPerChip: CORES_PER_CHIP, source: LOIHI_1_CORE_SOURCE },
    loihi2: { ...loihi2, core: "unknown" },
  };
}

function layerFacts({ block, reach, ...facts }: MappedLayer): Record<string, unknown> {
  return { layer: block.layer, type: block.type, shape: block.outputShape, connections: reach.kind, ...facts };
}

function findingTable(findings: readonly Finding[]): ChipMapping["tables"] {
  return [
    {
      title: "Findings",
      header: ["severity", "rule", "place", "what", "what helps"],
      rows: findings.map(({ severity, rule, place, message, rewrite }) => [
        severity,
        rule,
        place,
        message,
        rewrite ?? "",
      ]),
    },
  ];
}
