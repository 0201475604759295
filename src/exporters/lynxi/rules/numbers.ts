/** Rules about stored numbers and element types. */
import { FLOAT16_MAX, type RoundingChange, roundArray } from "../emulation/float16.ts";
import { type ElementType, isFloatType, type OnnxTensor, storedTensors, tensorNumbers } from "../onnx/onnx-model.ts";
import { SOURCES } from "./source.ts";
import type { DesignRule, RuleSubject, Violation } from "./subject.ts";

interface StoredFloats {
  tensor: OnnxTensor;
  numbers: ArrayLike<number>;
  change: RoundingChange;
}

/** Two rules look at every stored number; they are rounded once for both. */
const rounded = new WeakMap<RuleSubject, StoredFloats[]>();

function floats(subject: RuleSubject): StoredFloats[] {
  const known = rounded.get(subject);
  if (known) return known;
  const found = storedTensors(subject.model)
    .filter(({ type }) => isFloatType(type) && type !== "bfloat16")
    .map((tensor) => {
      const numbers = tensor.data instanceof Float32Array ? tensor.data : tensorNumbers(tensor);
      return { tensor, numbers, change: roundArray(numbers).change };
    });
  rounded.set(subject, found);
  return found;
}

function notFloat16(subject: RuleSubject): Violation[] {
  return floats(subject)
    .filter(({ change }) => change.count > 0)
    .map(({ tensor, change }) => ({
      place: tensor.name,
      message: `${change.count} of ${tensor.data.length} numbers are no float16 (largest change ${change.largestChange})`,
      // with float32 at the host's side the chip still rounds, but nothing says that the file must hold rounded numbers
      severity: subject.ioType === "float16" ? "error" : "warning",
    }));
}

function outOfRange(subject: RuleSubject): Violation[] {
  return [...storedOutOfRange(subject), ...observedOutOfRange(subject)];
}

/** Above 2048 float16 holds even numbers only: a potential that grows by 1 a step stands still. */
const LARGEST_UNIT_STEP = 2048;

function observedOutOfRange({ ranges }: RuleSubject): Violation[] {
  return (ranges ?? []).flatMap(({ place, lowest, highest, subnormal = 0, nonFinite = 0, potential }): Violation[] => {
    const most = Math.max(Math.abs(lowest), Math.abs(highest));
    if (nonFinite > 0 || most > FLOAT16_MAX || Number.isNaN(most))
      return [{ place, message: `ran from ${lowest} to ${highest}, ${nonFinite} numbers were not finite` }];
    if (potential && most >= LARGEST_UNIT_STEP)
      return [{ place, message: `potentials reached ${most}, where adding 1 changes nothing`, severity: "warning" }];
    if (subnormal === 0) return [];
    const percent = (100 * subnormal).toPrecision(2);
    return [{ place, message: `${percent}% of its numbers were below 6.1e-5`, severity: "warning" }];
  });
}

function storedOutOfRange(subject: RuleSubject): Violation[] {
  return floats(subject).flatMap(({ tensor, numbers, change }): Violation[] => {
    const { overflowed, flushed, subnormal } = change;
    const unusable =
      Array.prototype.filter.call(numbers, (number: number) => !Number.isFinite(number)).length + overflowed;
    if (unusable > 0) return [{ place: tensor.name, message: `${unusable} numbers beyond 65504 or not finite` }];
    if (flushed + subnormal === 0) return [];
    return [
      {
        place: tensor.name,
        message: `${subnormal} numbers below 6.1e-5 keep fewer than 11 bits, ${flushed} become zero`,
        severity: "warning",
      },
    ];
  });
}

const ALLOWED: ReadonlySet<ElementType> = new Set(["float16", "float32", "bool", "int64", "int32", "uint8", "int8"]);
const BYTES: ReadonlySet<ElementType> = new Set(["uint8", "int8"]);

function elementTypes({ model, inference }: RuleSubject): Violation[] {
  const inputs = new Set(model.inputs.map(({ name }) => name));
  const half = model.inputs.some(({ type }) => type === "float16");
  return [...inference.facts].flatMap(([name, { type }]): Violation[] => {
    if (type === "undefined") return [{ place: name, message: "element type unknown, or no tensor at all" }];
    if (!ALLOWED.has(type)) return [{ place: name, message: `element type ${type}` }];
    if (BYTES.has(type) && !inputs.has(name)) return [{ place: name, message: `${type} elsewhere than at an input` }];
    if (half && type === "float32") return [{ place: name, message: "float32 in a graph typed float16" }];
    return [];
  });
}

const IO_TYPES: ReadonlySet<ElementType> = new Set(["float16", "float32", "uint8"]);

function inputOutputTypes({ model, inference }: RuleSubject): Violation[] {
  const sides = { inputs: model.inputs, outputs: model.outputs };
  return Object.entries(sides).flatMap(([side, values]): Violation[] => {
    const types = values.map(({ name, type }) => inference.facts.get(name)?.type ?? type);
    const odd = values.flatMap(({ name }, i) =>
      IO_TYPES.has(types[i]!) ? [] : [{ place: name, message: `element type ${types[i]}` }],
    );
    const mixed =
      new Set(types).size > 1 ? [{ place: side, message: `several element types: ${[...new Set(types)]}` }] : [];
    return [...odd, ...mixed];
  });
}

export const numberRules: readonly DesignRule[] = [
  {
    id: "LX011",
    severity: "error",
    title: "stored numbers are float16 numbers",
    source: `${SOURCES.numerics}`,
    rewrite: "Round once at export and report the largest change.",
    check: notFloat16,
  },
  {
    id: "LX012",
    severity: "error",
    title: "no overflow, no loss of small numbers",
    source: SOURCES.numerics,
    rewrite: "Rescale the layer's weights and threshold together.",
    check: outOfRange,
  },
  {
    id: "LX013",
    severity: "error",
    title: "element types of the chip",
    source: `${SOURCES.tutorial}; ${SOURCES.zoo}`,
    rewrite: "Convert: float16 or float32 for numbers, int64 for shapes, uint8 for image inputs.",
    check: elementTypes,
  },
  {
    id: "LX014",
    severity: "error",
    title: "inputs and outputs are float16, float32 or uint8, one type each",
    source: `${SOURCES.tutorial}; ${SOURCES.zoo}; ${SOURCES.yolo}`,
    rewrite: "Cast on the host.",
    check: inputOutputTypes,
  },
];
