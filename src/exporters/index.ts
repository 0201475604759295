/** The deployment targets, listed. */
import { fail, nearestName } from "../core/index.ts";
import {
  isPreparedForLoihi,
  isPreparedForLynxi,
  prepareForLoihi,
  prepareForLynxi,
  studyForLoihi,
} from "../quantize/index.ts";
import { createLoihiTarget } from "./lava/index.ts";
import { createLynxiTarget } from "./lynxi/index.ts";
import type { DeploymentTarget } from "./target.ts";

export { type ArtefactHead, findingSchema, MANIFEST_FILE, readArtefactHead } from "./artefact.ts";
export { type ArrangedInput, type ArrangedTrace, arrangeInput, arrangeTrace, type NumberArray } from "./simulation.ts";
export type * from "./target.ts";

export const deploymentTargets: readonly DeploymentTarget[] = [
  createLoihiTarget({ prepare: prepareForLoihi, isPrepared: isPreparedForLoihi, study: studyForLoihi }),
  createLynxiTarget({ prepare: prepareForLynxi, isPrepared: isPreparedForLynxi }),
];

/** @throws OPTION with the nearest name */
export function targetById(id: string): DeploymentTarget {
  const found = deploymentTargets.find((target) => target.id === id);
  if (found) return found;
  const known = deploymentTargets.map((target) => target.id);
  const near = nearestName(id, known);
  fail("OPTION", {
    where: "target",
    expected: `one of ${known.join(", ")}`,
    got: `"${id}"`,
    ...(near ? { hint: `Did you mean "${near}"?` } : {}),
  });
}

/** The target whose file this is, by its ending. @throws FILE */
export function targetForFile(path: string): DeploymentTarget {
  const found = deploymentTargets.find((target) => path.toLowerCase().endsWith(target.extension));
  if (found) return found;
  const endings = deploymentTargets.map(({ extension, title }) => `${extension} (${title})`);
  fail("FILE", { where: path, expected: `a file that ends in ${endings.join(" or ")}`, got: "another ending" });
}
