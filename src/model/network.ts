/**
 * A network: an encoder, a tree of layers, the number of time-steps and the shape of a sample. It runs, lowers and describes itself
 * as JSON (`description.ts` reads that back). It does not train (`train/`) and knows no chip (`exporters/`).
 */
import { fail, formatShape, type RandomStream, type Shape, sameShape } from "../core/index.ts";
import { type Device, devices } from "../kernels/index.ts";
import { mean, noGrad, scope, type Tensor, withDevice } from "../tensor/index.ts";
import type { NetworkDescription } from "./description.ts";
import type { Encoder } from "./encoders/index.ts";
import { type Graph, GraphBuilder } from "./graph.ts";
import type { ForwardContext, StepMode } from "./layers/define.ts";
import type { Layer } from "./layers/layer.ts";
import { describeLayer } from "./layers/registry.ts";
import { initializationStream } from "./streams.ts";

export interface NetworkParts {
  inputShape: Shape;
  steps: number;
  encoder: Encoder;
  root: Layer;
}

export class Network {
  readonly inputShape: Shape;
  readonly steps: number;
  readonly encoder: Encoder;
  readonly root: Layer;
  #device: Device = devices().current;

  constructor(parts: NetworkParts) {
    this.inputShape = parts.inputShape;
    this.steps = parts.steps;
    this.encoder = parts.encoder;
    this.root = parts.root;
    this.root.place("");
    expectEachOnce(this.layers());
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
    return this.#tensors((layer) => layer.parameters);
  }

  /** Parameters and buffers, as a PyTorch `state_dict`. */
  stateDict(): Map<string, Tensor> {
    return this.#tensors((layer) => new Map([...layer.parameters, ...layer.buffers]));
  }

  #tensors(of: (layer: Layer) => Map<string, Tensor>): Map<string, Tensor> {
    const named = new Map<string, Tensor>();
    for (const layer of this.layers()) {
      for (const [name, tensor] of of(layer)) named.set(layer.path === "" ? name : `${layer.path}.${name}`, tensor);
    }
    return named;
  }

  /** Where the network runs. */
  get device(): Device {
    return this.#device;
  }

  /**
   * Moves parameters, buffers and states to a device: "cpu", "cuda", "cuda:1" or "auto". They stay the same tensors, so an optimizer that knows
   * them goes on. Returns this network. @throws OPTION when there is no such device
   */
  to(device: string): this {
    const target = devices().named(device);
    for (const layer of this.layers()) layer.to(target);
    this.#device = target;
    return this;
  }

  parameterCount(): number {
    return [...this.parameters().values()].reduce((sum, tensor) => sum + tensor.size, 0);
  }

  /** Encodes samples `[N, ...]`, which may lie on any device, to `[T, N, ...]` on the network's. */
  encode(samples: Tensor, random: RandomStream): Tensor {
    this.#expectInput(samples, 1);
    return withDevice(this.#device, () =>
      noGrad(() => scope(() => this.encoder.encode(samples.to(this.#device), this.steps, random))),
    );
  }

  /** Runs an encoded sequence `[T, N, ...]`: returns the output sequence `[T, N, F]`. Neurons keep their state until `resetNet`. */
  forwardSequence(sequence: Tensor, context: ForwardContext): Tensor {
    this.#expectInput(sequence, 2);
    return this.root.forward(sequence, context);
  }

  #expectInput({ shape }: Tensor, leading: number): void {
    if (sameShape(shape.slice(leading), this.inputShape)) return;
    fail("SHAPE", {
      where: "network input",
      expected: `[${[..."TN"].slice(-leading).join(",")},${this.inputShape.join(",")}]`,
      got: formatShape(shape),
      hint: "inputShape is the shape of one sample.",
    });
  }

  /** Firing rates `[N, F]` of samples `[N, ...]`: encode, run, mean over time. */
  forward(samples: Tensor, context: ForwardContext): Tensor {
    return scope(() => this.rates(this.encode(samples, context.random), context));
  }

  /** Firing rates `[N, F]` of an encoded sequence `[T, N, ...]`: run, mean over time. */
  rates(sequence: Tensor, context: ForwardContext): Tensor {
    return scope(() => mean(this.forwardSequence(sequence, context), [0]));
  }

  /** Rates `[N, F]` in evaluation mode, without gradients, from a fresh state. */
  predict(samples: Tensor, random: RandomStream): Tensor {
    resetNet(this);
    try {
      return noGrad(() => this.forward(samples, { training: false, random }));
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

/** A layer object has one place, one state and one set of tensors. */
function expectEachOnce(layers: readonly Layer[]): void {
  const met = new Set<Layer>();
  for (const layer of layers) {
    if (met.has(layer)) {
      fail("OPTION", {
        where: `network, ${layer.label}`,
        expected: "a layer object of its own for every place",
        got: "the same object twice",
        hint: "Make a second layer.",
      });
    }
    met.add(layer);
  }
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
