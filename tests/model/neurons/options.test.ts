/** Reading options, choosing variants, parameters, learned values and the forms that exporters ask for. */
import { describe, expect, test } from "vitest";
import {
  freezeNeuron,
  initialLearned,
  initialState,
  neuronDefinitions,
  parseNeuronOptions,
  shiftedOptions,
  surrogateThreshold,
  variantOf,
} from "../../../src/model/neurons/index.ts";
import { variantName, variantsOf } from "../../../src/model/neurons/variant.ts";

describe("neuron options", () => {
  test("have SpikingJelly's names and defaults", () => {
    expect(parseNeuronOptions("IFNode", {})).toEqual({ vThreshold: 1, vReset: 0, detachReset: false });
    expect(parseNeuronOptions("LIFNode", { tau: 3 })).toEqual({
      tau: 3,
      decayInput: true,
      vThreshold: 1,
      vReset: 0,
      detachReset: false,
    });
  });

  test.each([
    ["LIFNode", { tau: 0.5 }, /LIFNode: tau/],
    ["LIFNode", { taus: 2 }, /taus.*Did you mean "tau"/],
    ["LIFNod", {}, /neuron kind: expected .*LIFNode.*Did you mean "LIFNode"/],
    ["IFNode", { vReset: 1 }, /vReset must be below vThreshold/],
    ["IFNode", { vThreshold: 0, vReset: null }, /vReset must be below vThreshold/],
    ["ParametricLIFNode", { initTau: 1 }, /initTau/],
    ["CubaLIFNode", { currentDecay: 1 }, /voltageDecay/],
    ["CubaLIFNode", { currentDecay: 1.2, voltageDecay: 0 }, /currentDecay/],
    ["CubaLIFNode", { currentDecay: 1, voltageDecay: 0, scale: 6.5 }, /scale/],
  ])("%s %j is refused by the field at fault", (kind, json, message) => {
    expect(() => parseNeuronOptions(kind, json)).toThrow(message);
  });

  test("accept a place to name in the message", () => {
    expect(() => parseNeuronOptions("LIFNode", { tau: -1 }, 'LIFNode "conv.3"')).toThrow(/^LIFNode "conv\.3": tau/);
  });
});

describe("variants", () => {
  test("are named by the choices that change the code", () => {
    const name = (kind: string, given: object, reading?: "float32" | "half" | "chip") =>
      variantOf(kind, parseNeuronOptions(kind, given), reading).name;
    expect(name("LIFNode", {})).toBe("LIFNode.hard0.input.full");
    expect(name("LIFNode", { vReset: null, decayInput: false, detachReset: true }, "half")).toBe(
      "LIFNode.soft.direct.detached.half",
    );
    expect(name("CubaLIFNode", { currentDecay: 1, voltageDecay: 0, requiresGrad: true })).toBe(
      "CubaLIFNode.full.learned",
    );
    expect(name("CubaLIFNode", { currentDecay: 1, voltageDecay: 0 }, "chip")).toBe("CubaLIFNode.chip");
  });

  test("have different names", () => {
    const names = Object.values(neuronDefinitions).flatMap((definition) => variantsOf(definition).map(variantName));
    expect(new Set(names).size).toBe(names.length);
  });

  test("exist only in the readings of their neuron", () => {
    const cuba = parseNeuronOptions("CubaLIFNode", { currentDecay: 1, voltageDecay: 0 });
    expect(() => variantOf("CubaLIFNode", cuba, "half")).toThrow(
      /CubaLIFNode: expected one of the readings float32, chip, got "half"/,
    );
    expect(() => variantOf("IFNode", parseNeuronOptions("IFNode", {}), "chip")).toThrow(/readings float32, half/);
  });

  test("round each parameter once, from float64 to their format", () => {
    const options = parseNeuronOptions("LIFNode", { tau: 3, vReset: -0.3 });
    const { params, paramNames } = variantOf("LIFNode", options, "half");
    expect(paramNames).toEqual(["keep", "rate", "pull", "vThreshold", "vReset"]);
    // float16 neighbours of 2/3, 1/3, -0.1, 1 and -0.3, by hand: 1365.33 / 2048, 1365.33 / 4096, -1638.4 / 16384,
    // -1228.8 / 4096
    expect(Array.from(params)).toEqual([1365 / 2048, 1365 / 4096, -1638 / 16384, 1, -1229 / 4096]);
  });

  test("say what the backward pass reads", () => {
    const facts = (kind: string, given: object) => {
      const { savedInBackward, readsInputInBackward, fires } = variantOf(kind, parseNeuronOptions(kind, given));
      return { savedInBackward, readsInputInBackward, fires };
    };
    expect(facts("IFNode", {})).toEqual({ savedInBackward: [], readsInputInBackward: true, fires: true });
    expect(facts("ParametricLIFNode", {})).toEqual({
      savedInBackward: [],
      readsInputInBackward: true,
      fires: true,
    });
    const cuba = { currentDecay: 0.5, voltageDecay: 0.5 };
    expect(facts("CubaLIFNode", cuba).savedInBackward).toEqual(["charged"]);
    expect(facts("CubaLIFNode", { ...cuba, requiresGrad: true }).savedInBackward).toEqual([
      "chargedCurrent",
      "charged",
    ]);
    expect(facts("CubaCurrent", { currentDecay: 0.5 })).toEqual({
      savedInBackward: [],
      readsInputInBackward: false,
      fires: false,
    });
  });

  test("round decays to 4096ths with halves to even, and cut thresholds to whole weight steps", () => {
    const options = parseNeuronOptions("CubaLIFNode", {
      currentDecay: 100.5 / 4096,
      voltageDecay: 101.5 / 4096,
      vThreshold: 0.7,
    });
    const { params, paramNames } = variantOf("CubaLIFNode", options);
    const value = (name: string) => params[paramNames.indexOf(name)];
    expect(["gridScale", "currentDecay", "voltageDecay", "thresholdGrid"].map(value)).toEqual([
      4096,
      100,
      102,
      44 * 64,
    ]);
    expect(surrogateThreshold("CubaLIFNode", options)).toBe(0.6875);
  });
});

