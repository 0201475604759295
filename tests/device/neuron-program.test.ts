/**
 * Neurons that a user defines, compiled at run time: what compiles, what is kept on disk and what an error says. The emulated device compiles
 * them too, where NVRTC is there; only a GPU runs them.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { core, devices } from "../../src/kernels/index.ts";
import {
  defineNeuron,
  neuronDefinition,
  neuronProgram,
  parseNeuronOptions,
  variantOf,
} from "../../src/model/neurons/index.ts";
import { parseSurrogate, surrogateCall } from "../../src/model/surrogates/index.ts";
import { nativeBackward, nativeForward } from "../model/neurons/native-scan.ts";
import { DEVICE, describeOnDevice, isEmulated } from "./device.ts";

/** Fires above a threshold that every spike raises and time lowers again. */
function adaptive(threshold: string) {
  return defineNeuron({
    kind: "AdaptiveNode",
    summary: "An integrate-and-fire neuron whose threshold follows its spikes.",
    source: "this test",
    options: z.strictObject({}),
    readings: ["float32"],
    flags: {},
    flagsOf: () => ({}),
    state: {
      v: { meaning: "potential", initial: () => 0 },
      a: { meaning: "raise of the threshold", initial: () => 0 },
    },
    parameters: {
      [threshold]: { meaning: "threshold at rest" },
      rise: { meaning: "what a spike adds", learned: true },
      keep: { meaning: "what is left of it after a step" },
    },
    derive: (w) => ({ [threshold]: w.constant(1), rise: w.constant(0.5), keep: w.constant(0.9) }),
    step(w, { x, state }, p) {
      const v = w.charged("v", w.add(state.v, x));
      const a = w.charged("a", w.decay(state.a, p.keep!));
      const spike = w.spike({ value: w.sub(v, a), threshold: p[threshold]!, strict: false });
      const next = w.add(a, w.mul(spike, p.rise!));
      return { spike, state: { v: w.sub(v, w.mul(spike, p[threshold]!)), a: next } };
    },
  });
}

const text = (threshold: string) => neuronProgram({ definition: adaptive(threshold), flags: {}, reading: "float32" });

const missing = devices()
  .report()
  ?.libraries.find(({ name, version }) => name === "NVRTC" && version === "");
if (missing)
  process.stdout.write(
    "tests of neurons compiled at run time skipped: no NVRTC (SPIKESHIP_CUDA_PATH names its folder)\n",
  );

describeOnDevice("a neuron that a user defines", () => {
  describe.skipIf(missing !== undefined)("compiled by NVRTC", () => {
    const device = devices().number(DEVICE);
    const before = process.env.XDG_CACHE_HOME;
    let folder = "";
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "spikeship-"));
      process.env.XDG_CACHE_HOME = folder;
    });
    afterAll(() => {
      if (before === undefined) delete process.env.XDG_CACHE_HOME;
      else process.env.XDG_CACHE_HOME = before;
      rmSync(folder, { recursive: true });
    });

    it("is compiled once and then taken from the disk, until its text changes", () => {
      expect(core().compileNeuron(device, "AdaptiveNode", text("threshold"))).toBe(false);
      expect(core().compileNeuron(device, "AdaptiveNode", text("threshold"))).toBe(true);
      expect(core().compileNeuron(device, "AdaptiveNode", text("limit"))).toBe(false);
    });

    it("is compiled again where the file on disk is cut off or something else", () => {
      core().compileNeuron(device, "AdaptiveNode", text("threshold"));
      const kept = join(folder, "spikeship");
      for (const name of readdirSync(kept)) {
        const whole = readFileSync(join(kept, name));
        writeFileSync(join(kept, name), whole.subarray(0, whole.length - 100));
      }
      expect(core().compileNeuron(device, "AdaptiveNode", text("threshold"))).toBe(false);
      expect(core().compileNeuron(device, "AdaptiveNode", text("threshold"))).toBe(true);
      expect(readdirSync(kept).filter((name) => !/^neuron-[0-9a-f]{32}$/.test(name))).toEqual([]);
    });

    it("works where nothing can be kept", () => {
      process.env.XDG_CACHE_HOME = join(import.meta.filename, "no-folder");
      expect(core().compileNeuron(device, "AdaptiveNode", text("threshold"))).toBe(false);
      process.env.XDG_CACHE_HOME = folder;
    });

    it("says with its own expressions what does not compile", () => {
      const wrong = () => core().compileNeuron(device, "AdaptiveNode", text("switch"));
      expect(wrong).toThrow(
        /neuron AdaptiveNode: expected a definition that compiles, got error: .* in `float switch;`/s,
      );
    });

    const options = parseNeuronOptions("LIFNode", { tau: 3 });
    const definition = neuronDefinition("LIFNode");
    const own = neuronProgram({ definition, flags: definition.flagsOf(options), reading: "float32" });
    const variant = variantOf("LIFNode", options);
    const x = Float32Array.from({ length: 4 * 37 }, (_, i) => ((i * 7) % 23) / 9);
    const states = { v: new Float32Array(37) };

    it.skipIf(isEmulated)("runs as the same equations do that were compiled before", () => {
      core().compileNeuron(device, "OwnLIF", own);
      const renamed = { ...variant, name: "OwnLIF" };
      const back = {
        steps: 4,
        x,
        initialStates: states,
        saved: {},
        gradients: { spike: x },
        surrogate: surrogateCall(parseSurrogate({ kind: "ATan" }), { threshold: 1 }),
      };
      devices().current = DEVICE;
      try {
        expect(nativeForward(renamed, 4, x, states)).toEqual(nativeForward(variant, 4, x, states));
        expect(nativeBackward(renamed, back)).toEqual(nativeBackward(variant, back));
      } finally {
        devices().current = "cpu";
      }
    });

    it.runIf(isEmulated)("is refused by a device that is no GPU when it is to run", () => {
      core().compileNeuron(device, "OwnLIF", own);
      devices().current = DEVICE;
      try {
        expect(() => nativeForward({ ...variant, name: "OwnLIF" }, 4, x, states)).toThrow(/OwnLIF.*expected a GPU/);
      } finally {
        devices().current = "cpu";
      }
    });
  });
});
