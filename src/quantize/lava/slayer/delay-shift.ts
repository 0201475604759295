/** slayer's one-step shift behind a block, which stands for the step that every layer takes on the chip. */
import { z } from "zod";
import { type LayerDefinition, layerFactory } from "../../../model/index.ts";
import { delaySteps, Tensor } from "../../../tensor/index.ts";
import { continued, DELAY_MAX } from "./axonal-delay.ts";

const options = z.strictObject({
  steps: z.int().min(0).max(DELAY_MAX).default(1).describe("by how many steps"),
});

/** x `[T, N, C, ...]` that many steps later. In graphs a delay. Source: Lava DL, block/base (`delay_shift`). */
export const delayShiftDefinition: LayerDefinition<z.infer<typeof options>, z.input<typeof options>> = {
  kind: "DelayShift",
  summary: "shifts a sequence by whole steps",
  options,
  sees: "sequence",
  rounds: false,
  shape: (input) => input,
  forward(x, layer) {
    const { steps } = layer.options;
    return continued(x, layer, steps, (sequence) => {
      const whole = new Array<number>(sequence.shape[2]!).fill(steps);
      return delaySteps(sequence, Tensor.full([whole.length], steps), whole);
    });
  },
  lower(layer, graph) {
    const { steps } = layer.options;
    if (steps > 0) graph.add("delay", { source: layer.path, shape: graph.current.shape, steps });
  },
};

export const DelayShift = layerFactory(delayShiftDefinition);
