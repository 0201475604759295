/** What proves a Lynxi graph: equal to the network in float32 and in emulated float16, with what float16 itself changes reported beside. */
import type { Network } from "../../model/index.ts";
import { float32Twin } from "../../quantize/index.ts";
import type { ComparisonPlan } from "../target.ts";

/** A sum whose order differs may move a potential across its threshold when it lies within 1e-5 of it. */
const MAX_FLOAT32_FLIPS = 1e-4;
/** The same for sums rounded to float16: the allowance between two emulations. */
const MAX_FLOAT16_FLIPS = 1e-3;
/** Acceptance of float16 against float32: the last spiking layer. */
const MAX_ROUNDING_FLIPS = 2e-2;

/** Three comparisons, in this order: float32 graph, float16 emulation, and float16 against float32. */
export function lynxiComparisons(prepared: Network): { plans: ComparisonPlan[]; dispose(): void } {
  const twin = float32Twin(prepared);
  return {
    plans: [
      {
        title: "float32 network and graph in ONNX Runtime",
        network: twin,
        mode: "float32",
        contract: {
          maxFlipRate: MAX_FLOAT32_FLIPS,
          minPredictionAgreement: 0.995,
          statement: "The graph in float32 gives the network's spikes, except where a potential lies on its threshold within rounding.",
        },
      },
      {
        title: "float16 network and float16 emulation of the graph",
        network: prepared,
        mode: "chip",
        contract: {
          maxFlipRate: MAX_FLOAT16_FLIPS,
          minPredictionAgreement: 0.99,
          statement: "The graph with every result rounded to float16 gives the spikes of the network that was fine-tuned with the same rounding.",
        },
      },
      {
        title: "float32 network and float16 emulation of the graph",
        network: twin,
        mode: "chip",
        contract: {
          maxFlipRate: MAX_ROUNDING_FLIPS,
          minPredictionAgreement: 0.98,
          statement: "Rounding to float16 changes few spikes and hardly any prediction.",
        },
      },
    ],
    dispose: () => twin.dispose(),
  };
}
