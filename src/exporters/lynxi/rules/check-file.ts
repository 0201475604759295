/**
 * Judges an ONNX file by the design rules, ours or another program's, and applies the legal rewrites to it. What the file does not say (T, style)
 * comes from a manifest beside it or from options; what stays unknown is named in the findings.
 */
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { z } from "zod";
import { parseWith, positiveInteger, readFileChecked, SpikeshipError } from "../../../core/index.ts";
import { changedSinceExport, MANIFEST_FILE } from "../../artefact.ts";
import type { Finding, FixedFile } from "../../target.ts";
import { type LynxiManifest, readManifest } from "../artefact/manifest.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { type OnnxFile, readOnnxAsIs, refuseExternalData } from "../read.ts";
import { rewrite } from "../rewrite/index.ts";
import { checkModel, type KnownFacts } from "../rules.ts";

const LARGEST_MODULE_BYTES = 64 * 2 ** 20;

const checkOptions = z.strictObject({
  steps: positiveInteger.optional().describe("T of the network"),
  style: z.enum(["whole-sequence", "single-step"]).optional().describe("all T steps in one call, or one"),
  ioType: z.enum(["float16", "float32"]).optional().describe("what the host sends and receives"),
  lowestPotential: z.number().optional().describe("smallest potential before the comparison that was observed"),
});
export type LynxiCheckOptions = z.input<typeof checkOptions>;

/** @throws FILE when the file is missing, damaged or no ONNX model, OPTION for unknown options. */
export function checkOnnxFile(path: string, options: Record<string, unknown> = {}): Finding[] {
  const known = knownFromOptions(options);
  const file = readOnnxAsIs(path);
  const { facts, findings } = besideFile(file);
  return [...findings, ...checkModel(file.model, { ...facts, ...known })];
}

/** @throws as `checkOnnxFile`, and FILE when the file keeps its numbers elsewhere or holds graphs inside nodes. */
export function fixOnnxFile(path: string, options: Record<string, unknown> = {}): FixedFile {
  const known = knownFromOptions(options);
  const file = readOnnxAsIs(path);
  refuseExternalData(file.model, path);
  const { facts } = besideFile(file);
  const { model, changes } = rewrite(file.model);
  return { bytes: encodeOnnx(model), changes, findings: checkModel(model, { ...facts, ...known }) };
}

function knownFromOptions(options: Record<string, unknown>): KnownFacts {
  const { lowestPotential, ...facts } = parseWith(checkOptions, options, "Lynxi check options");
  const given = Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
  if (lowestPotential === undefined) return given;
  const range = { place: "option lowestPotential", lowest: lowestPotential, highest: lowestPotential, potential: true };
  return { ...given, ranges: [range] };
}

/** What a manifest beside the file says of it. One of another graph says nothing; one of this graph before a change is a finding. */
function besideFile(file: OnnxFile): { facts: KnownFacts; findings: Finding[] } {
  const path = join(dirname(file.path), MANIFEST_FILE);
  const manifest = existsSync(path) ? manifestOrNull(path) : null;
  if (!manifest || basename(file.path) !== manifest.file) return { facts: {}, findings: [] };
  const expected = manifest.sha256[manifest.file];
  const findings = expected === file.sha256 ? [] : [changedSinceExport(file.path, expected, file.sha256)];
  return { facts: factsOf(manifest, dirname(path)), findings };
}

function manifestOrNull(path: string): LynxiManifest | null {
  try {
    return readManifest(path);
  } catch (error) {
    // another program's manifest.json says nothing about this file
    if (error instanceof SpikeshipError) return null;
    throw error;
  }
}

function factsOf(manifest: LynxiManifest, directory: string): KnownFacts {
  const { states, module } = manifest;
  const text = module
    ? new TextDecoder().decode(
        readFileChecked(join(directory, basename(module.file)), { maxBytes: LARGEST_MODULE_BYTES }),
      )
    : "";
  return {
    steps: manifest.T,
    style: manifest.style,
    ioType: manifest.io_type,
    neurons: manifest.layers.flatMap(({ neuron }) => neuron ?? []),
    ...(states ? { states } : {}),
    ...(module ? { module: { facts: module, text } } : {}),
  };
}
