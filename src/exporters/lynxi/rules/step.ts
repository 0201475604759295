/** Rules about the single-step style: states that go in and out of a graph, and the generated PyTorch module that keeps them on the chip. */
import { formatShape } from "../../../core/index.ts";
import type { OnnxValue } from "../onnx/onnx-model.ts";
import { moduleFaults } from "./module-text.ts";
import { SOURCES } from "./source.ts";
import type { DesignRule, RuleSubject, Violation } from "./subject.ts";

const STATE = /^(v\w*|acc)$/;
const SUFFIX = "_out";

function statePairs(subject: RuleSubject): Violation[] {
  if (subject.style !== "single-step") return [];
  const { model, states } = subject;
  const inputs = new Map(model.inputs.map((value) => [value.name, value]));
  const outputs = new Map(model.outputs.map((value) => [value.name, value]));
  const given = [...inputs.keys()].filter((name) => STATE.test(name));
  const returned = [...outputs.keys()].filter((name) => name.endsWith(SUFFIX));
  return [
    ...given
      .filter((name) => !outputs.has(name + SUFFIX))
      .map((name) => ({ place: name, message: `a state that goes in and never out: no output "${name}${SUFFIX}"` })),
    ...returned
      .filter((name) => !inputs.has(name.slice(0, -SUFFIX.length)))
      .map((name) => ({ place: name, message: "a state that goes out and never in" })),
    ...given.flatMap((name) => unequal(subject, inputs.get(name)!, outputs.get(name + SUFFIX))),
    ...(states ? undescribed(states, given, subject) : []),
  ];
}

function unequal({ inference }: RuleSubject, input: OnnxValue, output: OnnxValue | undefined): Violation[] {
  if (!output) return [];
  const [one, other] = [input, output].map(({ name }) => inference.facts.get(name));
  const place = input.name;
  if (one?.type !== other?.type) return [{ place, message: `goes in as ${one?.type}, comes out as ${other?.type}` }];
  const [before, after] = [one?.shape, other?.shape];
  if (!before || !after) return [];
  const same = before.length === after.length && before.every((size, axis) => size === after[axis]);
  return same ? [] : [{ place, message: `goes in as ${formatShape(before)}, comes out as ${formatShape(after)}` }];
}

function undescribed(
  states: NonNullable<RuleSubject["states"]>,
  given: readonly string[],
  { inference }: RuleSubject,
): Violation[] {
  const described = new Map(states.map((state) => [state.input, state]));
  return [
    ...given
      .filter((name) => !described.has(name))
      .map((name) => ({ place: name, message: "a state that the manifest does not describe" })),
    ...states.flatMap(({ input, output, shape, start }): Violation[] => {
      if (!given.includes(input)) return [{ place: input, message: "a state of the manifest that the graph has not" }];
      if (output !== input + SUFFIX) return [{ place: input, message: `paired with "${output}" in the manifest` }];
      if (!Number.isFinite(start)) return [{ place: input, message: `starts at ${start}` }];
      const real = inference.facts.get(input)?.shape;
      const same = real?.length === shape.length && real.every((size, axis) => size === shape[axis]);
      return same
        ? []
        : [{ place: input, message: `${formatShape(shape)} in the manifest, another shape in the graph` }];
    }),
  ];
}

function missingStates({ style, states, model }: RuleSubject): string | null {
  if (style === null) return "the style (whole-sequence or single-step)";
  if (style !== "single-step" || states !== null) return null;
  return model.inputs.some(({ name }) => STATE.test(name))
    ? "the start of each state (a manifest beside the file)"
    : null;
}

/** BIDL sets the low end of the range that the fused primitive covers to -100. */
export const LOWEST_FUSED_POTENTIAL = -100;

function lowPotentials({ ranges, module, style }: RuleSubject): Violation[] {
  if (style === "whole-sequence" || (module && !module.facts.states.some(({ fused }) => fused))) return [];
  return (ranges ?? [])
    .filter(({ potential, lowest }) => potential && !(lowest > LOWEST_FUSED_POTENTIAL))
    .map(({ place, lowest }) => ({
      place,
      message: `potentials down to ${lowest}; at ${LOWEST_FUSED_POTENTIAL} the fused operators presumably reset`,
    }));
}

export const stepRules: readonly DesignRule[] = [
  {
    id: "LX026",
    severity: "error",
    title: "each state of a single step has one input and one output of equal shape and type, and a documented start",
    source: `${SOURCES.bidl}, lynadapter/warp_load_save.py; ${SOURCES.documents}, api_neu`,
    rewrite: "Add the pair: input v1 and output v1_out, described in the manifest.",
    check: statePairs,
    needs: missingStates,
  },
  {
    id: "LX027",
    severity: "error",
    title:
      "states of the PyTorch module have 4 dimensions, one flag each, are loaded before use and saved after the last write",
    source: `${SOURCES.documents}, api_neu and principle_explanation; ${SOURCES.bidl}, lynadapter/warp_load_save.py`,
    rewrite: "Lift the state with trailing axes of 1; load first, save last, one flag for each state.",
    check: ({ module }) => (module ? moduleFaults(module.facts, module.text) : []),
    needs: ({ style, module }) =>
      style === "single-step" && module === null ? "the generated PyTorch module (a manifest that names it)" : null,
  },
  {
    id: "LX030",
    severity: "warning",
    title: "potentials stay above -100 where fused operators are used",
    source: `${SOURCES.bidl}, low end of the range of lyn.apu.pfit`,
    rewrite: "Rescale weights and threshold, or use plain operators.",
    check: lowPotentials,
    needs: ({ module, ranges }) =>
      module?.facts.states.some(({ fused }) => fused) && !ranges?.some(({ potential }) => potential)
        ? "the smallest potential of an emulated run"
        : null,
  },
];
