/**
 * A network: an encoder, a tree of layers, the number of time-steps and the shape of a sample. It runs, prints, lowers and describes
 * itself as JSON. It does not train (`train/`) and knows no chip (`exporters/`).
 */
import { z } from "zod";
import { fail, formatShape, parseWith, positiveInteger, RandomStream, type Shape, sizeOf } from "../core/index.ts";
import { mean, noGrad, scope, type Tensor } from "../tensor/index.ts";
import { type Encoder, encoderDefinitions, encoderFromDescription } from "./encoders/index.ts";
import { type Graph, GraphBuilder } from "./graph.ts";
import { initializationStream } from "./streams.ts";
import type { ForwardContext, StepMode } from "./layers/define.ts";
import type { Layer } from "./layers/layer.ts";
import { describeLayer, type LayerRegistry, layerFromDescription } from "./layers/registry.ts";

const layerJson: z.ZodType<{ kind: string; [option: string]: unknown }> = z.looseObject({ kind: z.string() });

/** JSON description of a network, as it stands in configs and checkpoints. */
export const networkSchema = z.strictObject({
  inputShape: z.array(positiveInteger).min(1).describe("shape of one sample: [C,H,W] or [F]"),
  steps: positiveInteger.describe("number of time-steps T"),
  encoder: layerJson.default({ kind: "ConstantEncoder" }).describe("how a sample becomes a sequence"),
  root: layerJson.describe("the layers: usually a Sequential"),
});
export type NetworkDescription = z.infer<typeof networkSchema>;

export interface NetworkParts {
  inputShape: Shape;
  steps: number;
  encoder: Encoder;
  // biome-ignore lint/suspicious/noExplicitAny: the root may be a layer of any option type
  root: Layer<any>;
}

export class Network {
  readonly inputShape: Shape;
  readonly steps: number;
  readonly encoder: Encoder;
  readonly root: Layer;

  constructor(parts: NetworkParts) {
    this.inputShape = parts.inputShape;
    this.steps = parts.steps;
    this.encoder = parts.encoder;
    this.root = parts.root as Layer;
    this.root.place("");
    setStepMode(this, "m");
    this.outputShape();
  }

  /** All layers, parents first. */
  layers(): Layer[] {
    return [...this.root.walk()];
  }

  layer(path: string): Layer {
    return (
      this.layers().find((layer) => layer.path === path) ??
      fail("OPTION", { where: "network", expected: `a layer "${path}"`, got: "none" })
    );
  }

  /** Shape of one step of one sample at the output; checks every layer on the way. */
  outputShape(): Shape {
    return this.root.outputShape(this.inputShape);
  }

  /** Trainable tensors by their PyTorch names (`conv_fc.0.weight`). */
  parameters(): Map<string, Tensor> {
    return this.tensors((layer) => layer.parameters);
  }

  /** Parameters and buffers, as a PyTorch `state_dict`. */
  stateDict(): Map<string, Tensor> {
    return this.tensors((layer) => new Map([...layer.parameters, ...layer.buffers]));
  }

  private tensors(of: (layer: Layer) => Map<string, Tensor>): Map<string, Tensor> {
    const named = new Map<string, Tensor>();
    for (const layer of this.layers()) {
      for (const [name, tensor] of of(layer)) named.set(layer.path === "" ? name : `${layer.path}.${name}`, tensor);
    }
    return named;
  }

  parameterCount(): number {
    return [...this.parameters().values()].reduce((sum, tensor) => sum + tensor.size, 0);
  }

  /** Encodes samples `[N, ...]` to `[T, N, ...]`. */
  encode(samples: Tensor, random: RandomStream): Tensor {
    return noGrad(() => this.encoder.encode(samples, this.steps, random));
  }

  /** Runs an encoded sequence `[T, N, ...]`: returns the output sequence `[T, N, F]`. Neurons keep their state until `resetNet`. */
  forwardSequence(sequence: Tensor, context: ForwardContext): Tensor {
    const shape = sequence.shape.slice(2);
    if (sizeOf(shape) !== sizeOf(this.inputShape) || shape.length !== this.inputShape.length) {
      fail("SHAPE", {
        where: "network input",
        expected: `[T, N, ${this.inputShape.join(", ")}]`,
        got: formatShape(sequence.shape),
      });
    }
    return this.root.forward(sequence, context);
  }

  /** Firing rates `[N, F]` of samples `[N, ...]`: encode, run, mean over time. */
  forward(samples: Tensor, context: ForwardContext): Tensor {
    const sequence = this.encode(samples, context.random);
    const output = this.forwardSequence(sequence, context);
    sequence.dispose();
    const rates = mean(output, [0]);
    output.dispose();
    return rates;
  }

  /** Rates `[N, F]` in evaluation mode, without gradients, from a fresh state. */
  predict(samples: Tensor, random: RandomStream): Tensor {
    resetNet(this);
    try {
      return noGrad(() => scope(() => this.forward(samples, { training: false, random })));
    } finally {
      resetNet(this);
    }
  }

  /** The chip-neutral graph, with a copy of the current parameters. */
  lower(): Graph {
    const builder = new GraphBuilder(this.steps);
    builder.add("input", {
      source: "input",
      shape: this.inputShape,
      form: this.encoder.form,
      values: this.encoder.values,
    });
    this.root.definition.lower(this.root, builder);
    builder.add("rateOutput", { source: "output", shape: builder.current.shape });
    return builder.build();
  }

  describe(): NetworkDescription {
    return {
      inputShape: [...this.inputShape],
      steps: this.steps,
      encoder: this.encoder.describe(),
      root: describeLayer(this.root),
    };
  }

  dispose(): void {
    this.root.dispose();
  }
}

/** Makes a network and its initial parameters from layers given in code. `seed` decides every initial number. */
export function createNetwork(parts: NetworkParts, seed = 0): Network {
  const network = new Network(parts);
  network.root.initialize(initializationStream(seed));
  return network;
}

/** Makes a network from its JSON description. */
export function networkFromDescription(description: unknown, registry: LayerRegistry, seed = 0): Network {
  const { inputShape, steps, encoder, root } = parseWith(networkSchema, description, "network");
  return createNetwork(
    {
      inputShape,
      steps,
      encoder: encoderFromDescription(encoder, encoderDefinitions),
      root: layerFromDescription(root, registry),
    },
    seed,
  );
}

/** Forgets the state of every layer (membrane potentials, dropout masks). Call it after every batch. SpikingJelly's `reset_net`. */
export function resetNet(network: Network | Layer): void {
  for (const layer of layersOf(network)) layer.reset();
}

/** Single step (`s`, input `[N, ...]`) or multi step (`m`, input `[T, N, ...]`) for every layer. */
export function setStepMode(network: Network | Layer, mode: StepMode): void {
  for (const layer of layersOf(network)) layer.stepMode = mode;
}

function layersOf(network: Network | Layer): Iterable<Layer> {
  return network instanceof Network ? network.layers() : network.walk();
}
