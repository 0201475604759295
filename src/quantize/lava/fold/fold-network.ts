/**
 * The float network that a chip of synapses and neurons can hold: batch norms folded, means made sums, every neuron behind one synapse. It
 * computes what the network computed (but for the last bits of float sums); nothing is quantized here. What has no such form is refused.
 */
import type { Shape } from "../../../core/index.ts";
import {
  BATCH_NORM_KINDS,
  CubaLIFNode,
  copyLayer,
  isSpikingLayer,
  type Layer,
  type Network,
} from "../../../model/index.ts";
import { foldBatchNorm, foldsInto } from "../../lynxi/fold.ts";
import type { Change } from "../../study.ts";
import { Block } from "../block.ts";
import { asCubaNeuron } from "../neuron.ts";
import { refuse } from "../refusal.ts";
import { sigmaDeltaBlockDefinition } from "../slayer/sigma-delta-block.ts";
import { expectBiasHeld, expectSynapse } from "../synapse.ts";
import type { ImageWindow } from "./compose-windows.ts";
import { firesAtThreshold, inputDivisor, neuronWith, thresholdOf } from "./fold-neuron.ts";
import {
  divideWeights,
  mergePoolBehind,
  poolAsSum,
  refusePool,
  SUMMING_POOLS,
  scaleDrive,
  sumPoolOf,
} from "./fold-pools.ts";
import { NEAREST } from "./nearest.ts";
import { overlapOf } from "./overlap.ts";
import { type FoldedPart, type Folding, KEPT, type Leaf, layersOf, leavesOf, ownCopy, takesSums } from "./parts.ts";

const SYNAPSES = ["Conv2d", "Linear"];

/** @throws TARGET with the first layer that has no form on the chip, before anything is kept */
export function foldNetwork({ root, inputShape }: Network): Folding {
  if (root.kind !== "Sequential") {
    refuse(root, "a Sequential of layers as the network", root.kind, "Put the layers into a Sequential.");
  }
  const folder = new Folder(leavesOf(root), inputShape);
  try {
    return folder.fold();
  } catch (error) {
    folder.dispose();
    throw error;
  }
}

