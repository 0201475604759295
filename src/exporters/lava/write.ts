/**
 * Writes a `.net` file as Lava DL's slayer does: one group per layer, whole numbers as int64, weights as float32. The bytes depend on the
 * network alone. It writes what it is given; whether Lava can load it is judged by the rules.
 * `gradedSpike` and the like are numbers here, where slayer writes booleans; Lava's loader does not read them.
 */
import { File, type Group, ready } from "h5wasm";
import { fail, writeFileAtomic } from "../../core/index.ts";
import { clearTimeStamps } from "./net/hdf5-stamps.ts";
import {
  type LayerOf,
  type NetArray,
  type NetFile,
  type NetLayer,
  type NetLayerType,
  type NetNeuron,
  type NetValue,
  placeOf,
  scalar,
} from "./net/net-file.ts";

/** A dataset, a nested group, or null for what is absent. */
type Member =
  | { text: string; encoding: "label" | "free" }
  | { whole: NetArray }
  | { float: NetArray }
  | { group: Members }
  | null;
type Members = Record<string, Member>;

const whole = (values: number | readonly number[]): Member => ({
  whole: typeof values === "number" ? scalar(values) : { shape: [values.length], data: Float64Array.from(values) },
});
const float = (array: NetArray | null): Member => array && { float: array };
/** slayer writes a layer's type as an array of one text of ten bytes, and a neuron's as a free text. */
const label = (text: string): Member => ({ text, encoding: "label" });
const free = (text: string): Member => ({ text, encoding: "free" });

function extra(value: NetValue): Member {
  return typeof value === "string" ? free(value) : numbers(value);
}
const numbers = (value: NetArray): Member =>
  value.data.every(Number.isSafeInteger) ? { whole: value } : { float: value };
const extras = (values: Record<string, NetValue>): Members =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, extra(value)]));

function neuronMembers(neuron: NetNeuron | null): Member {
  if (!neuron) return null;
  const { type, vThMant } = neuron;
  const shared = { type: free(type), vThMant: whole(vThMant) };
  if (neuron.type === "SDNN") {
    const own = { activation: free(neuron.activation), sigma_output: neuron.sigmaOutput ? whole(1) : null };
    return { group: { ...shared, ...own, ...extras(neuron.extras) } };
  }
  const decays: Members =
    "iDecay" in neuron
      ? { iDecay: { whole: neuron.iDecay }, vDecay: { whole: neuron.vDecay } }
      : { sinDecay: numbers(neuron.sinDecay), cosDecay: numbers(neuron.cosDecay) };
  return { group: { ...shared, ...decays, ...extras(neuron.extras) } };
}

function denseMembers(layer: LayerOf<"dense" | "dense_rec">): Members {
  const [outputs, inputs] = layer.weight.shape as [number, number];
  return {
    shape: whole(layer.shape),
    inFeatures: whole(inputs),
    outFeatures: whole(outputs),
    weight: float(layer.weight),
    bias: float(layer.bias),
    delay: float(layer.delay),
    neuron: neuronMembers(layer.neuron),
  };
}

function convMembers(layer: LayerOf<"conv" | "convT">): Members {
  const [rows, columns, ...kernelSize] = layer.weight.shape as [number, number, number, number];
  const [outputs, inputs] = layer.type === "conv" ? [rows, columns * layer.groups] : [columns * layer.groups, rows];
  return {
    shape: whole(layer.shape),
    inChannels: whole(inputs),
    outChannels: whole(outputs),
    kernelSize: whole(kernelSize),
    ...stepMembers(layer),
    groups: whole(layer.groups),
    weight: float(layer.weight),
    bias: float(layer.bias),
    delay: float(layer.delay),
    neuron: neuronMembers(layer.neuron),
  };
}

function poolMembers(layer: LayerOf<"pool" | "unpool">): Members {
  return {
    shape: whole(layer.shape),
    kernelSize: whole(layer.kernelSize),
    ...stepMembers(layer),
    weight: float(layer.weight),
    delay: float(layer.delay),
    neuron: neuronMembers(layer.neuron),
  };
}

