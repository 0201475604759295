/**
 * The single step as a PyTorch module: the nodes of the ONNX step translated one by one, the states between custom::load and custom::save,
 * hard-reset neurons in fused operators. This is the form whose states can stay on the chip; Lyngor's ONNX reader has no public counterpart.
 * Source of the operators and their arguments: GitHub LynxiTech/BIDL, lynadapter/warp_load_save.py, and BIDL_doc_en, api_neu.rst.
 */
import { formatShape, sha256 } from "../../../core/index.ts";
import { toFloat16Bits } from "../emulation/float16.ts";
import type { LoweredLayer, Lowering } from "../lower.ts";
import type { OnnxModel, OnnxNode } from "../onnx/onnx-model.ts";
import type { ModuleState, StepModule } from "../rules/step-module.ts";
import type { LoweredState, StepFacts, StepNeuron } from "./facts.ts";
import { type FusedNeuron, fusedNeuron, fusedStatements, neuronComment } from "./fused-neuron.ts";
import { MODULE_FILE, MODULE_HEAD, moduleTail, WEIGHTS_FILE } from "./module-frame.ts";
import { npzBytes } from "./npz.ts";
import { PythonNames, quoted } from "./python-names.ts";
import { expressionOf, shapesOf } from "./python-operators.ts";
import { STEP_OUTPUT } from "./states.ts";

export interface TorchModule {
  facts: StepModule;
  text: string;
  weights: Uint8Array;
}

/**
 * `lowering`: of `lowerStep` with four axes. `identity`: what no other network has, such as its graph's hash; the states' flags come from it.
 * @throws TARGET for an operator that has no translation.
 */
export function torchModule(lowering: Lowering & { step: StepFacts }, identity: string): TorchModule {
  const writer = new ModuleWriter(lowering, identity);
  const body = writer.forward();
  return {
    facts: { file: MODULE_FILE, weights: WEIGHTS_FILE, states: writer.states },
    text: `${MODULE_HEAD}    def forward(self, x):\n${body}${moduleTail(lowering.step.readout)}`,
    weights: npzBytes(writer.weights()),
  };
}

class ModuleWriter {
  readonly states: ModuleState[];
  readonly #model: OnnxModel;
  readonly #layers: readonly LoweredLayer[];
  readonly #step: StepFacts;
  readonly #names: PythonNames;
  readonly #shapeOf: (value: string) => readonly number[];
  /** States whose old value is still read after the new one is known: assigned and saved at the end. */
  readonly #late: ReadonlySet<string>;
  readonly #fused: ReadonlyMap<StepNeuron, FusedNeuron | null>;

