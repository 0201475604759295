/** Compares what two runs predicted: classes, agreement, accuracy, ties. The class of a sample is its largest rate; the first one wins a tie. */
import { fail } from "../core/index.ts";

export interface Disagreement {
  sample: number;
  label: number;
  trained: number;
  chip: number;
}

export interface RunComparison {
  samples: number;
  classes: number;
  /** Samples for which both sides predict the same class, and their share. */
  agreeing: number;
  agreement: number;
  trainedCorrect: number;
  chipCorrect: number;
  trainedAccuracy: number;
  chipAccuracy: number;
  /** Samples whose largest rate is shared by several classes. */
  trainedTies: number;
  chipTies: number;
  /** Samples whose rates are equal in every class. */
  equalRates: number;
  largestRateDifference: number;
  firstDisagreement: Disagreement | null;
}

interface Prediction {
  class: number;
  tie: boolean;
}

/** Class of row `row` of rates `[N, F]`. */
function predict(rates: Float32Array, row: number, classes: number): Prediction {
  const start = row * classes;
  let best = 0;
  let tie = false;
  for (let c = 1; c < classes; c++) {
    const rate = rates[start + c]!;
    const largest = rates[start + best]!;
    if (rate > largest) {
      best = c;
      tie = false;
    } else if (rate === largest) tie = true;
  }
  return { class: best, tie };
}

/**
 * Compares rates `[N, F]` of two runs on the same samples with their labels `[N]` (0 to F - 1).
 * @throws SHAPE when the numbers of samples or classes differ, VALUE on a rate that is not finite or a label that is no class.
 */
export function compareRuns(trained: Float32Array, chip: Float32Array, labels: ArrayLike<number>): RunComparison {
  const samples = labels.length;
  const classes = checkRates(trained, chip, labels);
  const sums = { agreeing: 0, trainedCorrect: 0, chipCorrect: 0, trainedTies: 0, chipTies: 0, equalRates: 0 };
  let largestRateDifference = 0;
  let firstDisagreement: Disagreement | null = null;
  for (let sample = 0; sample < samples; sample++) {
    const [ours, theirs, label] = [predict(trained, sample, classes), predict(chip, sample, classes), labels[sample]!];
    const difference = rateDifference(trained, chip, sample, classes);
    largestRateDifference = Math.max(largestRateDifference, difference);
    if (difference === 0) sums.equalRates++;
    if (ours.class === label) sums.trainedCorrect++;
    if (theirs.class === label) sums.chipCorrect++;
    if (ours.tie) sums.trainedTies++;
    if (theirs.tie) sums.chipTies++;
    if (ours.class === theirs.class) sums.agreeing++;
    else firstDisagreement ??= { sample, label, trained: ours.class, chip: theirs.class };
  }
  return {
    samples,
    classes,
    ...sums,
    agreement: sums.agreeing / samples,
    trainedAccuracy: sums.trainedCorrect / samples,
    chipAccuracy: sums.chipCorrect / samples,
    largestRateDifference,
    firstDisagreement,
  };
}

function rateDifference(a: Float32Array, b: Float32Array, row: number, classes: number): number {
  let largest = 0;
  for (let i = row * classes; i < (row + 1) * classes; i++) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}

/** The number of classes. */
function checkRates(trained: Float32Array, chip: Float32Array, labels: ArrayLike<number>): number {
  const classes = trained.length / labels.length;
  if (labels.length === 0 || !Number.isInteger(classes) || classes === 0 || chip.length !== trained.length) {
    fail("SHAPE", {
      where: "rates [N, F] of the trained network and of the chip",
      expected: "the same number of classes for each of at least one sample",
      got: `${trained.length} and ${chip.length} rates for ${labels.length} labels`,
    });
  }
  for (const [side, rates] of Object.entries({ "trained network": trained, chip })) {
    const broken = rates.findIndex((rate) => !Number.isFinite(rate));
    if (broken >= 0) {
      fail("VALUE", {
        where: `rates of the ${side}, sample ${Math.floor(broken / classes)}, class ${broken % classes}`,
        expected: "a finite rate",
        got: `${rates[broken]}`,
      });
    }
  }
  checkLabels(labels, classes);
  return classes;
}

function checkLabels(labels: ArrayLike<number>, classes: number): void {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      fail("VALUE", { where: `label ${i}`, expected: `a class from 0 to ${classes - 1}`, got: `${label}` });
    }
  }
}

/**
 * How often a sample of each class (row) was taken for each class (column): `[F][F]` counts from rates `[N, F]` and labels `[N]`.
 * @throws SHAPE and VALUE as `compareRuns` does.
 */
export function confusionMatrix(rates: Float32Array, labels: ArrayLike<number>): number[][] {
  const classes = checkRates(rates, rates, labels);
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let sample = 0; sample < labels.length; sample++) {
    counts[labels[sample]!]![predict(rates, sample, classes).class]!++;
  }
  return counts;
}
