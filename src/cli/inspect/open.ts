/** Finds out what kind of file it is, by its ending or its first bytes, and hands it to the reader of that kind. */
import { basename } from "node:path";
import { fail, readBytes, withOpenFile } from "../../core/index.ts";
import { type FileInspection, targetById, targetForFile } from "../../exporters/index.ts";
import { inspectIdx, inspectNpy } from "./arrays.ts";
import { inspectSafetensors, inspectTorch } from "./checkpoints.ts";
import { inspectJson } from "./json.ts";
import { inspectEvents, inspectMetrics } from "./metrics.ts";

type Inspector = (path: string) => FileInspection | Promise<FileInspection>;

const byTarget: Inspector = (path) => targetForFile(path).inspect(path);

const BY_NAME: readonly [RegExp, Inspector][] = [
  [/\.(net|onnx)$/i, byTarget],
  [/\.safetensors$/i, inspectSafetensors],
  [/\.(pt|pth)$/i, inspectTorch],
  [/\.npy$/i, inspectNpy],
  [/\.json$/i, inspectJson],
  [/\.jsonl$/i, inspectMetrics],
  [/tfevents/, inspectEvents],
  [/idx\d-ubyte(\.gz)?$/, inspectIdx],
];

/** First bytes in hexadecimal. ONNX has none of its own, so it is known by its ending only. */
const BY_START: readonly [string, Inspector][] = [
  ["894844460d0a1a0a", (path) => targetById("loihi").inspect(path)],
  ["934e554d5059", inspectNpy],
  ["504b0304", inspectTorch],
  ["000008", inspectIdx],
  ["1f8b", inspectIdx],
];

const LONGEST_START = 8;

/** @throws FILE when the file is missing, damaged, or of no kind that Spikeship reads or writes. */
export async function inspectFile(path: string): Promise<FileInspection> {
  const named = BY_NAME.find(([pattern]) => pattern.test(basename(path)));
  const start = withOpenFile(path, (file, size) =>
    Buffer.from(readBytes(path, file, 0, Math.min(size, LONGEST_START))).toString("hex"),
  );
  const inspect = named?.[1] ?? BY_START.find(([magic]) => start.startsWith(magic))?.[1];
  if (inspect) return inspect(path);
  fail("FILE", {
    where: path,
    expected:
      "a file that spikeship reads or writes (.net, .onnx, .safetensors, .pt, .npy, IDX, .json, .jsonl, TensorBoard events)",
    got: start === "" ? "an empty file" : `unknown bytes 0x${start}`,
    hint: "Give the file its usual ending if it is one of these.",
  });
}
