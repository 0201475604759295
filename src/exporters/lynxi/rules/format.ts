/** Rules about the file as a file: versions, names, dead parts. */
import { encodedSize } from "../onnx/encode.ts";
import { storedTensors } from "../onnx/onnx-model.ts";
import { withoutDeadParts } from "../onnx/onnx-prune.ts";
import { SOURCES } from "./source.ts";
import type { DesignRule, RuleSubject, Violation } from "./subject.ts";

function versions({ model }: RuleSubject): Violation[] {
  const violations: Violation[] = [];
  if (model.opset < 11 || model.opset > 13)
    violations.push({ place: "file", message: `operator set ${model.opset}, seen is 11` });
  if (model.irVersion > 7) violations.push({ place: "file", message: `IR version ${model.irVersion}, above 7` });
  return violations;
}

/** Protobuf's own limit for one message. */
const LARGEST_FILE = 2 ** 31 - 1;

function oneFile({ model }: RuleSubject): Violation[] {
  const external = storedTensors(model)
    .filter((tensor) => tensor.external)
    .map(({ name }) => ({ place: name, message: "numbers in another file" }));
  const bytes = encodedSize(model);
  return bytes > LARGEST_FILE ? [...external, { place: "file", message: `${bytes} bytes` }] : external;
}

function names({ model }: RuleSubject): Violation[] {
  const violations: Violation[] = [];
  const seen = new Set<string>();
  const written = [
    ...model.inputs.map(({ name }) => name),
    ...model.initializers.map(({ name }) => name),
    ...model.nodes.flatMap(({ outputs }, i) =>
      outputs.filter((name, at) => name !== "" || at === 0).map((name) => name || `(node ${i})`),
    ),
  ];
  for (const name of written) {
    if (name.startsWith("(node ")) violations.push({ place: name, message: "an output without a name" });
    else if (name === "") violations.push({ place: "file", message: "an empty name" });
    else if (seen.has(name)) violations.push({ place: name, message: "written twice" });
    seen.add(name);
  }
  for (const { name } of [...model.inputs, ...model.outputs]) {
    if (!/^[A-Za-z0-9_.]+$/.test(name))
      violations.push({ place: name, message: "a name with other signs than letters, digits, _ and ." });
  }
  return violations;
}

function deadParts({ model }: RuleSubject): Violation[] {
  const live = withoutDeadParts(model);
  const reached = new Set(live.nodes);
  const read = new Set([...live.nodes.flatMap(({ inputs }) => inputs), ...live.outputs.map(({ name }) => name)]);
  return [
    ...model.inputs
      .filter(({ name }) => !read.has(name))
      .map(({ name }) => ({ place: name, message: "an input that no output needs" })),
    ...model.nodes
      .filter((node) => !reached.has(node))
      .map(({ name }) => ({ place: name, message: "a node that no output needs" })),
    ...model.initializers
      .filter(({ name }) => !read.has(name))
      .map(({ name }) => ({ place: name, message: "stored numbers that no output needs" })),
  ];
}

export const formatRules: readonly DesignRule[] = [
  {
    id: "LX022",
    severity: "warning",
    title: "operator set 11 to 13, IR version up to 7",
    source: `${SOURCES.tracker}; ${SOURCES.zoo} (operator set 11)`,
    rewrite: "Export again; avoid Squeeze, Unsqueeze, Split and ReduceSum, whose axes moved at 13.",
    check: versions,
  },
  {
    id: "LX023",
    severity: "error",
    title: "one file below 2 GB",
    source: SOURCES.onnx,
    rewrite: "Save with the data inline.",
    check: oneFile,
  },
  {
    id: "LX024",
    severity: "error",
    title: "names are unique and plain",
    source: `${SOURCES.onnx}; ${SOURCES.tutorial} (inputs are given by name)`,
    rewrite: "Rename.",
    check: names,
  },
  {
    id: "LX025",
    severity: "warning",
    title: "nothing unused",
    source: SOURCES.onnx,
    rewrite: "Remove it.",
    check: deadParts,
  },
];
