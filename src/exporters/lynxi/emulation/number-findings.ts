/** Runs an artefact's graph in the emulator, looks at its numbers layer by layer, and says what float16 could not hold. */
import type { ChipInput, Finding, LayerNumbers, NumberEvent, NumberReport } from "../../target.ts";
import type { LynxiManifest } from "../artefact/manifest.ts";
import type { GraphLayout } from "../lowering/layout.ts";
import type { OnnxModel } from "../onnx/onnx-model.ts";
import { LOWEST_FUSED_POTENTIAL } from "../rules/step.ts";
import { inputOfCalls, sampleCount } from "../simulate.ts";
import { openEmulator } from "./emulator.ts";
import { NumberWatch } from "./emulator-numbers.ts";

/** Calls of the graph that run at once: few, because every number is looked at. */
const CALLS_AT_ONCE = 8;

/** @throws SHAPE when the input does not fit the graph. */
export function reportNumbers(
  model: OnnxModel,
  layout: GraphLayout,
  manifest: LynxiManifest,
  input: ChipInput,
): NumberReport | null {
  // a graph of one step is another reading of the same layers; its whole-sequence form is what is looked at
  if (layout.step) return null;
  const samples = sampleCount(layout, input, manifest.file);
  const watched = manifest.layers.map(({ layer, nodes, neuron }) => ({
    layer,
    nodes,
    vThreshold: neuron?.vThreshold ?? null,
  }));
  const watch = new NumberWatch(watched, layout.steps, layout.batch);
  const emulator = openEmulator(model, { see: watch.see });
  try {
    const calls = Math.ceil(samples / layout.batch);
    for (let call = 0; call < calls; call += CALLS_AT_ONCE) {
      const count = Math.min(CALLS_AT_ONCE, calls - call);
      const part = inputOfCalls(layout, input, samples, call, count);
      emulator.run(new Map([[layout.input, part]]), count);
    }
  } finally {
    emulator.close();
  }
  const layers = watch.numbers();
  const fused = manifest.module?.states.some((state) => state.fused) ?? false;
  return { samples, layers, findings: layers.flatMap((layer) => findingsOf(layer, fused)) };
}

const SAYS: { [K in NumberEvent["kind"]]: { severity: Finding["severity"]; message: (event: NumberEvent) => string } } =
  {
    overflow: {
      severity: "error",
      message: ({ count }) => `${count} results left the range of float16 (65504) and were infinite or no number`,
    },
    stall: {
      severity: "warning",
      message: ({ count, value }) =>
        `${count} potentials stood still: at ${value} float16 has no room for what was added`,
    },
    subnormal: {
      severity: "note",
      message: ({ count, value }) => `${count} results below 6.1e-5 kept fewer than 11 bits, down to ${value}`,
    },
  };

function findingsOf({ layer, potentials, events }: LayerNumbers, fused: boolean): Finding[] {
  const found = events.map((event): Finding => {
    const { severity, message } = SAYS[event.kind];
    const when = event.step === null ? "" : `, from step ${event.step} on`;
    return {
      rule: "LX012",
      severity,
      place: layer,
      message: `${message(event)}${when}`,
      source: "IEEE 754 binary16; emulated run",
      ...(severity === "note" ? {} : { rewrite: "Rescale the weights and the threshold of this layer together." }),
    };
  });
  if (!fused || !potentials || potentials.lowest > LOWEST_FUSED_POTENTIAL) return found;
  const low: Finding = {
    rule: "LX030",
    severity: "warning",
    place: layer,
    message: `potentials down to ${potentials.lowest}; at ${LOWEST_FUSED_POTENTIAL} the fused operators presumably reset`,
    source: "emulated run",
    rewrite: "Rescale weights and threshold, or use plain operators.",
  };
  return [...found, low];
}