function stepMembers({ stride, padding, dilation }: LayerOf<"conv" | "convT" | "pool" | "unpool">): Members {
  return { stride: whole(stride), padding: whole(padding), dilation: whole(dilation) };
}

const MEMBERS: { [T in NetLayerType]: (layer: LayerOf<T>) => Members } = {
  input: ({ shape, weight, bias, neuron }) => ({
    shape: whole(shape),
    weight: weight === null ? null : float({ shape: [1], data: Float64Array.of(weight) }),
    bias: bias === null ? null : float({ shape: [1], data: Float64Array.of(bias) }),
    neuron: neuronMembers(neuron),
  }),
  flatten: ({ shape }) => ({ shape: shape && whole(shape) }),
  dense(layer) {
    const complex: Member = layer.imaginary && { group: { real: float(layer.weight), imag: float(layer.imaginary) } };
    return { ...denseMembers(layer), ...(complex ? { weight: complex } : {}) };
  },
  dense_rec: (layer) => ({ ...denseMembers(layer), weight_rec: float(layer.weightRec) }),
  conv: convMembers,
  convT: convMembers,
  pool: poolMembers,
  unpool: poolMembers,
  average: ({ shape }) => ({ shape: whole(shape) }),
  concat: ({ shape, layers }) => ({ shape: shape && whole(shape), layers: layers && whole(layers) }),
  dense_comp: () => ({}),
};

function layerMembers(layer: NetLayer): Members {
  const members = (MEMBERS[layer.type] as (layer: NetLayer) => Members)(layer);
  return { type: label(layer.type), ...members, ...extras(layer.extras) };
}

/** Writes beside and renames. @throws VALUE when a number does not survive as float32, WRITE when the file cannot be written. */
export async function writeNet(net: NetFile, path: string): Promise<void> {
  writeFileAtomic(path, await encodeNet(net));
}

let encoded = 0;

/** The bytes of a `.net` file; the same network gives the same bytes. @throws VALUE when a number does not survive as float32. */
export async function encodeNet(net: NetFile): Promise<Uint8Array> {
  const library = await ready;
  const name = `/write-${encoded++}.h5`;
  try {
    const file = new File(name, "w");
    try {
      const layers = file.create_group("layer");
      for (const [i, layer] of net.layers.entries()) {
        writeMembers(layers.create_group(`${i}`), layerMembers(layer), placeOf(i));
      }
      if (net.simulation) {
        const { ts, tSample } = net.simulation;
        writeMembers(file.create_group("simulation"), { Ts: whole(ts), tSample: whole(tSample) }, "/simulation");
      }
    } finally {
      file.close();
    }
    const bytes = library.FS.readFile(name);
    clearTimeStamps(bytes);
    return bytes;
  } finally {
    library.FS.unlink(name);
  }
}

function writeMembers(group: Group, members: Members, place: string): void {
  for (const [name, member] of Object.entries(members)) {
    if (!member) continue;
    if ("group" in member) writeMembers(group.create_group(name), member.group, `${place}/${name}`);
    else if ("text" in member) {
      const fixed = member.encoding === "label" ? { shape: [1], dtype: "A10" } : {};
      group.create_dataset({ name, data: [member.text], shape: [], ...fixed });
    } else if ("whole" in member) {
      group.create_dataset({
        name,
        data: BigInt64Array.from(member.whole.data as never, BigInt),
        shape: member.whole.shape,
      });
    } else {
      group.create_dataset({
        name,
        data: float32Exactly(member.float.data, `${place}/${name}`),
        shape: member.float.shape,
      });
    }
  }
}

function float32Exactly(values: Float64Array, where: string): Float32Array {
  const rounded = Float32Array.from(values);
  const wrong = values.findIndex((value, i) => value !== rounded[i]);
  if (wrong >= 0)
    fail("VALUE", { where: `.net file: ${where}`, expected: "numbers that float32 holds", got: `${values[wrong]}` });
  return rounded;
}
