/** Rules about stored numbers and element types. */
import { type RoundingChange, roundArray } from "../float16.ts";
import { type ElementType, isFloatType, type OnnxTensor, storedTensors, tensorNumbers } from "../onnx-model.ts";
import type { DesignRule, RuleSubject, Violation } from "../rules.ts";
import { SOURCES } from "./source.ts";

function floats(subject: RuleSubject): { tensor: OnnxTensor; change: RoundingChange }[] {
  return storedTensors(subject.model)
    .filter(({ type }) => isFloatType(type) && type !== "bfloat16")
    .map((tensor) => ({ tensor, change: roundArray(tensorNumbers(tensor)).change }));
}

function notFloat16(subject: RuleSubject): Violation[] {
  return floats(subject)
    .filter(({ change }) => change.count > 0)
    .map(({ tensor, change }) => ({
      place: tensor.name,
      message: `${change.count} of ${tensor.data.length} numbers are no float16 (largest change ${change.largestChange})`,
    }));
}

function outOfRange(subject: RuleSubject): Violation[] {
  return floats(subject).flatMap(({ tensor, change }): Violation[] => {
    const { overflowed, flushed, subnormal } = change;
    const unusable = tensorNumbers(tensor).filter((number) => !Number.isFinite(number)).length + overflowed;
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
