/** What proves a Loihi file: the prepared network and the simulated chip must agree in every spike. */
import type { Network } from "../../../model/index.ts";
import type { ComparisonPlan } from "../../target.ts";

export function loihiComparisons(prepared: Network): { plans: ComparisonPlan[]; dispose(): void } {
  return {
    plans: [
      {
        title: "prepared network and simulated Loihi",
        network: prepared,
        mode: "chip",
        contract: {
          maxFlipRate: 0,
          minPredictionAgreement: 1,
          statement:
            "The simulated chip, reading the written file, gives the spikes of the prepared network: every layer, every step, no exception.",
        },
      },
    ],
    dispose() {},
  };
}
