/** What a mapping has to say to a user: the layer at fault, the limit, and what would help. */
import type { Finding } from "../../target.ts";
import {
  CHIP_SOURCE,
  CORES_PER_CHIP,
  type CoreResource,
  LOIHI_1_CORE,
  LOIHI_1_CORE_SOURCE,
  LOIHI_1_PROFILES,
  LOIHI_1_PROFILES_SOURCE,
  RESOURCE_NAMES,
} from "./capacity.ts";
import type { MappedLayer, NetMapping } from "./map.ts";
import type { Partition } from "./partition.ts";

/** What makes a layer need less of a resource. */
const HELP: Record<CoreResource, string> = {
  compartments: "Use fewer channels, or a larger stride before or in this layer.",
  synapseBits: "Use fewer channels or features, smaller kernels, or more groups.",
  inputAxons: "Give each neuron fewer inputs: pool or stride before this layer, or use groups.",
  outputAxons: "Let it reach fewer cores: make the next layer smaller.",
};

export function mappingFindings(mapping: NetMapping): Finding[] {
  return [...loihi2Findings(mapping), ...mapping.layers.flatMap(layerFindings), ...chipFindings(mapping)];
}

/** One finding for all layers of a kind. */
function loihi2Findings({ layers }: NetMapping): Finding[] {
  const reasons = new Set(layers.flatMap(({ notOnLoihi1 }) => notOnLoihi1 ?? []));
  return [...reasons].map((reason) => {
    const places = layers.filter(({ notOnLoihi1 }) => notOnLoihi1 === reason).map(({ place }) => place);
    return {
      rule: "loihi/map-loihi-2-only",
      severity: "note",
      place: places.join(", "),
      message: `Loihi 1 has no ${reason}, so there are no figures for it.`,
      source: "lava proc/sdn, proc/rf; nengo-loihi (binary spikes)",
    };
  });
}

function layerFindings({ place, perTarget, profiles }: MappedLayer): Finding[] {
  const findings: Finding[] = [];
  if (perTarget && "impossible" in perTarget) {
    const { impossible, needs } = perTarget;
    findings.push({
      rule: "loihi/map-neuron-too-large",
      severity: "warning",
      place,
      message: `One neuron alone needs ${needs} ${unitOf(impossible)}; a core of Loihi 1 has ${LOIHI_1_CORE[impossible]}.`,
      source: LOIHI_1_CORE_SOURCE,
      rewrite: HELP[impossible],
    });
  }
  if (profiles > LOIHI_1_PROFILES) {
    findings.push({
      rule: "loihi/map-profiles",
      severity: "warning",
      place,
      message: `Its neurons have ${profiles} different pairs of decays; a core of Loihi 1 has ${LOIHI_1_PROFILES}, which the cut does not regard.`,
      source: LOIHI_1_PROFILES_SOURCE,
      rewrite: "Share decays between neurons.",
    });
  }
  return findings;
}

const unitOf = (resource: CoreResource) =>
  resource === "synapseBits" ? "bits of synaptic memory" : RESOURCE_NAMES[resource];

/** More than one chip is possible, but a person wants to know which layer costs it. */
function chipFindings({ layers, loihi1 }: NetMapping): Finding[] {
  const total = loihi1.perTarget;
  if (!total || total.chips <= 1) return [];
  const largest = layers.reduce((a, b) => (coresOf(b) > coresOf(a) ? b : a));
  const partition = largest.perTarget as Partition;
  const least = loihi1.shared;
  const bounds = least && least.cores < total.cores ? ` (${least.cores} if a convolution's weights are shared)` : "";
  return [
    {
      rule: "loihi/map-chips",
      severity: "warning",
      place: largest.place,
      message: `The network needs ${total.cores} cores of Loihi 1${bounds}, a chip has ${CORES_PER_CHIP}; this layer takes ${partition.cores} of them, because of ${RESOURCE_NAMES[partition.binding]}.`,
      source: `${LOIHI_1_CORE_SOURCE}; ${CHIP_SOURCE}`,
      rewrite: HELP[partition.binding],
    },
  ];
}

function coresOf({ perTarget }: MappedLayer): number {
  return perTarget && !("impossible" in perTarget) ? perTarget.cores : 0;
}
