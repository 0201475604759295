/** Reads the pictures that a browser takes: PNG with 8 bits for each channel, not interlaced (W3C, "PNG specification", second edition). */
import { inflateSync } from "node:zlib";

export interface Picture {
  width: number;
  height: number;
  /** Bytes of a pixel: 3 for RGB, 4 with alpha. */
  channels: number;
  /** Row-major pixels. */
  pixels: Uint8Array;
}

export function decodePng(file: Uint8Array): Picture {
  const bytes = Buffer.from(file);
  if (bytes.readUInt32BE(0) !== 0x89504e47) throw new Error("not a PNG file");
  let header: Buffer | undefined;
  const parts: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const kind = bytes.toString("latin1", at + 4, at + 8);
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (kind === "IHDR") header = content;
    if (kind === "IDAT") parts.push(content);
    at += length + 12;
  }
  if (!header) throw new Error("a PNG file without a header");
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, color, interlaced] = [header[8], header[9], header[12]];
  if (depth !== 8 || (color !== 2 && color !== 6) || interlaced !== 0)
    throw new Error(`PNG of depth ${depth}, colour ${color}`);
  const channels = color === 2 ? 3 : 4;
  return {
    width,
    height,
    channels,
    pixels: unfilter(inflateSync(Buffer.concat(parts)), width * channels, height, channels),
  };
}

/** Each row is stored as a difference to its neighbours, in one of five ways that its first byte names. */
function unfilter(data: Uint8Array, stride: number, height: number, channels: number): Uint8Array {
  const pixels = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = data[row * (stride + 1)]!;
    for (let i = 0; i < stride; i++) {
      const left = i < channels ? 0 : pixels[row * stride + i - channels]!;
      const above = row === 0 ? 0 : pixels[(row - 1) * stride + i]!;
      const corner = row === 0 || i < channels ? 0 : pixels[(row - 1) * stride + i - channels]!;
      const predicted = [0, left, above, (left + above) >> 1, nearest(left, above, corner)][filter];
      if (predicted === undefined) throw new Error(`PNG row ${row} has the unknown filter ${filter}`);
      pixels[row * stride + i] = data[row * (stride + 1) + 1 + i]! + predicted;
    }
  }
  return pixels;
}

/** The neighbour closest to left + above - corner. */
function nearest(left: number, above: number, corner: number): number {
  const estimate = left + above - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - above), Math.abs(estimate - corner)];
  return a <= b && a <= c ? left : b <= c ? above : corner;
}
