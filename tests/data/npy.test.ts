/** Reading and writing .npy. The files below were written by NumPy 1.24 (`numpy.lib.format.write_array`). */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeNpy, encodeNpy, type NpyArray, type NpyType, readNpy, writeNpy } from "../../src/data/npy.ts";

const fromNumpy: Record<NpyType, { file: string; shape: number[]; values: number[] }> = {
  bool: {
    shape: [2, 2],
    values: [1, 0, 0, 1],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnfGIxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDIpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoBAAAB",
  },
  uint8: {
    shape: [2, 3],
    values: [250, 251, 252, 253, 254, 255],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnfHUxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr6+/z9/v8=",
  },
  int8: {
    shape: [3],
    values: [-128, 0, 127],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnfGkxJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqAAH8=",
  },
  uint16: {
    shape: [2],
    values: [0, 65535],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPHUyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAP//",
  },
  int16: {
    shape: [2],
    values: [-32768, 7],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAgAcA",
  },
  uint32: {
    shape: [1],
    values: [4294967295],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPHU0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDEsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAr/////",
  },
  int32: {
    shape: [2],
    values: [-2147483648, 5],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAACABQAAAA==",
  },
  int64: {
    shape: [3],
    values: [-(2 ** 53), 2 ** 53, 3],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGk4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAADg/wAAAAAAACAAAwAAAAAAAAA=",
  },
  float16: {
    shape: [3],
    values: [1.5, -0.0009765625, 65504],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGYyJywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAPgCU/3s=",
  },
  float32: {
    shape: [2, 1],
    values: [Math.fround(0.1), 3.25],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDEpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIArNzMw9AABQQA==",
  },
  float64: {
    shape: [],
    values: [0.1],
    file: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqamZmZmZm5Pw==",
  },
};
const files = {
  fortran:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGkyJywgJ2ZvcnRyYW5fb3JkZXInOiBUcnVlLCAnc2hhcGUnOiAoMiwgMywgMiksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAYAAgAIAAQACgABAAcAAwAJAAUACwA=",
  bigendian:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPmk0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDMsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAB/////gAAASw=",
  bigf: "k05VTVBZAQB2AHsnZGVzY3InOiAnPmY4JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo/+AAAAAAAAMAAAAAAAAAA",
  v2: "k05VTVBZAgB0AAAAeydkZXNjcic6ICc8ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEA=",
  v3: "k05VTVBZAwB0AAAAeydkZXNjcic6ICc8ZjQnLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMywpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAACAPwAAAEA=",
  empty:
    "k05VTVBZAQB2AHsnZGVzY3InOiAnPGY0JywgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsIDAsIDMpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAo=",
  struct:
    "k05VTVBZAQB2AHsnZGVzY3InOiBbKCdhJywgJzxpNCcpXSwgJ2ZvcnRyYW5fb3JkZXInOiBGYWxzZSwgJ3NoYXBlJzogKDIsKSwgfSAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAA==",
  obj: "k05VTVBZAQB2AHsnZGVzY3InOiAnfE8nLCAnZm9ydHJhbl9vcmRlcic6IEZhbHNlLCAnc2hhcGUnOiAoMiwpLCB9ICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAqAA2NudW1weS5jb3JlLm11bHRpYXJyYXkKX3JlY29uc3RydWN0CnEAY251bXB5Cm5kYXJyYXkKcQFLAIVxAkMBYnEDh3EEUnEFKEsBSwKFcQZjbnVtcHkKZHR5cGUKcQdYAgAAAE84cQiJiIdxCVJxCihLA1gBAAAAfHELTk5OSv////9K/////0s/dHEMYoldcQ0oSwFLAmV0cQ5iLg==",
  cplx: "k05VTVBZAQB2AHsnZGVzY3InOiAnPGMxNicsICdmb3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgxLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgIAoAAAAAAAAAAAAAAAAAAPA/",
};
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));
const decode = (base64: string): NpyArray => decodeNpy(bytesOf(base64), "in.npy");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "npy-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("reading what NumPy wrote", () => {
  for (const [dtype, { file, shape, values }] of Object.entries(fromNumpy)) {
    it(`reads ${dtype}`, () => {
      const array = decode(file);
      expect(array.dtype).toBe(dtype);
      expect(array.shape).toEqual(shape);
      expect([...array.data]).toEqual(values);
    });
  }
  it("turns column-major order into row-major", () => {
    const array = decode(files.fortran);
    expect(array.shape).toEqual([2, 3, 2]);
    expect([...array.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });
  it("reads big-endian numbers", () => {
    expect([...decode(files.bigendian).data]).toEqual([1, -2, 300]);
    expect([...decode(files.bigf).data]).toEqual([1.5, -2]);
  });
  it("reads format versions 2 and 3", () => {
    expect([...decode(files.v2).data]).toEqual([0, 1, 2]);
    expect([...decode(files.v3).data]).toEqual([0, 1, 2]);
  });
  it("reads an array without elements", () => expect(decode(files.empty)).toMatchObject({ shape: [2, 0, 3] }));
});

