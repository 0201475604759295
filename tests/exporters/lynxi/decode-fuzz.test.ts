/** Damaged and hostile ONNX files: every one is read, judged and rewritten, or refused with one clear error, in bounded time and memory. */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpikeshipError } from "../../../src/core/index.ts";
import { checkModel, encodeOnnx, summarizeOnnx } from "../../../src/exporters/lynxi/index.ts";
import { decodeOnnx } from "../../../src/exporters/lynxi/onnx/decode.ts";
import { rewrite } from "../../../src/exporters/lynxi/rewrite/index.ts";
import { fixture } from "../../fixture.ts";
import { floats, int, integers, ints, modelOf, node, value } from "./models.ts";

/** Damaged files in one run; raise SPIKESHIP_FUZZ_RUNS for a longer search. */
const RUNS = Number(process.env.SPIKESHIP_FUZZ_RUNS ?? 240);

const window = { kernel_shape: ints(2, 2), strides: ints(2, 2), pads: ints(0, 0, 0, 0) };
/** Small, so that a changed byte usually meets structure, with most operators that have rules of their own. */
const dense = encodeOnnx(
  modelOf(
    [
      node("Conv", "c", ["x", "w"], { kernel_shape: ints(1, 1), group: int(1) }),
      node("BatchNormalization", "n", ["c", "s", "s", "s", "s"]),
      node("MaxPool", "m", ["n"], window),
      node("Flatten", "f", ["m"], { axis: int(1) }),
      node("Reshape", "r", ["f", "shape"]),
      node("Gather", "g", ["r", "first"], { axis: int(0) }),
      node("Unsqueeze", "u", ["g"], { axes: ints(0) }),
      node("Concat", "k", ["u", "u"], { axis: int(0) }),
      node("Slice", "l", ["k", "zero", "one", "zero"]),
      node("Expand", "e", ["l", "shape"]),
      node("Transpose", "t", ["e"], { perm: ints(0, 2, 1) }),
      node("ReduceMean", "q", ["t"], { axes: ints(0), keepdims: int(0) }),
      node("Gemm", "y", ["q", "v"], { transB: int(1) }),
    ],
    {
      inputs: [value("x", [2, 1, 4, 4])],
      outputs: [value("y", [4, 3])],
      initializers: [
        floats("w", [1, 1, 1, 1], [0.5]),
        floats("s", [1], [0.5]),
        integers("shape", 2, 1, 4),
        { name: "first", type: "int64", shape: [], data: BigInt64Array.of(0n) },
        integers("zero", 0),
        integers("one", 1),
        floats("v", [3, 1], [0.1, 0.2, 0.3]),
      ],
    },
  ),
);
const exported = new Uint8Array(readFileSync(fixture("csnn_torch_export.onnx")));

/** What every command does with a file before it runs it. Only our own error may come out. */
function handled(bytes: Uint8Array): "read" | "refused" {
  try {
    const model = decodeOnnx(bytes, "damaged.onnx");
    checkModel(model, { steps: 2 });
    summarizeOnnx({ path: "damaged.onnx", bytes: bytes.length, sha256: "", model });
    const { model: rewritten } = rewrite(model);
    checkModel(rewritten);
    encodeOnnx(rewritten);
    return "read";
  } catch (error) {
    if (!(error instanceof SpikeshipError)) throw error;
    expect(error.message).toMatch(/expected .+, got .+\./);
    return "refused";
  }
}

const files = { small: dense, exported };
const anyByte = fc.nat({ max: 255 });
/** A place as a share of the file, so that one set of changes fits files of any length. */
const place = fc.double({ min: 0, max: 0.999999, noNaN: true });

describe.each(Object.entries(files))("the %s file", (_name, bytes) => {
  const at = (share: number) => Math.floor(share * bytes.length);

  it("is read as it is", () => expect(handled(bytes)).toBe("read"));

  it("with changed bytes is handled or refused", () => {
    const changes = fc.array(fc.tuple(place, anyByte), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(changes, (list) => {
        const damaged = Uint8Array.from(bytes);
        for (const [share, byte] of list) damaged[at(share)] = byte;
        handled(damaged);
      }),
      { numRuns: RUNS, seed: 6 },
    );
  });

  it("cut off anywhere is refused", () => {
    fc.assert(
      fc.property(place, (share) => {
        expect(handled(bytes.slice(0, at(share)))).toBe("refused");
      }),
      { numRuns: RUNS / 4, seed: 7 },
    );
  });

  it("with pieces moved, repeated or dropped is handled or refused", () => {
    fc.assert(
      fc.property(place, place, place, (a, b, c) => {
        const [from, to] = [Math.min(at(a), at(b)), Math.max(at(a), at(b))];
        const piece = bytes.slice(from, to);
        handled(Buffer.concat([bytes.slice(0, at(c)), piece, bytes.slice(at(c))]));
        handled(Buffer.concat([bytes.slice(0, from), bytes.slice(to)]));
      }),
      { numRuns: RUNS / 4, seed: 8 },
    );
  });
});

