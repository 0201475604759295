/** Reads TensorBoard event files in tests, independently of the writer: framing, checksums bit by bit, and the few protobuf fields. */

export interface DecodedEvent {
  wallTime: number;
  step: number;
  fileVersion?: string;
  sessionStatus?: number;
  scalars: { tag: string; value: number }[];
}

/** CRC-32C bit by bit (RFC 3720, reflected polynomial 0x82f63b78), without tables. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

function unmask(stored: number): number {
  const rotated = (stored - 0xa282ead8) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

function check(bytes: Uint8Array, stored: number, what: string): void {
  if (unmask(stored) !== crc32c(bytes)) throw new Error(`wrong checksum of ${what}`);
}

/** Field number to its values: numbers for varints and fixed widths, bytes for the rest. */
function fields(bytes: Buffer): Map<number, (number | Buffer)[]> {
  const found = new Map<number, (number | Buffer)[]>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  const read = (wire: number): number | Buffer => {
    if (wire === 0) return varint();
    const length = wire === 1 ? 8 : wire === 5 ? 4 : varint();
    at += length;
    const span = bytes.subarray(at - length, at);
    return wire === 1 ? span.readDoubleLE() : wire === 5 ? span.readFloatLE() : span;
  };
  while (at < bytes.length) {
    const key = varint();
    found.set(key >>> 3, [...(found.get(key >>> 3) ?? []), read(key & 7)]);
  }
  return found;
}

function decodeEvent(bytes: Buffer): DecodedEvent {
  const event = fields(bytes);
  const session = event.get(7)?.[0] as Buffer | undefined;
  const scalars = (event.get(5) ?? []).flatMap((summary) =>
    (fields(summary as Buffer).get(1) ?? []).map((value) => {
      const members = fields(value as Buffer);
      return { tag: String(members.get(1)![0]), value: members.get(2)![0] as number };
    }),
  );
  return {
    wallTime: event.get(1)![0] as number,
    step: (event.get(2)?.[0] as number | undefined) ?? 0,
    ...(event.has(3) ? { fileVersion: String(event.get(3)![0]) } : {}),
    ...(session ? { sessionStatus: fields(session).get(1)![0] as number } : {}),
    scalars,
  };
}

/** All events of a file; throws at a wrong checksum or a record that ends early. */
export function decodeEvents(bytes: Buffer): DecodedEvent[] {
  const events: DecodedEvent[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    check(bytes.subarray(at, at + 8), bytes.readUInt32LE(at + 8), "a length");
    const data = bytes.subarray(at + 12, at + 12 + length);
    check(data, bytes.readUInt32LE(at + 12 + length), "an event");
    events.push(decodeEvent(data));
    at += length + 16;
  }
  return events;
}
