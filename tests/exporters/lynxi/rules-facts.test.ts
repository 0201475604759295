/** Design rules that need more than the graph: manifest, generated module, emulated ranges. */
import { describe, expect, it } from "vitest";
import { float16Below } from "../../../src/exporters/lynxi/emulation/float16.ts";
import { checkModel } from "../../../src/exporters/lynxi/index.ts";
import type { OnnxModel } from "../../../src/exporters/lynxi/onnx/onnx-model.ts";
import type { KnownFacts } from "../../../src/exporters/lynxi/rules.ts";
import { floats } from "./models.ts";
import { compares, moduleOf, moduleText, neuronOf, plain, state, stepModel, withWeights } from "./rule-subjects.ts";

const found = (rule: string, model: OnnxModel, known: KnownFacts = {}) =>
  checkModel(model, known).filter((finding) => finding.rule === rule);
const errors = (rule: string, model: OnnxModel, known: KnownFacts = {}) =>
  found(rule, model, known).filter(({ severity }) => severity === "error");
const messages = (findings: { message: string }[]) => findings.map(({ message }) => message).join("; ");

describe("rules about neurons", () => {
  it("LX016 takes a strict comparison against a threshold one float16 step below a neuron's", () => {
    const model = compares("Greater", ["Cast"]);
    const lowered = { ...model, initializers: [floats("th", [1], [float16Below(1)])] };
    expect(errors("LX016", lowered, { neurons: neuronOf(0, "plain") })).toEqual([]);
    expect(errors("LX016", model, { neurons: neuronOf(0, "plain") })).toHaveLength(1);
    expect(errors("LX016", lowered)).toHaveLength(1);
  });

  it("LX016 reads a comparison from both sides", () => {
    const { nodes, ...rest } = compares("LessOrEqual", ["Cast"]);
    const turned = nodes.map((n) => (n.inputs[1] === "th" ? { ...n, inputs: ["th", "x"] } : n));
    expect(found("LX016", { ...rest, nodes: turned })).toEqual([]);
    expect(errors("LX016", compares("GreaterOrEqual", ["Not", "Cast"]))).toHaveLength(1);
  });

  it("say in a note what they would need, where they cannot judge", () => {
    const notes = (known: KnownFacts, model = compares("GreaterOrEqual", ["Cast"])) =>
      checkModel(model, known)
        .filter(({ message }) => message.startsWith("not judged"))
        .map(({ rule, severity, message }) => `${severity} ${rule} ${message.slice(18, 32)}`);
    expect(notes({})).toEqual(["note LX008 T of the netwo", "note LX017 the trained ne", "note LX026 the style (who"]);
    expect(notes({ steps: 1, neurons: [], style: "whole-sequence" })).toEqual([]);
    expect(notes({}, stepModel("v1_out", [1, 3]))).toEqual(["note LX026 the start of e", "note LX027 the generated "]);
    const fused = { module: moduleOf({ fused: true }) };
    expect(notes({ style: "single-step", steps: 1, neurons: [], states: [], ...fused })).toEqual([
      "note LX030 the smallest p",
    ]);
  });
});

describe("rules about numbers", () => {
  it("LX012 judges what an emulated run observed", () => {
    const judged = (range: object) =>
      found("LX012", plain, { ranges: [{ place: "1", lowest: 0, highest: 1, ...range }] });
    expect(judged({})).toEqual([]);
    expect(judged({ highest: 70000 })).toMatchObject([{ severity: "error", place: "1" }]);
    expect(judged({ nonFinite: 2 })).toMatchObject([{ severity: "error" }]);
    expect(judged({ highest: 2048, potential: true })).toMatchObject([{ severity: "warning" }]);
    expect(judged({ subnormal: 0.25 })).toMatchObject([{ severity: "warning" }]);
  });

  it("LX011 only warns where the host sends float32", () => {
    expect(found("LX011", withWeights([0.1]), { ioType: "float32" })).toMatchObject([{ severity: "warning" }]);
  });
});

describe("LX026", () => {
  const pair = stepModel("v1_out", [1, 3]);
  const faults: [string, OnnxModel, KnownFacts, RegExp][] = [
    ["of another shape at the end", stepModel("v1_out", [1, 1]), {}, /goes in as \[1,1\], comes out as \[1,3\]/],
    ["of another type at the end", stepModel("v1_out", [1, 3], "float16"), {}, /goes in as float16/],
    ["that the manifest does not describe", pair, { states: [] }, /does not describe/],
    ["that the graph has not", pair, { states: [state, { ...state, input: "v2", output: "v2_out" }] }, /has not/],
    ["of another shape in the manifest", pair, { states: [{ ...state, shape: [3] }] }, /\[3\] in the manifest/],
    ["with another partner in the manifest", pair, { states: [{ ...state, output: "y" }] }, /paired with "y"/],
    ["without a start", pair, { states: [{ ...state, start: Number.NaN }] }, /starts at NaN/],
  ];
  it.each(faults)("finds a state %s", (_what, model, known, message) => {
    expect(messages(errors("LX026", model, known))).toMatch(message);
  });

  it("is satisfied by states that the manifest describes", () => {
    expect(found("LX026", pair, { states: [state] })).toEqual([]);
  });
});

describe("LX027", () => {
  const lines = (change: (all: string[]) => string[]) => moduleOf({}, change([...moduleText]));
  const faults: [string, NonNullable<KnownFacts["module"]>, RegExp][] = [
    ["a start that load cannot give", moduleOf({ start: 0.5 }), /load gives zeros or ones/],
    [
      "fused operators over parameters of their own",
      moduleOf({ fused: true, sharedParameters: false }),
      /differ inside/,
    ],
    ["a use before the load", lines(([def, ...rest]) => [def!, "    x = x + v1", ...rest]), /used before/],
    ["a write after the save", lines((all) => [...all.slice(0, -1), "    v1 = v1 * 2", "    return x"]), /after save/],
    ["no save", lines((all) => all.filter((line) => !line.includes("save"))), /1 loads and 0 saves/],
    ["a second load", lines((all) => [...all, ...all.slice(1, 3)]), /2 loads and 1 saves/],
    ["a save of something else", lines((all) => all.map((l) => l.replace("save(v1", "save(x"))), /not store "v1"/],
    ["no flag", moduleOf({ flag: "" }), /no flag/],
  ];
  it.each(faults)("finds %s", (_what, module, message) => {
    expect(messages(errors("LX027", plain, { module }))).toMatch(message);
  });

  it("finds two states with one flag", () => {
    const { facts, text } = moduleOf({});
    const states = [facts.states[0]!, { ...facts.states[0]!, layer: "2" }];
    expect(errors("LX027", plain, { module: { facts: { ...facts, states }, text } })).toMatchObject([{ place: "2" }]);
  });
});
