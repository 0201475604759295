/** What a person looks at: one page for each run. */
export {
  parseReportData,
  REPORT_DATA_FILE,
  REPORT_FILE,
  type ReportData,
  readReportData,
  reportDataSchema,
  writeReportData,
} from "./data.ts";
export { renderReport, writeReport } from "./page.ts";
export { layerRaster } from "./raster-data.ts";
export { readRun } from "./run.ts";
export type { DatasetFacts, Epoch, Matrix, NetworkFacts, Phase, Score } from "./schema/run.ts";
export type { Raster, SampleFacts, SampleRun } from "./schema/sample.ts";
export type { FileFacts, TargetFacts } from "./schema/target.ts";
