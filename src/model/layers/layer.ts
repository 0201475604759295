/** A layer of a network: a registry entry with its options, tensors, members and state. The entry holds the behaviour. */
import { expectShape, fail, type RandomStream, type Shape } from "../../core/index.ts";
import { type Device, inPlace } from "../../kernels/index.ts";
import {
  keep,
  repeatLeading,
  reshape,
  roundFloat16,
  scope,
  Tensor,
  uniform,
  Variable,
  withDeviceOf,
} from "../../tensor/index.ts";
import type { ForwardContext, LayerDefinition, ParameterSpec, StepMode } from "./define.ts";

export class Layer<O extends object = object> {
  /** Place in the network: `conv_fc.0`. Empty for the root. */
  path = "";
  stepMode: StepMode = "s";
  readonly children: Map<string, Layer>;
  /** Trainable tensors and buffers by name, once `initialize` or a checkpoint made them. */
  readonly parameters = new Map<string, Tensor>();
  readonly buffers = new Map<string, Tensor>();
  /** What the layer remembers between calls, until `reset`. */
  readonly state = new Map<string, Tensor>();

  constructor(
    readonly definition: LayerDefinition<O>,
    readonly options: O,
  ) {
    this.children = new Map(Object.entries(definition.children?.(options) ?? {}));
  }

  get kind(): string {
    return this.definition.kind;
  }

  /** `Conv2d "conv_fc.4"`, for messages. */
  get label(): string {
    return this.path === "" ? this.kind : `${this.kind} "${this.path}"`;
  }

  get specs(): Record<string, ParameterSpec> {
    return this.definition.parameters?.(this.options) ?? {};
  }

  /** This layer and everything below it, parents first. */
  *walk(): Generator<Layer> {
    yield this;
    for (const child of this.children.values()) yield* child.walk();
  }

  /** Names the layer and its members by their place. */
  place(path: string): void {
    this.path = path;
    for (const [name, child] of this.children) child.place(path === "" ? name : `${path}.${name}`);
  }

  /** Shape of one step of one sample behind this layer. */
  outputShape(input: Shape): Shape {
    return this.definition.shape(input, this.options, this.label);
  }

  /** Creates the layer's tensors (and its members') with PyTorch's default initialisation. */
  initialize(random: RandomStream): void {
    for (const [name, spec] of Object.entries(this.specs)) this.setTensor(name, initialTensor(spec, random));
    for (const child of this.children.values()) child.initialize(random);
  }

  /** A tensor by name; fails when the layer was not initialised. */
  tensor(name: string): Tensor {
    return (
      this.parameters.get(name) ??
      this.buffers.get(name) ??
      fail("STATE", {
        where: this.label,
        expected: `the tensor "${name}"`,
        got: "none",
        hint: "Make the network with createNetwork() or load a checkpoint first.",
      })
    );
  }

  /** A tensor as this forward pass sees it (quantized, rounded), or null where the layer has none of that name. */
  parameter(name: string, context: ForwardContext): Tensor | null {
    if (!this.specs[name]) return null;
    const tensor = this.tensor(name);
    const quantized = context.quantize?.(tensor, name) ?? tensor;
    return context.arithmetic === "float16" ? roundFloat16(quantized) : quantized;
  }

  /** Replaces a tensor; the layer owns it from now on, and moves it to where the one before lay. */
  setTensor(name: string, tensor: Tensor): void {
    const spec = this.specs[name];
    if (!spec) {
      const known = Object.keys(this.specs).join(", ") || "no tensors";
      fail("OPTION", { where: this.label, expected: known, got: `"${name}"` });
    }
    expectShape(`${this.label} ${name}`, tensor.shape, spec.shape, OTHER_NETWORK);
    const group = spec.buffer ? this.buffers : this.parameters;
    const before = group.get(name);
    if (before && !before.disposed) tensor.relocate(before.device);
    if (before !== tensor) before?.dispose();
    keep(tensor);
    if (!spec.buffer && !tensor.variable) tensor.variable = new Variable(true);
    group.set(name, tensor);
  }

  /** Moves the layer's tensors and state to a device; they stay the same tensors, except for states, through which gradients flow. */
  to(device: Device): void {
    for (const group of [this.parameters, this.buffers]) for (const tensor of group.values()) tensor.relocate(device);
    for (const [name, tensor] of this.state) if (tensor.device !== device) this.remember(name, tensor.to(device));
  }

  /** Forgets the state of this layer only. */
  reset(): void {
    for (const tensor of this.state.values()) tensor.dispose();
    this.state.clear();
  }

  /** Remembers a tensor until `reset`; the layer owns it. */
  remember(name: string, tensor: Tensor): void {
    const before = this.state.get(name);
    if (before !== tensor) before?.dispose();
    this.state.set(name, keep(tensor));
  }

  /** x `[N, ...]` in step mode s, `[T, N, ...]` in step mode m; returns the output in the same form. */
  forward(x: Tensor, context: ForwardContext): Tensor {
    return inPlace(this, () => withDeviceOf(x, () => this.#forward(x, context)));
  }

  #forward(x: Tensor, context: ForwardContext): Tensor {
    return scope(() => {
      const exact = this.#inStepMode(x, context);
      const rounds = context.arithmetic === "float16" && this.definition.rounds !== false && exact !== x;
      const output = rounds ? everyStep(exact, roundFloat16) : exact;
      context.observe?.(this, output);
      return output;
    });
  }

  #inStepMode(x: Tensor, context: ForwardContext): Tensor {
    const run = (input: Tensor) => this.definition.forward(input, this, context);
    const { sees } = this.definition;
    if (sees === "any") return run(x);
    // the message of a wrong shape names the layer; that of an operation could not
    this.outputShape(x.shape.slice(this.stepMode === "m" ? 2 : 1));
    if ((sees === "sequence") === (this.stepMode === "m")) return run(x);
    if (sees === "stateless") {
      const [steps = 0, batch = 0, ...rest] = x.shape;
      if (x.once) return everyStep(x, (step) => this.definition.forward(step, this, { ...context, repeats: steps }));
      const output = run(reshape(x, [steps * batch, ...rest]));
      return reshape(output, [steps, batch, ...output.shape.slice(1)]);
    }
    const output = run(reshape(x, [1, ...x.shape]));
    return reshape(output, output.shape.slice(1));
  }

  /** Frees the tensors and states of this layer and its members. */
  dispose(): void {
    for (const layer of this.walk()) {
      layer.reset();
      for (const group of [layer.parameters, layer.buffers]) {
        for (const tensor of group.values()) tensor.dispose();
        group.clear();
      }
    }
  }
}

/** An operation that treats all steps of `[T, ...]` alike; where they are equal (`repeatLeading`) one of them is enough. */
function everyStep(x: Tensor, operation: (x: Tensor) => Tensor): Tensor {
  return x.once ? repeatLeading(operation(x.once), x.shape[0]!) : operation(x);
}

/** Way out where a tensor does not fit its place. */
export const OTHER_NETWORK = "Was the file made for another network?";

function initialTensor({ shape, init }: ParameterSpec, random: RandomStream): Tensor {
  if (init === "zeros") return Tensor.zeros(shape);
  if (init === "ones") return Tensor.ones(shape);
  if ("values" in init) return Tensor.from(init.values, shape);
  if ("value" in init) return Tensor.full(shape, init.value);
  const [low, high] = "range" in init ? init.range : [-init.uniform, init.uniform];
  return uniform(shape, random, { low, high });
}
