/** PyTorch checkpoints: what is understood, what is refused by name, and that no damage does more than an error. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SpikeshipError } from "../../../src/core/index.ts";
import { readTorchCheckpoint, readTorchFile } from "../../../src/model/checkpoint/index.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { fixture } from "../../fixture.ts";
import { op, storageOp, tensorOp, torchZip, zipBytes } from "./torch-bytes.ts";

const folder = temporaryFolder();
let count = 0;

function file(bytes: Uint8Array): string {
  const path = join(folder, `${count++}.pt`);
  writeFileSync(path, bytes);
  return path;
}

function messageFor(bytes: Uint8Array): string {
  const error = errorOf(() => readTorchFile(file(bytes)));
  expect(error.code).toBe("FILE");
  return error.message;
}

const sixFloats = new Uint8Array(Float32Array.of(0, 1, 2, 3, 4, 5).buffer);
const plain = tensorOp({ numbers: 6, shape: [2, 3], strides: [3, 1] });

describe("tensors", () => {
  it("are windows on their storage: transposed and offset", () => {
    const transposed = tensorOp({ numbers: 6, shape: [3, 2], strides: [1, 3] });
    const column = tensorOp({ numbers: 6, offset: 1, shape: [2], strides: [3] });
    const root = op.dictionary(op.text("a"), plain, op.text("b"), transposed, op.text("c"), column);
    const { tensors } = readTorchFile(file(torchZip(root, { 0: sixFloats })));
    expect(tensors.get("a")).toEqual({ dtype: "F32", shape: [2, 3], data: Float32Array.of(0, 1, 2, 3, 4, 5) });
    expect(tensors.get("b")).toEqual({ dtype: "F32", shape: [3, 2], data: Float32Array.of(0, 3, 1, 4, 2, 5) });
    expect(tensors.get("c")).toEqual({ dtype: "F32", shape: [2], data: Float32Array.of(1, 4) });
  });

  it("keep their element type", () => {
    const half = tensorOp({ type: "HalfStorage", numbers: 2, shape: [2], strides: [1] });
    const { tensors } = readTorchFile(
      file(torchZip(op.dictionary(op.text("h"), half), { 0: Uint8Array.of(0, 0x3c, 0, 0xc0) })),
    );
    expect(tensors.get("h")).toEqual({ dtype: "F16", shape: [2], data: Uint16Array.of(0x3c00, 0xc000) });
  });

  it.each([
    ["reach beyond their storage", { numbers: 6, shape: [2, 4], strides: [4, 1] }],
    ["begin beyond their storage", { numbers: 6, offset: 6, shape: [1], strides: [1] }],
    ["claim more numbers than the storage holds", { numbers: 6, shape: [1000000, 1000000], strides: [0, 0] }],
  ])("are refused when they %s", (_, facts) => {
    expect(messageFor(torchZip(op.dictionary(op.text("a"), tensorOp(facts)), { 0: sixFloats }))).toContain(
      "within its storage of 6",
    );
  });

  it("are refused when their sizes are negative, or sizes and strides differ in number", () => {
    const of = (shape: number[], strides: number[]) =>
      messageFor(torchZip(op.dictionary(op.text("a"), tensorOp({ numbers: 6, shape, strides })), { 0: sixFloats }));
    expect(of([-1], [1])).toContain("a list of sizes");
    expect(of([2, 3], [1])).toContain("one stride for each size");
  });

  it("are refused when their storage is missing, or shorter or longer than said", () => {
    const root = op.dictionary(op.text("a"), plain);
    expect(messageFor(torchZip(root))).toContain("no such entry");
    expect(messageFor(torchZip(root, { 0: sixFloats.subarray(4) }))).toContain("expected 24 bytes (6 of F32), got 20");
  });
});

describe("the state_dict", () => {
  const dictionary = op.dictionary(op.text("w"), plain);
  const names = (root: Buffer, entry?: string) => [
    ...readTorchCheckpoint(file(torchZip(root, { 0: sixFloats })), entry).keys(),
  ];

  it.each(["net", "state_dict", "model_state_dict", "model"])("is found under %s", (name) => {
    expect(names(op.dictionary(op.text(name), dictionary, op.text("epoch"), op.int(3)))).toEqual(["w"]);
  });

  it("may be the whole file, or any entry that is asked for", () => {
    expect(names(dictionary)).toEqual(["w"]);
    expect(names(op.dictionary(op.text("ema"), dictionary), "ema")).toEqual(["w"]);
    expect(names(op.dictionary(op.text("other"), dictionary))).toEqual(["other.w"]);
    expect(errorOf(() => names(op.dictionary(op.text("ema"), dictionary), "net")).message).toContain(
      "expected one of ema",
    );
  });

  it("loses the prefix of DataParallel", () => {
    expect(names(op.dictionary(op.text("module.fc.w"), plain))).toEqual(["fc.w"]);
  });

  it("must hold tensors", () => {
    expect(errorOf(() => names(op.dictionary(op.text("epoch"), op.int(3)))).message).toContain("no tensors");
  });

  it("stands beside other values, which keep their names", () => {
    const path = file(
      torchZip(
        op.dictionary(
          op.text("net"),
          dictionary,
          op.text("epoch"),
          op.int(-3),
          op.text("notes"),
          op.list(op.text("x"), op.none),
        ),
        { 0: sixFloats },
      ),
    );
    expect(Object.fromEntries(readTorchFile(path).values)).toEqual({ epoch: -3, "notes.0": "x", "notes.1": null });
  });
});

describe("objects", () => {
  it.each([
    ["os", "system"],
    ["builtins", "eval"],
    ["argparse", "Namespace"],
    ["torch.nn.modules.conv", "Conv2d"],
    ["collections", "__class__"],
  ])("of the class %s.%s are refused by name, before anything is done with them", (module, name) => {
    const message = messageFor(torchZip(op.call(op.global(module, name), op.tuple(op.text("echo")))));
    expect(message).toContain(`the Python object ${module}.${name}`);
    expect(message).toContain("state_dict()");
  });

  it("cannot be made by calling what is not a function", () => {
    expect(messageFor(torchZip(op.call(op.global("torch", "FloatStorage"), op.tuple())))).toContain(
      "a function that rebuilds",
    );
    expect(messageFor(torchZip(op.call(op.text("open"), op.tuple())))).toContain("a function that rebuilds");
  });

  it("that refer to themselves, deeply or widely, end in an error", () => {
    // } q0 ( "a" h0 u: a dictionary that holds itself.
    const cyclic = Buffer.concat([Buffer.from("}q\0("), op.text("a"), Buffer.from("h\0u")]);
    expect(messageFor(torchZip(cyclic))).toContain("nested levels");
    // ] q0, then 25 times: a list that holds the list before it twice.
    const doubling = Buffer.concat([
      Buffer.from("]q\0"),
      ...Array.from({ length: 25 }, (_, i) =>
        Buffer.concat([
          Buffer.from("](h"),
          Buffer.of(i),
          Buffer.from("h"),
          Buffer.of(i),
          Buffer.from("eq"),
          Buffer.of(i + 1),
        ]),
      ),
    ]);
    expect(messageFor(torchZip(doubling))).toContain("nested levels");
  });

  it("that share one storage many times over are refused before they are copied", () => {
    const numbers = 20_000;
    const entries = Array.from({ length: 100 }, (_, i) => [
      op.text(`w${i}`),
      tensorOp({ numbers, shape: [numbers], strides: [1] }),
    ]).flat();
    const message = messageFor(torchZip(op.dictionary(...entries), { 0: new Uint8Array(numbers * 4) }));
    expect(message).toContain("8 times the file's size");
  });
});

describe("containers", () => {
  it("other than PyTorch's are refused", () => {
    expect(messageFor(Buffer.from("GIF89a"))).toContain("got 0x4749");
    expect(messageFor(new Uint8Array(0))).toContain("an empty file");
    expect(messageFor(zipBytes([{ name: "readme", content: Uint8Array.of(1) }]))).toContain("data.pkl");
    expect(messageFor(op.pickle(op.int(5)))).toContain("magic number");
  });

  it("with compressed entries, wrong checksums, repeated or foreign-endian content are refused", () => {
    const pickle = { name: "c/data.pkl", content: op.pickle(op.dictionary()) };
    expect(messageFor(zipBytes([{ ...pickle, method: 8 }]))).toContain("compression 8");
    expect(messageFor(zipBytes([{ ...pickle, crc: 1 }]))).toContain("checksum 00000001");
    expect(messageFor(zipBytes([pickle, pickle]))).toContain("every name once");
    expect(messageFor(zipBytes([pickle, { name: "c/byteorder", content: Buffer.from("big") }]))).toContain(
      "expected little",
    );
  });

  it("with opcodes that only code needs are refused", () => {
    expect(messageFor(torchZip(Buffer.from("i")))).toContain('opcode "i"');
    expect(messageFor(torchZip(Buffer.from("t")))).toContain("a mark");
    expect(messageFor(torchZip(Buffer.from("R")))).toContain("a value on the stack");
    expect(messageFor(torchZip(Buffer.concat([Buffer.from("("), storageOp({ numbers: 1 })])))).toMatch(
      /stack|no such entry/,
    );
  });
});

describe("damage", () => {
  it.each(["checkpoint_csnn.pt", "checkpoint_csnn_legacy.pt"])(
    "to %s gives tensors or a FILE error, nothing else",
    (name) => {
      const whole = readFileSync(fixture(name));
      const path = join(folder, `damaged-${name}`);
      const edits = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
      fc.assert(
        fc.property(edits, fc.option(fc.nat(whole.length)), fc.boolean(), (changes, length, early) => {
          const bytes = Buffer.from(whole);
          // Half of the changes go to the first 2,500 bytes, where names, sizes and opcodes stand.
          for (const [place, value] of changes) bytes[early ? place % Math.min(2500, bytes.length) : place] = value;
          writeFileSync(path, bytes.subarray(0, length ?? bytes.length));
          try {
            expect(readTorchFile(path).tensors).toBeInstanceOf(Map);
          } catch (error) {
            expect(error).toBeInstanceOf(SpikeshipError);
          }
        }),
        { numRuns: 600 },
      );
    },
  );
});
