/** Cyclic redundancy checks of 32 bits, least significant bit first: CRC-32 (zip, ISO 3309) and CRC-32C (TensorFlow records, RFC 3720). */

function table(polynomial: number): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, byte) => {
    let rest = byte;
    for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ polynomial : rest >>> 1;
    return rest;
  });
}

const CRC32 = table(0xedb88320);
const CRC32C = table(0x82f63b78);

function checksum(remainders: Uint32Array, bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ remainders[(crc ^ bytes[i]!) & 0xff]!;
  return (crc ^ 0xffffffff) >>> 0;
}

export const crc32 = (bytes: Uint8Array): number => checksum(CRC32, bytes);
export const crc32c = (bytes: Uint8Array): number => checksum(CRC32C, bytes);
