/** Mapping and cost of a `.net` file, for `spikeship map` and `spikeship inspect`. */
export { mappingFindings } from "./findings.ts";
export { mapPlan } from "./map.ts";
export { mapNetFile } from "./report.ts";
export { coreTables } from "./tables.ts";
