/** A layer of a network: a registry entry with its options, tensors, members and state. The entry holds the behaviour. */
import { fail, formatShape, type RandomStream, type Shape, sizeOf } from "../../core/index.ts";
import { keep, reshape, roundFloat16, Tensor, uniform, Variable } from "../../tensor/index.ts";
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
    yield this as unknown as Layer;
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

  /** A tensor as the arithmetic of this forward pass sees it, or null where the layer has none of that name. */
  parameter(name: string, context: ForwardContext): Tensor | null {
    const tensor = this.parameters.get(name) ?? this.buffers.get(name);
    if (!tensor) return null;
    return context.arithmetic === "float16" ? roundFloat16(tensor) : tensor;
  }

  /** Replaces a tensor; the layer owns it from now on. */
  setTensor(name: string, tensor: Tensor): void {
    const spec = this.specs[name];
    if (!spec) {
      const known = Object.keys(this.specs).join(", ") || "no tensors";
      fail("OPTION", { where: this.label, expected: known, got: `"${name}"` });
    }
    if (sizeOf(spec.shape) !== tensor.size || spec.shape.length !== tensor.shape.length) {
      fail("SHAPE", {
        where: `${this.label} ${name}`,
        expected: formatShape(spec.shape),
        got: formatShape(tensor.shape),
        hint: "Was the checkpoint made for another network?",
      });
    }
    const group = spec.buffer ? this.buffers : this.parameters;
    group.get(name)?.dispose();
    keep(tensor);
    if (!spec.buffer && !tensor.variable) tensor.variable = new Variable(true);
    group.set(name, tensor);
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

  /** `[N, ...]` in step mode s, `[T, N, ...]` in step mode m. */
  forward(x: Tensor, context: ForwardContext): Tensor {
    const exact = this.inStepMode(x, context);
    // containers and neurons round inside
    const rounds = context.arithmetic === "float16" && this.definition.sees === "stateless";
    const output = rounds ? roundFloat16(exact) : exact;
    if (output !== exact && exact !== x) exact.dispose();
    context.observe?.(this as unknown as Layer, output);
    return output;
  }

  private inStepMode(x: Tensor, context: ForwardContext): Tensor {
    const run = (input: Tensor) => this.definition.forward(input, this, context);
    const { sees } = this.definition;
    if (sees === "any" || (sees === "sequence") === (this.stepMode === "m")) return run(x);
    if (sees === "stateless") {
      const [steps = 0, batch = 0, ...rest] = x.shape;
      const output = run(reshape(x, [steps * batch, ...rest]));
      return reshape(output, [steps, batch, ...output.shape.slice(1)]);
    }
    const output = run(reshape(x, [1, ...x.shape]));
    return reshape(output, output.shape.slice(1));
  }

  dispose(): void {
    for (const layer of this.walk()) {
      layer.reset();
      for (const group of [layer.parameters, layer.buffers]) {
        for (const tensor of group.values()) {
          tensor.grad?.dispose();
          tensor.dispose();
        }
        group.clear();
      }
    }
  }
}

function initialTensor({ shape, init }: ParameterSpec, random: RandomStream): Tensor {
  if (init === "zeros") return Tensor.zeros(shape);
  if (init === "ones") return Tensor.ones(shape);
  if ("value" in init) return Tensor.full(shape, init.value);
  return uniform(shape, random, { low: -init.uniform, high: init.uniform });
}
