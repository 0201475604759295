/**
 * How a neuron runs that was defined at run time: on a GPU compiled when it is needed first, on the CPU in plain numbers by the interpreter,
 * which is slow. For both the native core's calls, so that the scan knows no difference.
 */
import { type BufferId, core, type NeuronBackward, type NeuronForward } from "../../kernels/index.ts";
import { type Surrogate, surrogateFunction } from "../surrogates/index.ts";
import { type InterpretedForward, interpretBackward, interpretForward } from "./interpret.ts";
import { neuronDefinition } from "./registry.ts";
import { neuronProgram } from "./targets/program.ts";
import { choiceOf, type NeuronVariant } from "./variant.ts";

/** The number under which the core knows the CPU. */
const CPU = -1;

type Call = NeuronForward | NeuronBackward;

/** `device/variant` of what is compiled already. */
const compiled = new Set<string>();

function compile(device: number, variant: NeuronVariant, options: object): void {
  const key = `${device}/${variant.name}`;
  if (compiled.has(key)) return;
  core().compileNeuron(device, variant.name, neuronProgram(choiceOf(variant.kind, options, variant.reading)));
  compiled.add(key);
}

function read(buffer: BufferId, count: number): Float32Array {
  const values = new Float32Array(count);
  core().read(buffer, 0, values);
  return values;
}

function write(buffer: BufferId, values: Float32Array): void {
  if (buffer !== 0) core().write(buffer, 0, values);
}

/** Arrays by name; those that were not given are left out. */
function given(names: readonly string[], buffers: readonly BufferId[], count: number): Record<string, Float32Array> {
  return Object.fromEntries(
    names.flatMap((name, i) => (buffers[i] ? [[name, read(buffers[i]!, count)] as const] : [])),
  );
}

/** The input of all steps `[T, E]`. */
function inputs({ x, steps, elements, repeatedInput }: Call): Float32Array {
  if (!repeatedInput) return read(x, steps * elements);
  const once = read(x, elements);
  return Float32Array.from({ length: steps * elements }, (_, i) => once[i % elements]!);
}

function initialStates({ stateNames }: NeuronVariant, { elements, initialStates, initialValues }: Call) {
  return Object.fromEntries(
    stateNames.map((name, k) => [
      name,
      initialStates[k] ? read(initialStates[k]!, elements) : new Float32Array(elements).fill(initialValues[k]!),
    ]),
  );
}

function runForward(variant: NeuronVariant, options: object, call: Call): InterpretedForward {
  return interpretForward(variant, options, call.steps, inputs(call), initialStates(variant, call));
}

function forward(variant: NeuronVariant, options: object, call: NeuronForward): void {
  const result = runForward(variant, options, call);
  write(call.spike, result.spike);
  for (const [k, name] of variant.savedNames.entries()) write(call.saved[k]!, result.saved[name]!);
  for (const [k, name] of variant.stateNames.entries()) {
    write(call.stateSeqs[k]!, result.stateSeqs[name]!);
    write(call.finalStates[k]!, result.finalStates[name]!);
  }
}

/** Of a repeated input: the sum over the steps, from the last to the first, as the kernels add. */
function sumOverSteps(gradient: Float32Array, elements: number): Float32Array {
  const sum = gradient.slice(gradient.length - elements);
  for (let i = gradient.length - elements - 1; i >= 0; i--) sum[i % elements]! += gradient[i]!;
  return sum;
}

function backward(variant: NeuronVariant, options: object, surrogate: Surrogate, call: NeuronBackward): void {
  const { steps, elements } = call;
  const all = steps * elements;
  const threshold = neuronDefinition(variant.kind).threshold?.(options) ?? 1;
  const gradSpike = call.gradSpike === 0 ? {} : { spike: read(call.gradSpike, all) };
  const result = interpretBackward(variant, options, {
    steps,
    x: inputs(call),
    initialStates: initialStates(variant, call),
    saved: runForward(variant, options, call).saved,
    gradients: {
      ...gradSpike,
      stateSeqs: given(variant.stateNames, call.gradStateSeqs, all),
      saved: given(variant.savedNames, call.gradSaved, all),
      finalStates: given(variant.stateNames, call.gradFinalStates, elements),
    },
    surrogate: surrogateFunction(surrogate, { threshold }),
  });
  write(call.gradX, call.repeatedInput ? sumOverSteps(result.x, elements) : result.x);
  for (const [k, name] of variant.stateNames.entries()) write(call.gradInitialStates[k]!, result.initialStates[name]!);
  call.gradParams.set(result.params);
}

/** The calls of the core for one variant of a registered neuron, with the options that it was made from. */
export function ownKernels(variant: NeuronVariant, options: object, surrogate: Surrogate) {
  /** true: on the CPU. Elsewhere the core knows the variant from now on. */
  const isInterpreted = ({ x }: Call): boolean => {
    const device = core().deviceOf(x);
    if (device !== CPU) compile(device, variant, options);
    return device === CPU;
  };
  return {
    neuronForward(call: NeuronForward): void {
      if (isInterpreted(call)) forward(variant, options, call);
      else core().neuronForward(call);
    },
    neuronBackward(call: NeuronBackward): void {
      if (isInterpreted(call)) backward(variant, options, surrogate, call);
      else core().neuronBackward(call);
    },
  };
}
