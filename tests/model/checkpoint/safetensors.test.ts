/** safetensors: right files both ways, bytes as the format says, and every kind of damage refused in words. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpikeshipError } from "../../../src/core/index.ts";
import {
  readSafetensors,
  readSafetensorsHeader,
  STORED_DTYPES,
  type StoredDType,
  type StoredTensor,
  toFloat32,
  writeSafetensors,
} from "../../../src/model/checkpoint/index.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";

const folder = temporaryFolder();
let count = 0;
const newPath = () => join(folder, `${count++}.safetensors`);

/** A file of header text and data, put together by hand. */
function file(header: string | object, data: ArrayLike<number> = []): string {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = newPath();
  writeFileSync(path, Buffer.concat([length, json, Uint8Array.from(data)]));
  return path;
}

function messageFor(path: string): string {
  const error = errorOf(() => readSafetensors(path));
  expect(error.code).toBe("FILE");
  expect(error.message).toContain(path);
  return error.message;
}

const f32 = (shape: number[], ...numbers: number[]): StoredTensor => ({
  dtype: "F32",
  shape,
  data: Float32Array.from(numbers),
});

describe("reading", () => {
  it("reads a file that was written byte by byte", () => {
    const path = file(
      '{"b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]},"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}   ',
      [0, 0, 128, 63, 0, 0, 0, 192, 7, 8, 9],
    );
    const { metadata, tensors } = readSafetensors(path);
    expect(metadata).toEqual({ k: "v" });
    expect(tensors.get("a")).toEqual(f32([2, 1], 1, -2));
    expect(tensors.get("b")).toEqual({ dtype: "U8", shape: [3], data: Uint8Array.of(7, 8, 9) });
  });

  it("reads scalars, empty arrays and a file without arrays", () => {
    const entry = (begin: number, end: number, shape: number[]) => ({
      dtype: "I32",
      shape,
      data_offsets: [begin, end],
    });
    const { tensors } = readSafetensors(file({ scalar: entry(0, 4, []), none: entry(4, 4, [0, 5]) }, [1, 2, 0, 0]));
    expect(tensors.get("scalar")).toEqual({ dtype: "I32", shape: [], data: Int32Array.of(513) });
    expect(tensors.get("none")?.data.length).toBe(0);
    expect(readSafetensors(file({})).tensors.size).toBe(0);
  });

  it("reads only the header, or only the arrays that are wanted", () => {
    const path = newPath();
    writeSafetensors(
      path,
      new Map([
        ["a", f32([1], 1)],
        ["b", f32([1], 2)],
      ]),
      { note: "x" },
    );
    expect([...readSafetensorsHeader(path).entries.keys()].sort()).toEqual(["a", "b"]);
    expect([...readSafetensors(path, (name) => name === "b").tensors.keys()]).toEqual(["b"]);
  });

  it.each<[string, () => string, string]>([
    [
      "an empty file",
      () => {
        const path = newPath();
        writeFileSync(path, "");
        return path;
      },
      "at least 8 bytes",
    ],
    [
      "a header longer than the file",
      () => {
        const path = newPath();
        writeFileSync(path, Buffer.from("ffffffffffffff7f7b7d", "hex"));
        return path;
      },
      "header length",
    ],
    ["text that is not JSON", () => file("{oops}"), "JSON text in UTF-8"],
    ["a header that is not an object", () => file("[1, 2]"), "a JSON object, got an array"],
    [
      "a name that appears twice",
      () =>
        file(
          '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
        ),
      '"a" twice',
    ],
    [
      "a member that appears twice",
      () => file('{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}'),
      '"dtype" twice',
    ],
    ["an unknown element type", () => file({ a: { dtype: "Q4", shape: [0], data_offsets: [0, 0] } }), "dtype"],
    [
      "an unknown member",
      () => file({ a: { dtype: "U8", shape: [0], data_offsets: [0, 0], strides: [1] } }),
      "strides",
    ],
    ["a missing member", () => file({ a: { dtype: "U8", shape: [0] } }), "data_offsets"],
    ["a negative size", () => file({ a: { dtype: "U8", shape: [-1], data_offsets: [0, 0] } }), "shape"],
    [
      "an array beyond the file",
      () => file({ a: { dtype: "U8", shape: [4], data_offsets: [0, 4] } }, [1, 2]),
      "a span within the 2 bytes of data",
    ],
    [
      "a span that runs backwards",
      () => file({ a: { dtype: "U8", shape: [0], data_offsets: [2, 0] } }, [1, 2]),
      "a span within",
    ],
    [
      "a span that does not fit the shape",
      () => file({ a: { dtype: "F32", shape: [2], data_offsets: [0, 4] } }, [0, 0, 0, 0]),
      "8 bytes for F32 [2], got 4",
    ],
    [
      "sizes whose product overflows",
      () => file({ a: { dtype: "F32", shape: [4294967296, 4294967296], data_offsets: [0, 0] } }),
      "bytes for F32",
    ],
    [
      "arrays that overlap",
      () =>
        file(
          {
            a: { dtype: "U8", shape: [2], data_offsets: [0, 2] },
            b: { dtype: "U8", shape: [2], data_offsets: [1, 3] },
          },
          [1, 2, 3],
        ),
      "where the array before it ends",
    ],
    [
      "bytes that belong to no array",
      () => file({ a: { dtype: "U8", shape: [1], data_offsets: [1, 2] } }, [1, 2]),
      "where the array before it ends",
    ],
    [
      "bytes after the last array",
      () => file({ a: { dtype: "U8", shape: [1], data_offsets: [0, 1] } }, [1, 2]),
      "as its header says",
    ],
    ["metadata that is not text", () => file({ __metadata__: { epoch: 3 } }), "__metadata__"],
  ])("refuses %s", (_, make, words) => {
    expect(messageFor(make())).toContain(words);
  });

  it("answers mutated and truncated files with their arrays or a FILE error", () => {
    const path = newPath();
    writeSafetensors(
      path,
      new Map([
        ["weight", f32([2, 2], 1, 2, 3, 4)],
        ["n", { dtype: "I64", shape: [], data: BigInt64Array.of(5n) }],
      ]),
      { a: "b" },
    );
    const whole = readFileSync(path);
    const damaged = newPath();
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.nat(255),
        fc.nat(whole.length),
        fc.boolean(),
        (place, value, length, cut) => {
          const bytes = Buffer.from(whole);
          bytes[place] = value;
          writeFileSync(damaged, cut ? bytes.subarray(0, length) : bytes);
          try {
            for (const { dtype, data } of readSafetensors(damaged).tensors.values())
              expect(data).toBeInstanceOf(STORED_DTYPES[dtype].array);
          } catch (error) {
            expect(error).toBeInstanceOf(SpikeshipError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("writing", () => {
  it("writes what it reads, for every element type, shape and name", () => {
    const tensor = fc
      .tuple(
        fc.constantFrom(...(Object.keys(STORED_DTYPES) as StoredDType[])),
        fc.array(fc.nat(4), { maxLength: 4 }),
        fc.nat(),
      )
      .map(([dtype, shape, seed]): StoredTensor => {
        const size = shape.reduce((a, b) => a * b, 1);
        const bytes = Uint8Array.from({ length: size * STORED_DTYPES[dtype].bytes }, (_, i) => (i * 31 + seed) % 127);
        return { dtype, shape, data: new STORED_DTYPES[dtype].array(bytes.buffer) };
      });
    const name = fc.string({ minLength: 1 }).filter((text) => text !== "__metadata__");
    fc.assert(
      fc.property(fc.dictionary(name, tensor), fc.dictionary(name, fc.string()), (tensors, metadata) => {
        const path = newPath();
        writeSafetensors(path, new Map(Object.entries(tensors)), metadata);
        const read = readSafetensors(path);
        expect(new Map([...read.tensors].sort())).toEqual(new Map(Object.entries(tensors).sort()));
        expect(Object.entries(read.metadata).sort()).toEqual(Object.entries(metadata).sort());
      }),
      { numRuns: 100 },
    );
  });

  it("gives the same bytes whatever the order, each array aligned to its width", () => {
    const tensors: [string, StoredTensor][] = [
      ["odd", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
      ["wide", { dtype: "F64", shape: [1], data: Float64Array.of(0.5) }],
      ["b", f32([1], 2)],
      ["a", f32([1], 1)],
    ];
    const [one, two] = [newPath(), newPath()];
    writeSafetensors(one, new Map(tensors), { y: "2", x: "1" });
    writeSafetensors(two, new Map([...tensors].reverse()), { x: "1", y: "2" });
    expect(readFileSync(one).equals(readFileSync(two))).toBe(true);
    const { entries } = readSafetensorsHeader(one);
    expect([...entries].sort(([, a], [, b]) => a.begin - b.begin).map(([name]) => name)).toEqual([
      "wide",
      "a",
      "b",
      "odd",
    ]);
    for (const { dtype, begin } of entries.values()) expect(begin % STORED_DTYPES[dtype].bytes).toBe(0);
  });

  it("refuses numbers that do not fit their shape or type", () => {
    const wrong = (tensor: StoredTensor, name = "w") =>
      errorOf(() => writeSafetensors(newPath(), new Map([[name, tensor]]))).message;
    expect(wrong(f32([3], 1, 2))).toContain("3 numbers of type F32");
    expect(wrong({ dtype: "I32", shape: [1], data: Float32Array.of(1) })).toContain("Float32Array");
    expect(wrong(f32([1], 1), "__metadata__")).toContain("another name");
  });
});

describe("conversion to float32", () => {
  it("widens half precision, rounds double precision and converts whole numbers", () => {
    const convert = (dtype: StoredDType, data: StoredTensor["data"]) => [
      ...toFloat32("f", "w", { dtype, shape: [data.length], data }),
    ];
    expect(convert("F16", Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001))).toEqual([1, -2, 0.333251953125, 2 ** -24]);
    expect(convert("BF16", Uint16Array.of(0x3f80, 0xc000))).toEqual([1, -2]);
    expect(convert("F64", Float64Array.of(0.1))).toEqual([Math.fround(0.1)]);
    expect(convert("I64", BigInt64Array.of(-3n))).toEqual([-3]);
    expect(convert("U8", Uint8Array.of(200))).toEqual([200]);
    expect(errorOf(() => convert("I64", BigInt64Array.of(2n ** 60n))).code).toBe("VALUE");
  });
});