describe("writing", () => {
  for (const [dtype, { file }] of Object.entries(fromNumpy)) {
    it(`writes ${dtype} so that it reads back`, () => {
      const array = decode(file);
      expect(decodeNpy(encodeNpy(array), "back")).toEqual(array);
    });
  }
  it("writes the bytes that NumPy 1.24 writes", () => {
    expect(encodeNpy(decode(fromNumpy.float32.file))).toEqual(bytesOf(fromNumpy.float32.file));
    expect(encodeNpy(decode(fromNumpy.float64.file))).toEqual(bytesOf(fromNumpy.float64.file));
    expect(encodeNpy(decode(fromNumpy.bool.file))).toEqual(bytesOf(fromNumpy.bool.file));
  });
  it("writes a file that reads back", () => {
    const path = join(folder, "a.npy");
    writeNpy(path, { dtype: "int16", shape: [2, 1], data: Int16Array.of(-3, 9) });
    expect(readNpy(path)).toEqual({ dtype: "int16", shape: [2, 1], data: Int16Array.of(-3, 9) });
  });
  it("refuses data that do not fill the shape, and fractions as int64", () => {
    expect(() => encodeNpy({ dtype: "uint8", shape: [3], data: Uint8Array.of(1) })).toThrow(/expected 3 numbers/);
    expect(() => encodeNpy({ dtype: "int64", shape: [1], data: Float64Array.of(0.5) })).toThrow(/whole numbers/);
  });
  it("keeps any float64 array", () => {
    fc.assert(
      fc.property(fc.array(fc.double()), (values) => {
        const array: NpyArray = { dtype: "float64", shape: [values.length], data: Float64Array.from(values) };
        expect(decodeNpy(encodeNpy(array), "back")).toEqual(array);
      }),
    );
  });
});

describe("refusing", () => {
  it("names the file for structured, object and complex arrays", () => {
    for (const file of [files.struct, files.obj, files.cplx])
      expect(() => decode(file)).toThrow(/^in\.npy: (header|descr): expected/);
  });
  it("refuses every truncation", () => {
    const whole = bytesOf(fromNumpy.uint16.file);
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeNpy(whole.subarray(0, length), "in.npy")).toThrow(/^in\.npy/);
    }
  });
  it("refuses trailing bytes and another magic number", () => {
    const whole = bytesOf(fromNumpy.int8.file);
    expect(() => decodeNpy(Uint8Array.of(...whole, 0), "in.npy")).toThrow(/expected 3 bytes/);
    expect(() => decodeNpy(Uint8Array.of(0, ...whole.subarray(1)), "in.npy")).toThrow(/a NumPy \.npy file/);
  });
  it("refuses a shape far beyond the file without allocating it", () => {
    const text = Buffer.from(fromNumpy.uint8.file, "base64").toString("latin1");
    const huge = text.replace("(2, 3), }         ", "(99999999, 99999),");
    const closed = huge.replace("99999),  ", "99999)}  ");
    expect(() => decodeNpy(new Uint8Array(Buffer.from(closed, "latin1")), "in.npy")).toThrow(/bytes after the header/);
  });
  it("answers random damage with an array or one clear error", () => {
    const whole = bytesOf(fromNumpy.int32.file);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const damaged = whole.slice();
          for (const [at, byte] of changes) damaged[at] = byte;
          try {
            expect(decodeNpy(damaged, "in.npy").data.length).toBeGreaterThanOrEqual(0);
          } catch (error) {
            expect((error as Error).message).toMatch(/^in\.npy.*: expected /s);
          }
        },
      ),
      { seed: 7, numRuns: 500 },
    );
  });
  it("names a missing file", () => {
    expect(() => readNpy(join(folder, "none.npy"))).toThrow(/none\.npy: expected a readable file/);
    writeFileSync(join(folder, "text.npy"), "hello");
    expect(() => readNpy(join(folder, "text.npy"))).toThrow(/a NumPy \.npy file/);
    expect(readFileSync(join(folder, "text.npy"), "utf8")).toBe("hello");
  });
});
