/** A network as `inspect` shows it. */
import { formatShape } from "../../core/index.ts";
import type { FileInspection } from "../../exporters/index.ts";
import { type Network, summarize } from "../../model/index.ts";

export function networkFacts(network: Network): Record<string, unknown> {
  return {
    inputShape: [...network.inputShape],
    steps: network.steps,
    encoder: network.encoder.kind,
    parameters: network.parameterCount(),
    layers: summarize(network),
  };
}

export function networkAbout(network: Network): FileInspection["about"] {
  return [
    ["network", `input ${formatShape(network.inputShape)}, ${network.steps} steps, ${network.encoder.kind}`],
    ["parameters", `${network.parameterCount()}`],
  ];
}

export function networkTable(network: Network): FileInspection["tables"][number] {
  const rows = summarize(network).map(({ path, layer, outputShape, parameters }) => [
    path,
    layer,
    formatShape(outputShape),
    parameters === 0 ? "" : `${parameters}`,
  ]);
  return { title: "Network", header: ["layer", "what", "output", "parameters"], rows };
}
