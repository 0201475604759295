/** What JSON files hold: configs, manifests, verdicts, the data of a report, and summaries. */
import { z } from "zod";
import { fail, parseWith, readJson } from "../../core/index.ts";
import type { FileInspection } from "../../exporters/index.ts";
import { parseReportData } from "../../report/index.ts";
import { type Config, configSchema } from "../../train/index.ts";
import { verdictDocumentSchema } from "../../verify/index.ts";
import { networkOfConfig } from "../config-file.ts";
import { percent } from "../output.ts";
import { networkAbout, networkFacts, networkTable } from "./network.ts";
import { describeQuantization } from "./quantization.ts";

const LARGEST_JSON_BYTES = 256 * 2 ** 20;

type JsonObject = Record<string, unknown>;

interface Kind {
  is(value: JsonObject): boolean;
  describe(value: JsonObject, path: string): FileInspection;
}

/** The first that recognises the file checks and shows it. */
const KINDS: readonly Kind[] = [
  { is: (value) => value.format === "spikeship-verdict", describe: describeVerdict },
  { is: (value) => value.format === "spikeship-report", describe: describeReport },
  { is: (value) => value.format === "spikeship-quantization-1", describe: describeQuantization },
  { is: (value) => "network" in value || "training" in value, describe: describeConfig },
  { is: (value) => "target" in value && "file" in value, describe: describeManifest },
  { is: (value) => "seconds" in value && "float" in value, describe: describeSummary },
];

export function inspectJson(path: string): FileInspection {
  const value = readJson(path, { maxBytes: LARGEST_JSON_BYTES, hint: "The file is truncated or damaged." });
  const isObject = value !== null && typeof value === "object" && !Array.isArray(value);
  const kind = isObject ? KINDS.find(({ is }) => is(value as JsonObject)) : undefined;
  if (kind) return kind.describe(value as JsonObject, path);
  fail("FILE", {
    where: path,
    expected: "a config, manifest.json, verdict.json, quantization.json, report.json or summary.json",
    got: isObject
      ? `fields ${
          Object.keys(value as JsonObject)
            .slice(0, 8)
            .join(", ") || "none"
        }`
      : "no JSON object",
  });
}

function describeConfig(value: JsonObject, path: string): FileInspection {
  const config: Config = parseWith(configSchema, value, path);
  const network = networkOfConfig(path, config.network, config.seed);
  try {
    return {
      format: "training config",
      facts: { config: value, network: networkFacts(network) },
      about: [
        ["name", config.name],
        ["seed", `${config.seed}`],
        [
          "dataset",
          Object.values(config.dataset)
            .map((part) => (typeof part === "object" ? JSON.stringify(part) : part))
            .join(" "),
        ],
        ...networkAbout(network),
        ["training", `${config.training.epochs} epochs in batches of ${config.training.batchSize}`],
        ["targets", Object.keys(config.targets).join(", ") || "none"],
      ],
      tables: [networkTable(network)],
    };
  } finally {
    network.dispose();
  }
}

const manifestSchema = z.looseObject({
  target: z.string(),
  file: z.string(),
  sha256: z.record(z.string(), z.string()).optional(),
});

/** Manifests differ from chip to chip; shown is what they share, and every plain field. */
function describeManifest(value: JsonObject, path: string): FileInspection {
  const { sha256 } = parseWith(manifestSchema, value, path, "FILE");
  const rows = Object.entries(sha256 ?? {}).map(([file, hash]) => [file, hash]);
  return {
    format: "manifest of an exported file",
    facts: value,
    about: plainFields(value),
    tables: [{ title: "Files", header: ["file", "sha256"], rows }],
  };
}

function describeVerdict(value: JsonObject, path: string): FileInspection {
  const verdict = parseWith(verdictDocumentSchema, value, path, "FILE");
  return {
    format: "verdict of a verification",
    facts: value,
    about: [
      ["target", verdict.target],
      ["file", verdict.file],
      ["passed", verdict.passed ? "yes" : "NO"],
      ...Object.entries(verdict.hashes).map(([name, hash]): [string, string] => [`sha256 of ${name}`, hash]),
    ],
    tables: verdict.comparisons.map(({ title, layers: compared, predictions }) => ({
      title: `${title}: accuracy ${percent(predictions.trainedAccuracy)} trained, ${percent(predictions.chipAccuracy)} file`,
      header: ["layer", "trained spikes", "file's spikes", "mismatches"],
      rows: compared.map((layer) => [
        layer.layer,
        `${layer.trainedSpikes}`,
        `${layer.chipSpikes}`,
        `${layer.mismatches}`,
      ]),
    })),
  };
}

function describeReport(value: JsonObject, path: string): FileInspection {
  const report = parseReportData(value, path);
  return {
    format: "data of a report",
    facts: value,
    about: [
      ["title", report.title],
      ["date", report.date],
      ["producer", report.producer],
      ["machine", report.machine],
      ["dataset", `${report.dataset.name}: ${report.dataset.split}`],
      ["accuracy", percent(report.score.correct / report.score.samples)],
      ...report.targets.map(({ title, scores, verdict }): [string, string] => [
        title,
        `${percent(scores.chip.correct / scores.chip.samples)}, ${verdict.passed ? "proven" : "NOT proven"}`,
      ]),
    ],
    tables: [],
  };
}

function describeSummary(value: JsonObject): FileInspection {
  const parts = Object.entries(value).filter(([, part]) => part !== null && typeof part === "object");
  return {
    format: "summary of a run",
    facts: value,
    about: plainFields(value),
    tables: parts.map(([name, part]) => ({
      title: name,
      header: ["field", "value"],
      rows: Object.entries(part as JsonObject).map(([field, entry]) => [field, text(entry)]),
    })),
  };
}

function plainFields(value: JsonObject): FileInspection["about"] {
  return Object.entries(value)
    .filter(([, entry]) => entry === null || typeof entry !== "object")
    .map(([name, entry]) => [name, text(entry)]);
}

const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
