/** The IDX reader: right files plain and gzipped, and every kind of damage refused in words. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpikeshipError } from "../../src/core/index.ts";
import { readIdx } from "../../src/data/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";
import { idxBytes } from "./idx-bytes.ts";

const folder = temporaryFolder();
let count = 0;

function file(bytes: Uint8Array): string {
  const path = join(folder, `${count++}.idx`);
  writeFileSync(path, bytes);
  return path;
}

function messageFor(bytes: Uint8Array): string {
  const error = errorOf(() => readIdx(file(bytes)));
  expect(error.code).toBe("FILE");
  return error.message;
}

describe("readIdx", () => {
  it("reads two images of 2x3 pixels, written out by hand", () => {
    const bytes = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255];
    const { shape, data } = readIdx(file(Uint8Array.from(bytes)));
    expect(shape).toEqual([2, 2, 3]);
    expect([...data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
  });

  it("reads any array back, plain and gzipped, whatever the file is called", () => {
    const arrays = fc
      .array(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 4 })
      .chain((shape) =>
        fc.tuple(fc.constant(shape), fc.uint8Array({ minLength: product(shape), maxLength: product(shape) })),
      );
    fc.assert(
      fc.property(arrays, fc.boolean(), ([shape, data], zipped) => {
        const bytes = idxBytes(shape, data);
        const read = readIdx(file(zipped ? gzipSync(bytes) : bytes));
        expect(read.shape).toEqual(shape);
        expect([...read.data]).toEqual([...data]);
      }),
      { numRuns: 60 },
    );
  });

  it("names a wrong magic number and what it found", () => {
    expect(messageFor(Buffer.from("PNG image"))).toContain("got 0x504e4720");
    expect(messageFor(Uint8Array.of(0, 0, 8, 0))).toContain("number of axes");
    expect(messageFor(Uint8Array.of(0, 0, 8, 9))).toContain("number of axes");
    expect(messageFor(Uint8Array.of(0, 0))).toContain("got 2 bytes");
    expect(messageFor(new Uint8Array(0))).toContain("got 0 bytes");
  });

  it("refuses element types other than unsigned bytes", () => {
    expect(messageFor(idxBytes([1], [0, 0, 0, 0], 0x0d))).toContain("expected 0x08 (unsigned bytes), got 0x0d");
  });

  it("refuses a header that ends early", () => {
    expect(messageFor(idxBytes([2, 2, 2], []).subarray(0, 9))).toContain("expected 16 bytes of header, got 9");
  });

  it("refuses missing and extra bytes with both numbers, plain and gzipped", () => {
    expect(messageFor(idxBytes([2, 3], [1, 2, 3]))).toContain("expected 18 bytes for shape [2,3], got 15 bytes");
    expect(messageFor(idxBytes([1], [1, 2]))).toContain("expected 9 bytes for shape [1], got 10 bytes");
    expect(messageFor(gzipSync(idxBytes([2, 3], [1, 2, 3])))).toContain("expected 18 bytes for shape [2,3], got 15");
    expect(messageFor(gzipSync(idxBytes([1], [1, 2])))).toContain("expected 9 bytes, as the header says, got more");
  });

  it("refuses sizes that the file cannot hold before taking memory for them", () => {
    const huge = [0xffffffff, 0xffffffff, 0xffffffff];
    expect(messageFor(idxBytes(huge, [1]))).toContain("for shape [4294967295,4294967295,4294967295]");
    expect(messageFor(gzipSync(idxBytes(huge, [1])))).toContain("compressed bytes");
  });

  it("stops unpacking at the size in the header, however much is packed", () => {
    const bomb = gzipSync(Buffer.concat([idxBytes([1], [1]), new Uint8Array(64 << 20)]));
    expect(messageFor(bomb)).toContain("expected 9 bytes, as the header says, got more");
  });

  it("refuses damaged and truncated gzip data", () => {
    const zipped = gzipSync(
      idxBytes(
        [200],
        new Uint8Array(200).map((_, i) => (i * 37) % 251),
      ),
    );
    expect(messageFor(zipped.subarray(0, zipped.length - 12))).toContain("gzip data");
    const damaged = Buffer.from(zipped);
    damaged[damaged.length - 6]! ^= 0xff;
    expect(messageFor(damaged)).toContain("incorrect data check");
  });

  it("answers any bytes with an array or a FILE error", () => {
    const whole = idxBytes([3, 4, 4], new Uint8Array(48));
    const mutated = fc.tuple(fc.boolean(), fc.nat(), fc.nat(255), fc.nat()).map(([zipped, place, value, length]) => {
      const bytes = Buffer.from(zipped ? gzipSync(whole) : whole);
      bytes[place % bytes.length] = value;
      return bytes.subarray(0, bytes.length - (length % 4 === 0 ? length % bytes.length : 0));
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 64 })), (bytes) => {
        try {
          const { shape, data } = readIdx(file(bytes));
          expect(product(shape)).toBe(data.length);
        } catch (error) {
          expect(error).toBeInstanceOf(SpikeshipError);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function product(sizes: readonly number[]): number {
  return sizes.reduce((all, size) => all * size, 1);
}
