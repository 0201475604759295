/** What the lowering of one node is given and gives: a value on its way, a refusal, and the graph being built. */
import type { GraphNode, NodeKind, NodeOf } from "../../../model/index.ts";
import type { BuiltValue, OnnxBuilder } from "../onnx/onnx-builder.ts";

export type NeuronForm = "shift" | "exact";

/** What the graph holds of a neuron layer. */
export interface NeuronFacts {
  layer: string;
  kind: string;
  vThreshold: number;
  /** Null: soft reset, the threshold is subtracted. */
  vReset: number | null;
  /** `shift`: the state is v - vReset. `exchange` is lynxi_exchange's form, which this exporter never writes. */
  form: "plain" | "shift" | "exchange";
  /** Name of the value that holds the spikes `[T, N, L]`. */
  spikes: string;
}

/** A value on its way through the network. */
export interface Flow {
  value: BuiltValue;
  /** One step of one sample. */
  shape: number[];
  /** True: rows are `[T*N]`. False: the same for every step, rows are `[N]`. */
  timed: boolean;
}

/** Why a node has no place on the chip, and the way out. */
export interface Refusal {
  /** The design rule it would break. */
  rule: string;
  expected: string;
  got: string;
  hint: string;
}

export interface NodeLowering<N extends GraphNode> {
  refuse(node: N, inputs: readonly GraphNode[]): Refusal | null;
  lower(node: N, inputs: readonly Flow[], context: LoweringContext): Flow;
}

/** An answer for every kind of node: a missing one does not compile. */
export type NodeLowerings = { [K in NodeKind]: NodeLowering<NodeOf<K>> };

export class LoweringContext {
  readonly neurons = new Map<string, NeuronFacts>();

  constructor(
    readonly builder: OnnxBuilder,
    readonly steps: number,
    readonly batch: number,
    readonly neuronForm: NeuronForm = "shift",
  ) {}

  rows(timed: boolean): number {
    return timed ? this.steps * this.batch : this.batch;
  }

  /** The flow with a time axis: repeated T times where it had none. */
  timed(flow: Flow, name: string): Flow {
    if (flow.timed) return flow;
    return { ...flow, value: this.builder.repeatRows(name, flow.value, this.steps), timed: true };
  }
}
