/** Verdicts: what passes, what does not, and the sentences that say so. */
import { describe, expect, it } from "vitest";
import type { Finding, LayerTrace, TargetContract } from "../../src/exporters/index.ts";
import { type Comparison, compareLayers, compareRuns, formatShare, judge } from "../../src/verify/index.ts";

const EXACT: TargetContract = { maxFlipRate: 0, minPredictionAgreement: 1, statement: "Identical." };
const CLOSE: TargetContract = { maxFlipRate: 0.25, minPredictionAgreement: 0.5, statement: "Close." };

const trace = (layer: string, data: number[]): LayerTrace => ({
  layer,
  shape: [data.length, 1, 1],
  data: Uint8Array.from(data),
});

function comparison(ours: number[], theirs: number[], answers: [number, number] = [0, 0]): Comparison {
  const side = (answer: number) => Float32Array.from([answer === 0 ? 1 : 0, answer === 1 ? 1 : 0, 1, 0]);
  return {
    layers: compareLayers([trace("conv1", ours)], [trace("conv1", theirs)]),
    predictions: compareRuns(side(answers[0]), side(answers[1]), [0, 0]),
  };
}

describe("judge", () => {
  it("passes an exact contract when nothing differs", () => {
    const verdict = judge(EXACT, comparison([1, 0, 1, 1], [1, 0, 1, 1]));
    expect(verdict).toEqual({
      passed: true,
      statement: "Identical.",
      checks: [
        { subject: "layer conv1", passed: true, sentence: "All 4 values are equal." },
        {
          subject: "predictions",
          passed: true,
          sentence: "Both sides name the same class for 2 of 2 samples (100%); all must agree.",
        },
      ],
      notes: [],
    });
  });

  it("breaks an exact contract at one value and says where it is", () => {
    const verdict = judge(EXACT, comparison([1, 0, 1, 1], [1, 0, 0, 1]));
    expect(verdict.passed).toBe(false);
    expect(verdict.checks[0]).toEqual({
      subject: "layer conv1",
      passed: false,
      sentence: "1 of 4 values differs (25%); none may. The first: step 2, sample 0, neuron [0]: trained 1, chip 0.",
    });
  });

  it("keeps a tolerant contract up to its limit and breaks it above", () => {
    expect(judge(CLOSE, comparison([1, 0, 1, 1], [1, 0, 0, 1])).passed).toBe(true);
    expect(judge(CLOSE, comparison([1, 0, 1, 1], [0, 0, 0, 1])).passed).toBe(false);
  });

  it("judges answers apart from spikes", () => {
    const parted = comparison([1], [1], [0, 1]);
    expect(judge(CLOSE, parted).passed).toBe(true);
    const strict = judge(EXACT, parted);
    expect(strict.passed).toBe(false);
    expect(strict.checks.at(-1)?.sentence).toContain("sample 0 of class 0, trained 0, chip 1");
  });

  it("does not pass a comparison of no layers or of empty ones", () => {
    const { predictions } = comparison([1], [1]);
    const empty: LayerTrace = { layer: "conv1", shape: [0, 1, 1], data: new Uint8Array(0) };
    expect(judge(CLOSE, { layers: [], predictions }).passed).toBe(false);
    expect(judge(CLOSE, { layers: compareLayers([empty], [empty]), predictions }).passed).toBe(false);
  });

  it("breaks on an error while the file ran, and only notes a warning", () => {
    const event: Finding = {
      rule: "wrap",
      severity: "error",
      place: "fc1",
      message: "3 states wrapped",
      source: "the neuron's model",
    };
    const equal = comparison([1], [1]);
    expect(judge(EXACT, { ...equal, events: [event] })).toMatchObject({ passed: false });
    const warned = judge(EXACT, { ...equal, events: [{ ...event, severity: "warning" }] });
    expect(warned).toMatchObject({ passed: true, notes: ["fc1: 3 states wrapped"] });
  });

  it("notes layers in which no neuron fired", () => {
    expect(judge(EXACT, comparison([0, 0], [0, 0])).notes).toEqual([
      "No neuron fired in conv1, so little is shown there.",
    ]);
  });
});

describe("formatShare", () => {
  it.each([
    [0, "0%"],
    [1, "100%"],
    [0.5, "50%"],
    [0.98765, "98.77%"],
    [1 / 3_000_000, "0.000033%"],
    [1 - 1 / 3_000_000, "99.999967%"],
    [1e-12, "0.0000000001%"],
  ])("writes %d as %s, never as all or nothing when it is not", (share, text) => {
    expect(formatShare(share)).toBe(text);
  });
});