class Folder {
  readonly #parts: FoldedPart[] = [];
  readonly #changes: Change[] = [];
  /** A synapse that waits for its neuron, with the image shape before it and the factor its neuron's threshold takes over. */
  #pending: {
    names: string[];
    synapse: Layer;
    before: Shape;
    thresholdFactor: number;
    overlap: number;
    divisor: number;
  } | null = null;
  /** Means that became sums wait for the next synapse, which divides. */
  #divisor = 1;
  /** The window of a pool that the next synapse takes up in the file. */
  #window: ImageWindow | null = null;
  #shape: Shape;
  /** `[H, W]` behind that pool. */
  #pooled: Shape = [];
  /** Only 0 and 1 arrive here. */
  #spikes = true;

  constructor(
    private readonly leaves: readonly Leaf[],
    inputShape: Shape,
  ) {
    this.#shape = inputShape;
  }

  fold(): Folding {
    this.leaves.forEach((leaf, i) => {
      this.#take(leaf, this.leaves[i + 1]?.layer ?? null, this.#behindKept(i));
      this.#shape = leaf.layer.outputShape(this.#shape);
    });
    if (this.#pending) this.#refusePending(null);
    return { parts: this.#parts, changes: this.#changes };
  }

  dispose(): void {
    this.#pending?.synapse.dispose();
    for (const part of this.#parts) for (const layer of layersOf(part)) layer.dispose();
  }

  /** The next leaf that is more than a flatten or a dropout. */
  #behindKept(i: number): Layer | null {
    const rest = this.leaves.slice(i + 1).map(({ layer }) => layer);
    return rest.find(({ kind }) => kind !== "Flatten" && kind !== "Dropout") ?? null;
  }

  #take(leaf: Leaf, next: Layer | null, nextWorking: Layer | null): void {
    const { layer } = leaf;
    if (isSpikingLayer(layer)) this.#takeNeuron(layer);
    else if (BATCH_NORM_KINDS.includes(layer.kind)) this.#takeNorm(layer);
    else if (SUMMING_POOLS.includes(layer.kind)) this.#takePool(leaf, next, nextWorking);
    else if (layer.kind === "MaxPool2d") this.#takeMaximum(leaf);
    else if (KEPT.includes(layer.kind)) this.#keep(leaf);
    else this.#takeSynapse(leaf);
  }

  #keep({ names, layer }: Leaf): void {
    if (this.#pending) this.#refusePending(layer);
    this.#parts.push({ names, layer: copyLayer(layer) });
    if (layer.kind === sigmaDeltaBlockDefinition.kind) this.#spikes = false;
    else if (layer.kind !== "Flatten" && layer.kind !== "Dropout") this.#spikes = true;
  }

  #takeSynapse({ names, layer }: Leaf): void {
    if (!SYNAPSES.includes(layer.kind)) {
      const nearest = NEAREST[layer.kind];
      if (nearest) nearest(layer);
      expectSynapse(layer);
    }
    if (this.#pending) this.#refusePending(layer);
    const synapse = ownCopy(layer);
    const divisor = this.#divisor;
    if (this.#divisor !== 1) {
      divideWeights(synapse, this.#divisor);
      this.#note(
        layer,
        `weights divided by ${this.#divisor}, because the mean before them became a sum`,
        synapse.tensor("weight").size,
      );
      this.#divisor = 1;
    }
    const overlap = this.#window ? overlapOf(this.#window, synapse, this.#pooled) : 1;
    this.#window = null;
    this.#pending = { names, synapse, before: this.#shape, thresholdFactor: 1, overlap, divisor };
  }

  #takeNorm(norm: Layer): void {
    const before = this.#pending;
    if (!("running_mean" in norm.specs)) {
      const hint = "The chip knows no other samples: train with trackRunningStats: true.";
      refuse(norm, "running statistics, which fold into weights", "trackRunningStats false", hint);
    }
    if (!before || !foldsInto(before.synapse, norm)) {
      const hint = "A batch norm folds into the Conv2d or Linear right before it: put it there.";
      refuse(norm, "a layer with weights before the batch norm of its shape", before?.synapse.label ?? "none", hint);
    }
    const folded = foldBatchNorm(before.synapse, norm);
    folded.path = before.synapse.path;
    before.synapse.dispose();
    before.synapse = folded;
    this.#note(norm, `batch norm folded into ${folded.label}, whose bias it becomes`, this.#shape[0]!);
  }

  #takePool(leaf: Leaf, next: Layer | null, nextWorking: Layer | null): void {
    const { layer: pool, names } = leaf;
    const sum = poolAsSum(pool, this.#shape);
    if (this.#pending) {
      const { synapse, before } = this.#pending;
      const merged = mergePoolBehind(synapse, pool, sum, before.slice(1));
      synapse.dispose();
      this.#pending.synapse = merged;
      const { kernelSize } = merged.options as { kernelSize: number[] };
      this.#note(
        pool,
        `pool merged into ${merged.label}: one convolution with a window of ${kernelSize.join("x")}`,
        merged.tensor("weight").size,
      );
      return;
    }
    if (next && isSpikingLayer(next)) {
      const synapse = sumPoolOf(sum);
      synapse.path = pool.path;
      this.#pending = { names, synapse, before: this.#shape, thresholdFactor: sum.divisor, overlap: 1, divisor: 1 };
      return;
    }
    if (pool.kind === "SumPool2d" && takesSums(nextWorking)) {
      this.#parts.push({ names, layer: copyLayer(pool) });
      this.#spikes = false;
      return;
    }
    if (!nextWorking || !SYNAPSES.includes(nextWorking.kind)) refusePool(pool, nextWorking);
    this.#divisor = sum.divisor;
    this.#window = sum.window;
    this.#pooled = pool.outputShape(this.#shape).slice(1);
    this.#parts.push({ names, layer: sumPoolOf(sum) });
    this.#spikes = false;
    const what = sum.divisor === 1 ? "pool" : "mean over a window made a sum and";
    this.#note(pool, `${what} carried to ${nextWorking.label}, into whose layer the file merges it`, 1);
  }

  /** Over spikes a maximum is an OR, and that is a neuron which fires on any spike. */
  #takeMaximum({ names, layer }: Leaf): void {
    if (this.#pending || !this.#spikes) {
      const got = this.#pending ? `the sums of ${this.#pending.synapse.label}` : "sums";
      refuse(
        layer,
        "spikes to take the maximum of",
        got,
        "Put the neuron before the MaxPool2d: over spikes it is an OR, which the chip has.",
      );
    }
    const { divisor: _, ...sum } = poolAsSum(layer, this.#shape);
    const any = CubaLIFNode({ currentDecay: 1, voltageDecay: 0, vThreshold: 0, scale: 64 });
    this.#parts.push({ names, layer: Block(sumPoolOf({ ...sum, divisor: 1 }), any, undefined, { delayShift: false }) });
    this.#note(
      layer,
      "maximum over spikes made the OR that it is: a block of its own, whose neurons fire on any spike",
      1,
    );
  }

  #takeNeuron(layer: Layer): void {
    const pending = this.#pending;
    if (!pending) {
      const hint = "Put a Conv2d, Linear or pool before it.";
      refuse(layer, "a synapse right before the neuron", "none", hint);
    }
    const { names, synapse, thresholdFactor, overlap } = pending;
    const divisor = inputDivisor(layer);
    const [factor, shrunk] =
      synapse.kind === "SumPool2d" ? [thresholdFactor * divisor, 1] : [thresholdFactor, pending.divisor * divisor];
    const neuron = neuronWith(layer, {
      ...(divisor === 1 ? {} : { decayInput: false }),
      ...(factor === 1 ? {} : { vThreshold: thresholdOf(layer) * factor }),
    });
    this.#parts.push({ names, synapse, neuron, overlap, divisor: shrunk });
    this.#pending = null;
    this.#spikes = true;
    expectBiasHeld(synapse, asCubaNeuron(neuron));
    if (divisor !== 1) this.#divideInput(synapse, neuron, divisor);
    if (factor !== 1)
      this.#note(layer, `threshold times ${factor}, because the mean or the division before it became a sum`, 1);
    if (firesAtThreshold(layer))
      this.#note(layer, "fires above its threshold instead of at it, as the chip does", 1, false);
  }

  /** decayInput divides what arrives by tau: the weights do that as well. */
  #divideInput(synapse: Layer, neuron: Layer, tau: number): void {
    if (synapse.kind === "SumPool2d") return;
    scaleDrive(synapse, 1 / tau);
    this.#note(
      neuron,
      `division of the input by tau = ${tau} moved into the weights of ${synapse.label}`,
      synapse.tensor("weight").size,
    );
  }

  #refusePending(next: Layer | null): never {
    // a layer that the chip could not hold anyway is the better news
    if (next && !KEPT.includes(next.kind)) NEAREST[next.kind]?.(next);
    const hint = "Every layer on Loihi has a neuron: pairs of synapse and neuron become blocks.";
    return refuse(
      this.#pending!.synapse,
      "an IFNode, LIFNode or CubaLIFNode right behind it",
      next?.label ?? "nothing",
      hint,
    );
  }

  #note(layer: Layer, what: string, count: number, exact = true): void {
    this.#changes.push({ place: layer.path, what, count, exact });
  }
}