/** A field of protobuf: number, wire type 2, length, bytes. */
function field(number: number, bytes: Uint8Array, length = bytes.length): Uint8Array {
  const prefix: number[] = [number * 8 + 2];
  let rest = length;
  do {
    prefix.push((rest % 128) + (rest >= 128 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([Uint8Array.from(prefix), bytes]);
}

const refusal = (bytes: Uint8Array): string => {
  try {
    decodeOnnx(bytes, "hostile.onnx");
  } catch (error) {
    if (error instanceof SpikeshipError) return error.message;
    throw error;
  }
  return "";
};

/** Numbers of fields in onnx.proto3: ModelProto.graph, GraphProto.node and .initializer, NodeProto.attribute, AttributeProto.g. */
const FIELD = { graph: 7, node: 1, initializer: 5, attribute: 5, subgraph: 6, int64Data: 7 };

describe("hostile files", () => {
  it("that announce 2 GB in a header of a few bytes are refused by the byte", () => {
    const bytes = field(FIELD.graph, Uint8Array.of(1, 2, 3), 2 ** 31);
    expect(refusal(bytes)).toMatch(
      /hostile\.onnx: byte \d+: expected .*at most 3 bytes in a field, got a length of 2147483648/,
    );
  });

  it("with graphs inside graphs without end are refused, not followed", () => {
    let graph: Uint8Array = new Uint8Array(0);
    for (let depth = 0; depth < 20_000; depth++) {
      graph = field(FIELD.node, field(FIELD.attribute, field(FIELD.subgraph, graph)));
      if (graph.length > 200_000) break;
    }
    expect(refusal(field(FIELD.graph, graph))).toMatch(/at most \d+ messages inside each other/);
  });

  it("whose packed numbers would take gigabytes in memory are refused before they do", () => {
    const packed = new Uint8Array(2 ** 26);
    expect(refusal(field(FIELD.graph, field(FIELD.initializer, field(FIELD.int64Data, packed))))).toMatch(
      /takes at most \d+ bytes in memory/,
    );
  });

  it("that write a value twice are refused by name", () => {
    const twice = modelOf([node("Relu", "y", ["x"]), node("Identity", "y", ["y"])]);
    expect(refusal(encodeOnnx(twice))).toMatch(
      /node "node_y" \(Identity\): expected a value that is written once, got "y"/,
    );
  });

  it("that double their shape arithmetic at every node stay small", () => {
    const nodes = Array.from({ length: 60 }, (_, i) =>
      node("Concat", `c${i + 1}`, [`c${i}`, `c${i}`], { axis: int(0) }),
    );
    const model = modelOf([...nodes, node("Reshape", "y", ["x", "c60"])], { initializers: [integers("c0", 1, 1)] });
    expect(handled(encodeOnnx(model))).toBe("read");
  });

  it("with enormous sizes are judged without being allocated", () => {
    const huge = 2 ** 40;
    const model = modelOf(
      [node("ConstantOfShape", "z", ["sizes"]), node("Expand", "e", ["x", "sizes"]), node("Add", "y", ["z", "e"])],
      { initializers: [integers("sizes", huge, huge)], inputs: [value("x", [1, huge])] },
    );
    expect(handled(encodeOnnx(model))).toBe("read");
    expect(checkModel(model).filter(({ rule }) => rule === "LX015").length).toBeGreaterThan(0);
  });

  it("whose names are those of JavaScript's own objects are judged like any other", () => {
    for (const op of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      const model = modelOf([node(op, "y", ["x"], { [op]: int(1) })]);
      expect(
        checkModel(model).some(({ rule, place }) => rule === "LX004" && place === "node_y"),
        op,
      ).toBe(true);
      expect(handled(encodeOnnx(model)), op).toBe("read");
    }
  });

  it("with very long chains and very many readers are judged in one pass", () => {
    const length = 20_000;
    const chain = Array.from({ length }, (_, i) => node("Identity", `c${i + 1}`, [`c${i}`]));
    const fan = Array.from({ length }, (_, i) =>
      node("Concat", `f${i}`, [`c${length}`, `c${length}`], { axis: int(0) }),
    );
    const model = modelOf([...chain, ...fan, node("Relu", "y", [`c${length}`])], { inputs: [value("c0", [1, 1])] });
    expect(handled(encodeOnnx(model))).toBe("read");
  });
});
