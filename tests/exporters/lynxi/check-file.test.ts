/** Judging and fixing ONNX files: our own with their manifest, those of others with what options say, and bad ones. */
import { copyFileSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { beforeAll, describe, expect, it } from "vitest";
import { encodeOnnx, lowerGraph, type OnnxModel } from "../../../src/exporters/lynxi/index.ts";
import { checkOnnxFile, fixOnnxFile } from "../../../src/exporters/lynxi/rules/check-file.ts";
import { lowerStep, MODULE_FILE } from "../../../src/exporters/lynxi/step/index.ts";
import { writeArtefact } from "../../../src/exporters/lynxi/write.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";
import { planGraph } from "./graphs.ts";
import { floats, int, integers, ints, modelOf, node, value } from "./models.ts";
import { compares, stepModel } from "./rule-subjects.ts";

const folder = temporaryFolder();
let files = 0;

/** A folder of its own for each file: a manifest beside a file says something about it. */
function written(model: OnnxModel | Uint8Array, name = "model.onnx"): string {
  const directory = join(folder, `file${files++}`);
  mkdirSync(directory);
  const path = join(directory, name);
  writeFileSync(path, model instanceof Uint8Array ? model : encodeOnnx(model));
  return path;
}

const rulesOf = (path: string, options = {}, severity = "error") =>
  checkOnnxFile(path, options)
    .filter((finding) => finding.severity === severity)
    .map(({ rule }) => rule);

describe("a file of our own", () => {
  const directory = join(folder, "artefact");
  const graph = join(directory, "graph.onnx");

  beforeAll(async () => {
    const neuron = { kind: "IFNode", options: { vThreshold: 1, vReset: -0.25, detachReset: false } };
    const plan = { steps: 3, form: "image", channels: 1, size: 4, groups: 1, batchNorm: false, pool: "max" } as const;
    await writeArtefact(lowerGraph(planGraph({ ...plan, bias: true, neuron, classes: 2, seed: 4 })), directory);
  });

  it("is judged with what its manifest says, so that no rule lacks anything", () => {
    const findings = checkOnnxFile(graph);
    expect(findings.filter(({ severity }) => severity !== "note")).toEqual([]);
    expect(findings.filter(({ message }) => message.startsWith("not judged"))).toEqual([]);
  });

  it("keeps its bytes where there is nothing to rewrite", () => {
    const { bytes, changes } = fixOnnxFile(graph);
    expect(changes).toEqual([]);
    expect(Buffer.compare(bytes, readFileSync(graph))).toBe(0);
  });

  it("is named when it was changed after the export", () => {
    const changed = written(new Uint8Array(readFileSync(graph)), "graph.onnx");
    copyFileSync(join(directory, "manifest.json"), join(changed, "../manifest.json"));
    const bytes = readFileSync(changed);
    // the producer's name stands near the beginning; another letter there changes no number
    bytes[bytes.indexOf("spikeship")] = "S".charCodeAt(0);
    writeFileSync(changed, bytes);
    expect(checkOnnxFile(changed)[0]).toMatchObject({ rule: "artefact/changed", severity: "error" });
  });

  it("beside the manifest of another file is judged by itself", () => {
    const other = written(compares("GreaterOrEqual", ["Cast"]));
    copyFileSync(join(directory, "manifest.json"), join(other, "../manifest.json"));
    expect(rulesOf(other, {}, "note")).toContain("LX008");
  });
});

describe("a single step of our own", () => {
  const directory = join(folder, "step");
  const graph = join(directory, "graph.onnx");
  const judged = () => checkOnnxFile(graph).filter(({ rule }) => rule === "LX026" || rule === "LX027");

  beforeAll(async () => {
    const neuron = {
      kind: "LIFNode",
      options: { tau: 2, decayInput: true, vThreshold: 1, vReset: 0, detachReset: false },
    };
    const plan = { steps: 3, form: "image", channels: 1, size: 4, groups: 1, batchNorm: false, pool: "max" } as const;
    const step = lowerStep(planGraph({ ...plan, bias: true, neuron, classes: 2, seed: 4 }), {}, "four");
    await writeArtefact(step, directory, { torch: true });
  });

  it("is judged with its states and its module, which keep the rules", () => {
    expect(judged()).toEqual([]);
    expect(rulesOf(graph)).toEqual([]);
  });

  it("is refused when its module saves a state that it writes again", () => {
    const path = join(directory, MODULE_FILE);
    const text = readFileSync(path, "utf8");
    const [, indent, variable] = /^(\s+)(\w+) = save\(/m.exec(text)!;
    const at = text.lastIndexOf(`${indent}return`);
    writeFileSync(path, `${text.slice(0, at)}${indent}${variable} = ${variable} * 2${text.slice(at)}`);
    expect(judged()).toMatchObject([
      { rule: "LX027", severity: "error", message: expect.stringContaining("after save") },
    ]);
  });
});

describe("a file of another program", () => {
  it("is judged by T and style from options, and says what is missing without them", () => {
    const path = written(compares("GreaterOrEqual", ["Cast"]));
    const unjudged = (options: Record<string, unknown>) =>
      checkOnnxFile(path, options)
        .filter(({ message }) => message.startsWith("not judged"))
        .map(({ rule }) => rule);
    expect(unjudged({})).toEqual(["LX008", "LX017", "LX026"]);
    expect(unjudged({ steps: 1, style: "whole-sequence" })).toEqual(["LX017"]);
    expect(rulesOf(path, { steps: 2, style: "whole-sequence" })).toEqual(["LX008"]);
  });

  it("is judged as a single step when it hands states back", () => {
    expect(rulesOf(written(stepModel("v2_out", [1, 3])))).toEqual(["LX026", "LX026"]);
    expect(rulesOf(written(stepModel("v1_out", [1, 3])), { lowestPotential: -200 }, "warning")).toContain("LX030");
  });

  it("with an option that nobody knows is not judged", () => {
    const error = errorOf(() => checkOnnxFile(written(compares("GreaterOrEqual", ["Cast"])), { stepps: 4 }));
    expect(error).toMatchObject({ code: "OPTION", message: expect.stringContaining('Did you mean "steps"?') });
  });
});

const loop = { body: { kind: "tensor", value: floats("", [1], [1]) } } as const;
const unused = { initializers: [floats("w", [1], [1])] };

/** The bytes of a model; a tensor that is marked external is written as one. */
function external(model: OnnxModel): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, encodeOnnx(model));
  for (const tensor of proto.graph!.initializer) {
    if (!model.initializers.some(({ name, external: outside }) => name === tensor.name && outside)) continue;
    tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
    tensor.rawData = new Uint8Array(0);
  }
  return toBinary(ModelProtoSchema, proto);
}

