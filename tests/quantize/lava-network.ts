/** Networks of Blocks from reference cases: geometry and integers from the case's `.net` file, weights as slayer trained them. */
import { RandomStream } from "../../src/core/index.ts";
import {
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Flatten,
  type Layer,
  Linear,
  type Network,
  PoissonEncoder,
  type Reference,
  Sequential,
  SumPool2d,
} from "../../src/model/index.ts";
import {
  Block,
  InputBlock,
  MeanOnlyBatchNorm,
  RecurrentBlock,
  SigmaDelta,
  SigmaDeltaBlock,
  WgtScaleBatchNorm,
} from "../../src/quantize/index.ts";
import { noGrad, scope, Tensor } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference, type ReferenceFile } from "../h5.ts";

const DECAY_ONE = 4096;

interface Source {
  /** `lava_blocks.h5` and the case in it. */
  file: ReferenceFile;
  name: string;
  /** Weight steps per unit of the case. */
  scale: number;
  /** In place of the file's whole number of weight steps. */
  vThreshold?: number;
  /** Whose training arithmetic; by default the chip's. */
  reference?: Reference;
  /** slayer's shift by one step behind every block. */
  shifted?: boolean;
}

/** A layer of a `.net` file. */
interface NetLayer {
  /** Numbers of a dataset, null where there is none. */
  numbers(member: string): number[] | null;
  type: string;
}

function netLayers(net: ReferenceFile): NetLayer[] {
  const paths = net.keys("layer").map((_, i) => `layer/${i}`);
  return paths
    .map((path) => ({
      type: (net.array(`${path}/type`).data as unknown as string[])[0]!,
      numbers: (member: string) =>
        net.has(`${path}/${member}`) ? Array.from(net.array(`${path}/${member}`).data, Number) : null,
    }))
    .filter(({ type, numbers }) => type !== "input" || numbers("neuron/vThMant") !== null);
}

/** The network of a case; block i of slayer is layer `i`. The caller disposes it. */
export async function lavaNetwork(source: Source): Promise<Network> {
  const { file, name } = source;
  const net = await openReference(fixture(...String(file.attribute(name, "net")).split("/")));
  try {
    const [steps = 0, , ...inputShape] = file.array(`${name}/x`).shape;
    const members = netLayers(net).map((layer, i) => memberOf(source, layer, i));
    const network = createNetwork({ inputShape, steps, encoder: PoissonEncoder(), root: Sequential(members) });
    netLayers(net).forEach((layer, i) => {
      fill(source, layer, network, i);
    });
    return network;
  } finally {
    net.close();
  }
}

function memberOf(source: Source, layer: NetLayer, i: number): Layer {
  if (layer.type === "flatten") return Flatten();
  if (layer.numbers("neuron/iDecay") === null) return sigmaDeltaOf(source, layer, i);
  const { scale, reference, shifted = false } = source;
  const extras = { reference, delayShift: shifted };
  const neuron = CubaLIFNode({
    currentDecay: layer.numbers("neuron/iDecay")![0]! / DECAY_ONE,
    voltageDecay: layer.numbers("neuron/vDecay")![0]! / DECAY_ONE,
    vThreshold: source.vThreshold ?? layer.numbers("neuron/vThMant")![0]! / scale,
    scale,
    surrogate: { kind: "LavaExponential" },
  });
  if (layer.type === "input") {
    const [weight, bias] = ["weight", "bias"].map((name) => layer.numbers(name)![0]! / scale);
    return InputBlock({ neuron, weight, bias, ...extras });
  }
  const synapse = synapseOf(source, layer, i);
  if (layer.type === "dense_rec") {
    const size = source.file.array(`${source.name}/weights/layer${i}/recurrent_synapse_float`).shape[0]!;
    const recurrent = Linear({ inFeatures: size, outFeatures: size, bias: false });
    return RecurrentBlock({ synapse, recurrent, neuron, ...extras });
  }
  const delay = source.file.has(`${source.name}/weights/layer${i}/delay`);
  return Block(synapse, neuron, normOf(layer), { ...extras, delay });
}

