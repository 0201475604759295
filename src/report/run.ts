/** The data of a run's page as the run's directory holds it now. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { QUANTIZATION_FILE, readQuantizationReport } from "../quantize/index.ts";
import { parseReportData, REPORT_DATA_FILE, type ReportData, readReportData } from "./data.ts";

/**
 * `report.json`, and for each target the `quantization.json` in its folder, which a later `quantize --report` may have left there.
 * @throws FILE when one of them is damaged, or the first is missing.
 */
export function readRun(directory: string): ReportData {
  const path = join(directory, REPORT_DATA_FILE);
  const data = readReportData(path);
  const targets = data.targets.map((target) => {
    const file = join(directory, target.id, QUANTIZATION_FILE);
    return existsSync(file) ? { ...target, quantization: readQuantizationReport(file) } : target;
  });
  return parseReportData({ ...data, targets }, directory);
}
