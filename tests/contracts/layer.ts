/** The suite that every layer entry runs: what `LayerDefinition` promises, for one entry with example options. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { RandomStream, sizeOf } from "../../src/core/index.ts";
import {
  ConstantEncoder,
  createNetwork,
  describeLayer,
  type ForwardContext,
  GraphBuilder,
  type Layer,
  type LayerRegistry,
  layerFromDescription,
  loadCheckpoint,
  type Network,
  type NodeKind,
  resetNet,
  saveCheckpoint,
  setStepMode,
} from "../../src/model/index.ts";
import {
  backward,
  bernoulli,
  countNonFinite,
  mul,
  noGrad,
  scope,
  sum,
  Tensor,
  toDtype,
  uniform,
  Variable,
  withPrecision,
} from "../../src/tensor/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";

/** A tensor of a layer: shape, and how it begins. `bound`: evenly between -bound and bound. */
export interface ExpectedTensor {
  shape: number[];
  bound?: number;
  value?: number;
}

export interface LayerCase {
  /** JSON of the layer: only what has no default, or what the case is about. */
  description: { kind: string; [option: string]: unknown };
  /** Shape of one step of one sample. */
  input: number[];
  /** A shape that does not fit; none: every shape does. */
  refuses?: number[];
  /** Inputs are 0 and 1; otherwise any numbers. */
  spikes?: boolean;
  /** Tensors by their PyTorch names, members' names in front. */
  tensors?: Record<string, ExpectedTensor>;
  /** It sees whole sequences only, so there is no single step to compare with. */
  wholeSequence?: true;
  /** Its graph has branches, which are compared elsewhere; otherwise every node reads the one before it. */
  branches?: true;
  /** Graph nodes that it becomes; `null`: it cannot stand alone. */
  lowersTo: NodeKind[] | null;
}

const [STEPS, BATCH] = [3, 2];
const folder = temporaryFolder();

function inputOf(layerCase: LayerCase): Tensor {
  const shape = [STEPS, BATCH, ...layerCase.input];
  const random = new RandomStream(11);
  if (layerCase.spikes) return scope(() => bernoulli(Tensor.full(shape, 0.6), random));
  return uniform(shape, random, { low: -1, high: 2 });
}

const context = (training: boolean): ForwardContext => ({ training, random: new RandomStream(5) });

/** Step t of a sequence `[T, N, ...]`. */
function stepOf(sequence: Tensor, t: number): Tensor {
  const shape = sequence.shape.slice(1);
  const size = sizeOf(shape);
  return Tensor.from(sequence.toArray().slice(t * size, (t + 1) * size), shape);
}

function withLayer<R>(layerCase: LayerCase, registry: LayerRegistry, body: (layer: Layer, network: Network) => R): R {
  const root = layerFromDescription(layerCase.description, registry);
  const parts = { inputShape: layerCase.input, steps: STEPS, encoder: ConstantEncoder(), root };
  const network = createNetwork(parts, 3);
  try {
    return scope(() => body(root, network));
  } finally {
    network.dispose();
  }
}

/** Whether training takes statistics of the batch, so that one step and a whole sequence rightly differ. */
const hasStatistics = (network: Network) => network.layers().some(({ buffers }) => buffers.size > 0);