/** One kind of bad file each, and the rule that names it. */
const badFiles: Record<string, [OnnxModel, string, severity?: string]> = {
  "numbers in another file": [
    modelOf([node("Mul", "y", ["x", "w"])], { initializers: [{ ...floats("w", [3], [1, 2, 3]), external: true }] }),
    "LX023",
  ],
  "a loop": [modelOf([node("Loop", "y", ["x"], loop)]), "LX003"],
  "5-D values": [
    modelOf([node("Reshape", "a", ["x", "five"]), node("Relu", "y", ["a"])], {
      initializers: [integers("five", 1, 1, 1, 2, 3)],
    }),
    "LX001",
  ],
  "an unknown operator": [modelOf([node("Einsum", "y", ["x", "x"])]), "LX004"],
  "an operator of another domain": [modelOf([node("load", "y", ["x"], {}, "custom")]), "LX005"],
  "an old operator set": [modelOf([node("Relu", "y", ["x"])], { opset: 9 }), "LX022", "warning"],
  "a new operator set": [modelOf([node("Relu", "y", ["x"])], { opset: 21, irVersion: 10 }), "LX022", "warning"],
  "a dynamic shape": [modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", ["batch", 3])] }), "LX002"],
  "shapes that contradict each other": [modelOf([node("MatMul", "y", ["x", "x"])]), "LX002"],
  "attributes that make no sense": [
    modelOf([node("MaxPool", "y", ["x"], { kernel_shape: ints(0, 0) })], { inputs: [value("x", [1, 1, 4, 4])] }),
    "LX002",
  ],
  "text as numbers": [modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", [2], "string")] }), "LX013"],
  "no tensor at all": [modelOf([node("Relu", "y", ["x"])], { inputs: [value("x", null, "undefined")] }), "LX013"],
  "an index from the data": [
    modelOf([node("Gather", "y", ["x", "i"])], { inputs: [value("x", [2, 3]), value("i", [1], "int64")] }),
    "LX021",
  ],
  "stored numbers nobody needs": [modelOf([node("Relu", "y", ["x"])], unused), "LX025", "warning"],
  "random numbers": [modelOf([node("RandomNormalLike", "r", ["x"]), node("Add", "y", ["x", "r"])]), "LX019"],
  "several kinds of numbers": [modelOf([node("Cast", "y", ["x"], { to: int(11) })]), "LX013"],
};

describe("bad files", () => {
  it.each(Object.entries(badFiles))("with %s are read and judged", (_what, [model, rule, severity = "error"]) => {
    const path = written(external(model));
    expect(rulesOf(path, {}, severity)).toContain(rule);
  });

  it("with numbers elsewhere are not fixed", () => {
    const [model] = badFiles["numbers in another file"]!;
    expect(errorOf(() => fixOnnxFile(written(external(model)))).message).toContain('tensor "w" in another file');
  });

  it("larger than any network for the chip are refused before they are read", () => {
    const path = written(new Uint8Array(0));
    // a file with a hole: no disk is used
    truncateSync(path, 2 ** 31);
    const error = errorOf(() => checkOnnxFile(path));
    expect(error).toMatchObject({ code: "FILE", message: expect.stringContaining(path) });
  });
});
