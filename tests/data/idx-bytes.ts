/** Builds IDX files for tests, right ones and wrong ones, without the code under test. */

/** Header of unsigned bytes (0x08), or of another element type, and data. */
export function idxBytes(shape: readonly number[], data: ArrayLike<number>, type = 0x08): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  for (const [axis, size] of shape.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, Uint8Array.from(data)]);
}