  constructor({ model, layers, step }: Lowering & { step: StepFacts }, identity: string) {
    this.#model = model;
    this.#layers = layers;
    this.#step = step;
    this.#shapeOf = shapesOf(model);
    this.#fused = new Map(step.neurons.map((neuron) => [neuron, fusedNeuron(neuron)]));
    this.#late = new Set(step.states.filter((state) => isLate(state, model)).map(({ input }) => input));
    const steady = step.states.filter(({ input }) => !this.#late.has(input));
    this.#names = new PythonNames(model, steady);
    this.states = step.states.map((state) => this.moduleState(state, identity));
  }

  weights() {
    return this.#names.attributes.map(({ name, shape, data }) => ({
      name: this.#names.variable(name),
      shape,
      // the graph's numbers are float16 numbers, whatever they are typed
      bits: data instanceof Uint16Array ? data : toFloat16Bits(data as Float32Array),
    }));
  }

  forward(): string {
    const written = new Set<OnnxNode>();
    const blocks = this.#layers.map((layer) => this.layerBlock(layer, written));
    const rest = this.#model.nodes.filter((node) => !written.has(node)).map((node) => this.statement(node));
    const late = this.states.filter((_, index) => this.#late.has(this.#step.states[index]!.input));
    const ends = late.flatMap((state) => {
      const { output } = this.#step.states[this.states.indexOf(state)]!;
      return [`${state.variable} = ${this.#names.variable(output)}`, saveStatement(state)];
    });
    const last = [...rest, ...ends, `return ${this.#names.variable(STEP_OUTPUT)}`];
    return [...blocks.filter((block) => block.length > 0), last]
      .map((block) => block.map((line) => `        ${line}\n`).join(""))
      .join("\n");
  }

  /** Statements of a layer: loads first, saves last. */
  private layerBlock(layer: LoweredLayer, written: Set<OnnxNode>): string[] {
    const names = new Set(layer.nodes);
    const nodes = this.#model.nodes.filter(({ name }) => names.has(name));
    for (const node of nodes) written.add(node);
    const neuron = this.#step.neurons.find(({ states }) =>
      nodes.some(({ inputs }) => inputs.some((i) => states.includes(i))),
    );
    const fused = neuron ? (this.#fused.get(neuron) ?? null) : null;
    const own = this.states.filter((_, index) => this.belongs(this.#step.states[index]!, layer, nodes));
    if (nodes.length === 0 && own.length === 0) return [];
    return [
      neuron ? neuronComment(neuron, fused) : `# ${quoted(layer.layer)}: ${layer.kind} ${formatShape(layer.shape)}`,
      ...own.map(loadStatement),
      ...(neuron && fused ? this.fusedBlock(neuron, fused, nodes) : nodes.map((node) => this.statement(node))),
      ...own.filter((state) => !this.#late.has(this.inputOf(state))).map(saveStatement),
      ...(neuron ? [`self.watch(${quoted(neuron.layer)}, ${this.#names.variable(neuron.spikes)})`] : []),
    ];
  }

  private fusedBlock(neuron: StepNeuron, fused: FusedNeuron, nodes: readonly OnnxNode[]): string[] {
    const before = nodes.filter(({ outputs }) => outputs[0] === neuron.input);
    const behind = nodes.filter(({ op, inputs }) => op === "Reshape" && inputs[0] === neuron.spikes);
    return [
      ...before.map((node) => this.statement(node)),
      ...fusedStatements(neuron, fused, this.#names),
      ...behind.map((node) => this.statement(node)),
    ];
  }

  private statement(node: OnnxNode): string {
    const expression = expressionOf(node, this.#names, this.#shapeOf);
    return `${this.#names.variable(node.outputs[0]!)} = ${expression}`;
  }

  /** A delay of one step has no node of its own: its state is known by the layer's path. */
  private belongs(
    { input, layer, role }: LoweredState,
    { layer: path, kind }: LoweredLayer,
    nodes: readonly OnnxNode[],
  ) {
    if (role === "delay") return kind === "delay" && path === layer;
    return nodes.some(({ inputs }) => inputs.includes(input));
  }

  private inputOf(state: ModuleState): string {
    return this.#step.states[this.states.indexOf(state)]!.input;
  }

  private moduleState({ layer, input, shape, start }: LoweredState, identity: string): ModuleState {
    const neuron = this.#step.neurons.find(({ states }) => states.includes(input));
    return {
      layer,
      variable: this.#names.variable(input),
      flag: uuidOf(`${identity} ${input}`),
      shape,
      start,
      fused: neuron !== undefined && this.#fused.get(neuron) !== null,
      sharedParameters: true,
    };
  }
}

/** Its old value is read by a node behind the one that makes the new value, or by layers behind its own. */
function isLate({ role, input, output }: LoweredState, { nodes }: OnnxModel): boolean {
  if (role === "delay") return true;
  const written = nodes.findIndex(({ outputs }) => outputs.includes(output));
  return nodes.some(({ inputs }, at) => at > written && inputs.includes(input));
}

const loadStatement = ({ variable, flag, shape, start }: ModuleState): string =>
  `${variable} = load(torch.${start === 1 ? "ones" : "zeros"}(${shape.join(", ")}), ${quoted(flag)})`;
const saveStatement = ({ variable, flag }: ModuleState): string => `${variable} = save(${variable}, ${quoted(flag)})`;

/** A UUID (version 8, RFC 9562) of a text: the same network always gets the same flags, another one others. */
function uuidOf(text: string): string {
  const hex = sha256(text);
  const variant = "89ab"[Number.parseInt(hex[16]!, 16) % 4]!;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
