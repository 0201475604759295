/** What the logs of a training hold: metrics as JSON lines, and TensorBoard event files (TFRecord framing; their events are not read). */
import { crc32c, fail, readFileChecked } from "../../core/index.ts";
import type { FileInspection } from "../../exporters/index.ts";

const LARGEST_LOG_BYTES = 256 * 2 ** 20;

export function inspectMetrics(path: string): FileInspection {
  const text = new TextDecoder().decode(readFileChecked(path, { maxBytes: LARGEST_LOG_BYTES }));
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const records = lines.map((line, i) => recordOf(`${path}: line ${i + 1}`, line));
  const names = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return {
    format: "metrics (JSON lines)",
    facts: { records },
    about: [["records", `${records.length}`]],
    tables: [
      { title: "Records", header: names, rows: records.map((record) => names.map((name) => cell(record[name]))) },
    ],
  };
}

function recordOf(where: string, line: string): Record<string, unknown> {
  try {
    const record: unknown = JSON.parse(line);
    if (record !== null && typeof record === "object") return record as Record<string, unknown>;
  } catch {
    // said below, as for every other line that is no record
  }
  fail("FILE", { where, expected: "a JSON object", got: `"${line.slice(0, 40)}"`, hint: "The file is damaged." });
}

function cell(value: unknown): string {
  return typeof value === "number" ? `${Number(value.toPrecision(6))}` : value === undefined ? "" : String(value);
}

/** Counts the records and checks their lengths and contents against the stored CRC-32C. */
export function inspectEvents(path: string): FileInspection {
  const bytes = readFileChecked(path, { maxBytes: LARGEST_LOG_BYTES });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let records = 0;
  for (let at = 0; at < bytes.length; records++) {
    const left = bytes.length - at - 16;
    const length = left < 0 ? Number.POSITIVE_INFINITY : Number(view.getBigUint64(at, true));
    if (length > left) damaged(path, at, "a whole record", "the end of the file");
    const data = bytes.subarray(at + 12, at + 12 + length);
    const sound = masked(bytes.subarray(at, at + 8)) === view.getUint32(at + 8, true);
    if (!sound || masked(data) !== view.getUint32(at + 12 + length, true)) {
      damaged(path, at, "a record that fits its checksum", "another checksum");
    }
    at += 16 + length;
  }
  return {
    format: "TensorBoard events",
    facts: { bytes: bytes.length, records },
    about: [
      ["size", `${bytes.length} bytes`],
      ["records", `${records}, all checksums right`],
      ["show with", "tensorboard --logdir FOLDER"],
    ],
    tables: [],
  };
}

function damaged(path: string, at: number, expected: string, got: string): never {
  fail("FILE", { where: `${path}: byte ${at}`, expected, got, hint: "The file is truncated or damaged." });
}

/** TFRecord rotates and shifts its checksums (tensorflow/core/lib/hash/crc32c.h). */
function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
