/** Findings about a written file with the network's names for its layers. */
import type { Finding } from "../../target.ts";
import type { NetLowering } from "../lower.ts";

/** Turns `/layer/3` and what stands behind it into the path of the layer in the network, wherever a place holds it. */
export function namedPlaces({ layers }: NetLowering): (finding: Finding) => Finding {
  const paths = new Map(layers.map(({ layer, path }) => [layer, path]));
  return (finding) => {
    const place = finding.place.replace(
      /\/layer\/(\d+)[^\s,]*/g,
      (written, layer) => paths.get(Number(layer)) ?? written,
    );
    return { ...finding, place };
  };
}
