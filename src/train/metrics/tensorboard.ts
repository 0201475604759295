/**
 * Scalars as TensorBoard event files: TFRecord framing (length, masked CRC-32C, data, masked CRC-32C) around `Event` messages.
 * Sources: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
 */
import { closeSync, existsSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { crc32c, ensureDirectory, reportingWrites } from "../../core/index.ts";

/** Field numbers of the few members that scalars need. */
const EVENT = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7 } as const;
const SUMMARY_VALUE = 1;
const VALUE = { tag: 1, simpleValue: 2 } as const;
const SESSION_STATUS = 1;
const SESSION_START = 1;

export interface EventFileOptions {
  /** Curves are cut before this step: what an earlier run wrote from here on is superseded. */
  firstStep?: number;
  /** Seconds since 1970, for the file's name and for every event. */
  clock?: () => number;
}

export class EventFile {
  readonly path: string;
  readonly #file: number;
  readonly #clock: () => number;

  /** Creates a new event file in `directory`, which is created too. @throws WRITE */
  constructor(directory: string, options: EventFileOptions = {}) {
    this.#clock = options.clock ?? (() => Date.now() / 1000);
    ensureDirectory(directory);
    this.path = freeName(directory, Math.floor(this.#clock()));
    this.#file = reportingWrites(this.path, () => openSync(this.path, "wx"));
    this.#write(new BinaryWriter().tag(EVENT.fileVersion, WireType.LengthDelimited).string("brain.Event:2"));
    const session = new BinaryWriter().tag(SESSION_STATUS, WireType.Varint).int32(SESSION_START).finish();
    this.#write(
      new BinaryWriter()
        .tag(EVENT.step, WireType.Varint)
        .int64(options.firstStep ?? 0)
        .tag(EVENT.sessionLog, WireType.LengthDelimited)
        .bytes(session),
    );
  }

  /** Adds one point to the curve `tag`; it is in the file when this returns. Stored as float32. */
  addScalar(tag: string, value: number, step: number): void {
    const point = new BinaryWriter()
      .tag(VALUE.tag, WireType.LengthDelimited)
      .string(tag)
      .tag(VALUE.simpleValue, WireType.Bit32)
      .float(value)
      .finish();
    const summary = new BinaryWriter().tag(SUMMARY_VALUE, WireType.LengthDelimited).bytes(point).finish();
    this.#write(
      new BinaryWriter()
        .tag(EVENT.step, WireType.Varint)
        .int64(step)
        .tag(EVENT.summary, WireType.LengthDelimited)
        .bytes(summary),
    );
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(members: BinaryWriter): void {
    const event = members.tag(EVENT.wallTime, WireType.Bit64).double(this.#clock()).finish();
    reportingWrites(this.path, () => writeSync(this.#file, frame(event)));
  }
}

/** One record. The checksums are rotated and offset ("masked"), because the data may itself hold checksums. */
function frame(data: Uint8Array): Uint8Array {
  const record = Buffer.alloc(data.length + 16);
  record.writeBigUInt64LE(BigInt(data.length), 0);
  record.writeUInt32LE(masked(record.subarray(0, 8)), 8);
  record.set(data, 12);
  record.writeUInt32LE(masked(data), 12 + data.length);
  return record;
}

function masked(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** TensorBoard reads the files of a folder in the order of their names, which begin with the time. */
function freeName(directory: string, seconds: number): string {
  for (let number = 0; ; number++) {
    const path = join(directory, `events.out.tfevents.${seconds}.spikeship.${number}`);
    if (!existsSync(path)) return path;
  }
}