export function layerContract(layerCase: LayerCase, registry: LayerRegistry): void {
  const { description, input } = layerCase;
  const { kind } = description;
  const make = <R>(body: (layer: Layer, network: Network) => R) => withLayer(layerCase, registry, body);

  describe(`${kind} keeps the layer contract`, () => {
    it("is made from JSON, and its description makes the same layer", () => {
      make((layer) => {
        const json: unknown = JSON.parse(JSON.stringify(describeLayer(layer)));
        const again = layerFromDescription(json, registry);
        expect(again.kind).toBe(kind);
        expect(describeLayer(again)).toEqual(describeLayer(layer));
        expect(JSON.parse(JSON.stringify(describeLayer(again)))).toEqual(json);
      });
    });

    it("refuses an unknown option and names the nearest one", () => {
      make((layer) => {
        const [known] = Object.keys(layer.options);
        if (known === undefined) throw new Error("a layer without options has no unknown ones");
        const { code, message } = errorOf(() =>
          layerFromDescription({ ...description, [`${known}x`]: 1 }, registry, "network.root"),
        );
        expect(code).toBe("OPTION");
        expect(message).toContain("network.root");
        expect(message).toContain(`"${known}x". Did you mean "${known}"?`);
      });
    });

    it("knows its output shape without running, in both step modes", () => {
      make((layer, network) => {
        const shape = layer.outputShape(input);
        const sequence = inputOf(layerCase);
        expect(layer.forward(sequence, context(false)).shape).toEqual([STEPS, BATCH, ...shape]);
        resetNet(network);
        if (layerCase.wholeSequence) return;
        setStepMode(network, "s");
        expect(layer.forward(stepOf(sequence, 0), context(false)).shape).toEqual([BATCH, ...shape]);
      });
    });

    it.skipIf(layerCase.wholeSequence)("gives the same bits step by step as for the whole sequence", () => {
      make((layer, network) => {
        for (const training of hasStatistics(network) ? [false] : [false, true]) {
          const sequence = inputOf(layerCase);
          setStepMode(network, "m");
          const whole = noGrad(() => layer.forward(sequence, context(training)));
          resetNet(network);
          setStepMode(network, "s");
          const drawn = context(training);
          const steps = Array.from({ length: STEPS }, (_, t) =>
            noGrad(() => layer.forward(stepOf(sequence, t), drawn).toArray()),
          );
          resetNet(network);
          expect(steps.flatMap((step) => [...step])).toEqual([...whole.toArray()]);
        }
      });
    });

    const wrong = layerCase.refuses;
    if (wrong) {
      it("names itself and a wrong input", () => {
        make((layer, network) => {
          const { code, message } = errorOf(() => layer.outputShape(wrong));
          expect(code).toBe("SHAPE");
          expect(message).toMatch(/^[A-Za-z0-9]+( "[a-z0-9.]+")?: expected /);
          const ran = errorOf(() => network.root.forward(Tensor.zeros([STEPS, BATCH, ...wrong]), context(false)));
          expect(ran.message).toBe(message);
        });
      });
    }

    it("holds the tensors of its PyTorch namesake, begun as there", () => {
      make((_, network) => {
        const expected = layerCase.tensors ?? {};
        const state = network.stateDict();
        expect([...state.keys()].sort()).toEqual(Object.keys(expected).sort());
        for (const [name, { shape, bound, value }] of Object.entries(expected)) {
          const tensor = state.get(name)!;
          expect(tensor.shape, name).toEqual(shape);
          const numbers = [...(tensor.toArray() as Float32Array)];
          if (value !== undefined) expect(numbers, name).toEqual(numbers.map(() => Math.fround(value)));
          if (bound !== undefined) expectEvenly(numbers, bound, name);
        }
      });
    });

    it("comes back from a checkpoint as it was", () => {
      make((layer, network) => {
        const path = join(folder, `${kind}.safetensors`);
        saveCheckpoint(path, network);
        const { network: loaded } = loadCheckpoint(path, registry);
        try {
          expect(loaded.describe()).toEqual(network.describe());
          const sequence = inputOf(layerCase);
          const run = (net: Network) => [...noGrad(() => net.root.forward(sequence, context(false)).toArray())];
          expect(run(loaded)).toEqual(run(network));
          expect(layer.kind).toBe(loaded.root.kind);
        } finally {
          loaded.dispose();
        }
      });
    });

    it.each(["bfloat16", "float16"] as const)("takes an input in %s, whose gradient is of its type", (precision) => {
      make((layer, network) => {
        const x = toDtype(inputOf(layerCase), precision);
        x.variable = new Variable(true);
        const body = () => {
          const output = toDtype(layer.forward(x, context(true)), "float32");
          backward(sum(mul(output, uniform(output.shape, new RandomStream(2)))));
          return output;
        };
        const output = withPrecision(precision, body, { activations: "half" });
        expect(countNonFinite(output)).toBe(0);
        expect(x.grad!.dtype).toBe(precision);
        for (const [name, { grad }] of network.parameters()) {
          expect(grad?.dtype, `gradient of ${name}`).toBe("float32");
          expect(countNonFinite(grad!), `gradient of ${name}`).toBe(0);
        }
      });
    });

    it("lets a gradient flow to its input and to every parameter", () => {
      make((layer, network) => {
        const data = inputOf(layerCase);
        const x = Tensor.from(data.toArray(), data.shape, { requiresGrad: true });
        const output = layer.forward(x, context(true));
        backward(sum(mul(output, uniform(output.shape, new RandomStream(2)))));
        for (const [name, tensor] of [["input", x] as const, ...network.parameters()]) {
          expect(
            tensor.grad?.toArray().some((value) => value !== 0),
            `gradient of ${name}`,
          ).toBe(true);
        }
      });
    });

    it(
      layerCase.lowersTo ? `lowers to ${layerCase.lowersTo.join(", ") || "nothing"}` : "refuses to be lowered alone",
      () => {
        make((layer) => {
          const graph = new GraphBuilder(STEPS);
          graph.add("input", { source: "input", shape: input, form: "sequence", values: "spikes" });
          if (!layerCase.lowersTo) {
            expect(errorOf(() => layer.definition.lower(layer, graph)).code).toBe("TARGET");
            return;
          }
          layer.definition.lower(layer, graph);
          const { nodes } = graph.build();
          expect(nodes.slice(1).map((node) => node.kind)).toEqual(layerCase.lowersTo);
          expect(graph.current.shape).toEqual(layer.outputShape(input));
          if (layerCase.branches) return;
          nodes.slice(1).forEach((node, i) => {
            expect(node.inputs).toEqual([nodes[i]!.id]);
          });
        });
      },
    );
  });
}

/** Numbers within a bound that fill most of its range. */
function expectEvenly(numbers: readonly number[], bound: number, name: string): void {
  const largest = Math.max(...numbers.map(Math.abs));
  expect(largest, `${name}: largest of ${numbers.length}`).toBeLessThanOrEqual(Math.fround(bound));
  // eight even draws all below half the bound: 1 in 256, and the seed is fixed
  if (numbers.length >= 8) expect(largest, name).toBeGreaterThan(bound / 2);
  expect(new Set(numbers).size, `${name}: different numbers`).toBeGreaterThan(numbers.length / 2);
}