/** Sigma-delta layers: the first only sends, one with a sigma output only adds up. */
function sigmaDeltaOf(source: Source, layer: NetLayer, i: number): Layer {
  const { scale } = source;
  const sums = layer.numbers("neuron/sigma_output") !== null;
  const part = layer.type === "input" ? "delta" : sums ? "sigma" : "sigmaDelta";
  const neuron = SigmaDelta({ part, scale, threshold: layer.numbers("neuron/vThMant")![0]! / scale });
  return layer.type === "input"
    ? SigmaDeltaBlock({ neuron })
    : SigmaDeltaBlock({ neuron, synapse: synapseOf(source, layer, i) });
}

function synapseOf({ file, name }: Source, layer: NetLayer, i: number): Layer {
  const [kernelSize, stride, padding, dilation] = ["kernelSize", "stride", "padding", "dilation"].map(layer.numbers);
  const window = { kernelSize: kernelSize ?? 1, stride: stride ?? 1, padding: padding ?? 0, dilation: dilation ?? 1 };
  if (layer.type === "pool") return SumPool2d(window);
  const stored = layer.type === "dense_rec" ? "input_synapse_float" : "synapse_";
  const member = file.keys(`${name}/weights/layer${i}`).find((known) => known.startsWith(stored))!;
  const [out = 0, perGroup = 0] = file.array(`${name}/weights/layer${i}/${member}`).shape;
  if (layer.type !== "conv") return Linear({ inFeatures: perGroup, outFeatures: out, bias: false });
  const groups = layer.numbers("groups")![0]!;
  return Conv2d({ inChannels: perGroup * groups, outChannels: out, groups, bias: false, ...window });
}

/** Slayer writes a norm as a bias, with an exponent where it divides. */
function normOf(layer: NetLayer): Layer | undefined {
  const bias = layer.numbers("bias");
  if (!bias) return undefined;
  const options = { numFeatures: bias.length };
  return layer.numbers("neuron/weight_exp") ? WgtScaleBatchNorm(options) : MeanOnlyBatchNorm(options);
}

/** Members of a block with a weight, and what the reference file calls that. */
const STORED: Record<string, string> = {
  synapse: "synapse",
  recurrent: "recurrent_synapse",
};

function fill({ file, name, scale }: Source, layer: NetLayer, network: Network, i: number): void {
  const block = network.layer(`${i}`);
  const at = `${name}/weights/layer${i}`;
  for (const [member, stored] of Object.entries(STORED)) {
    const synapse = block.children.get(member);
    if (!synapse || !("weight" in synapse.specs)) continue;
    const inside = block.children.has("recurrent") && member === "synapse" ? "input_synapse" : stored;
    const whole = !file.has(`${at}/${inside}_float`);
    const numbers = file.floats(`${at}/${inside}_${whole ? "int" : "float"}`);
    const weights = whole ? numbers.map((weight) => weight / scale) : numbers;
    synapse.setTensor("weight", Tensor.from(weights, synapse.specs.weight!.shape));
  }
  const delay = block.children.get("delay");
  if (delay) delay.setTensor("delay", Tensor.from(file.floats(`${at}/delay`), delay.specs.delay!.shape));
  const norm = block.children.get("norm");
  if (!norm) return;
  const means = layer.numbers("bias")!.map((bias) => -bias / scale);
  norm.setTensor("running_mean", Tensor.from(means, [means.length]));
  // a standard deviation of 3/4 of the power of two that it is rounded up to
  const exponent = layer.numbers("neuron/weight_exp")?.[0];
  if (exponent !== undefined) norm.setTensor("running_var", Tensor.from([(0.75 * 2 ** exponent) ** 2], [1]));
}

/** Outputs `[T, N, ...]` of the network's top layers on the stored input. */
export function blockOutputs(network: Network, x: Tensor): Float32Array[] {
  const outputs: Float32Array[] = [];
  scope(() =>
    noGrad(() =>
      network.forwardSequence(x, {
        training: false,
        random: new RandomStream(0),
        observe(layer, output) {
          if (/^\d+$/.test(layer.path)) outputs.push(output.toArray() as Float32Array);
        },
      }),
    ),
  );
  return outputs;
}