describe("learned values", () => {
  test("start where the options say, under their checkpoint names", () => {
    expect(initialLearned("ParametricLIFNode", parseNeuronOptions("ParametricLIFNode", { initTau: 2 }))).toEqual({
      w: -0,
    });
    const cuba = parseNeuronOptions("CubaLIFNode", { currentDecay: 0.25, voltageDecay: 0.5, requiresGrad: true });
    expect(initialLearned("CubaLIFNode", cuba)).toEqual({ current_decay: 1024, voltage_decay: 2048 });
    expect(initialLearned("LIFNode", parseNeuronOptions("LIFNode", {}))).toEqual({});
  });

  test("are used within their range, wherever training has moved them", () => {
    const options = parseNeuronOptions("CubaCurrent", { currentDecay: 0.5, requiresGrad: true });
    const decay = (current_decay: number) => variantOf("CubaCurrent", options, "float32", { current_decay }).params[1];
    expect([-3, 12.5, 13.5, 4100].map(decay)).toEqual([0, 12, 14, 4096]);
  });

  test("freeze into the options of a fixed neuron with the same parameters", () => {
    const options = parseNeuronOptions("ParametricLIFNode", { vReset: null });
    const frozen = freezeNeuron("ParametricLIFNode", options, { w: -1.25 });
    expect(frozen.kind).toBe("LIFNode");
    const fixed = variantOf(frozen.kind, parseNeuronOptions(frozen.kind, frozen.options));
    expect(fixed.params).toEqual(variantOf("ParametricLIFNode", options, "float32", { w: -1.25 }).params);

    const cuba = parseNeuronOptions("CubaLIFNode", { currentDecay: 0.25, voltageDecay: 0.5, requiresGrad: true });
    const { options: trained } = freezeNeuron("CubaLIFNode", cuba, { current_decay: 100, voltage_decay: 5000 });
    expect(trained).toMatchObject({ currentDecay: 100 / 4096, voltageDecay: 1, requiresGrad: false });
    expect(freezeNeuron("IFNode", parseNeuronOptions("IFNode", {}))).toEqual({
      kind: "IFNode",
      options: parseNeuronOptions("IFNode", {}),
    });
  });
});

describe("the shift form", () => {
  test("measures from the reset potential and starts at 0", () => {
    const options = parseNeuronOptions("LIFNode", { vReset: -0.3 });
    const shifted = shiftedOptions("LIFNode", options)!;
    expect(shifted).toMatchObject({ vThreshold: 1.3, vReset: 0 });
    expect([initialState("LIFNode", options), initialState("LIFNode", shifted)]).toEqual([{ v: -0.3 }, { v: 0 }]);
  });

  test("leaves soft reset alone and does not exist for integer neurons", () => {
    const soft = parseNeuronOptions("IFNode", { vReset: null });
    expect(shiftedOptions("IFNode", soft)).toEqual(soft);
    expect(shiftedOptions("CubaCurrent", parseNeuronOptions("CubaCurrent", { currentDecay: 1 }))).toBeNull();
    expect(() => surrogateThreshold("CubaCurrent", {})).toThrow(/a neuron that fires/);
  });
});
