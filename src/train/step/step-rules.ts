/** What the core is told about an optimizer's step besides tensors: the config's part, and what becomes of gradients. */
import { unreachable } from "../../core/index.ts";
import type { OptimizerStep } from "../../kernels/index.ts";
import type { OptimizerConfig } from "../optimizer-config.ts";

/** What becomes of gradients before they are used. They themselves stay as they are. */
export interface StepRules {
  /** Limit the norm of all of them together (`clipGradNorm`), or each number (`clipGradValue`). */
  clip?: { norm: number } | { value: number };
  /** Divide by the loss's scale, leave the step out where one of them is not finite, and adapt the scale. */
  scaled?: boolean;
}

type CoreRules = OptimizerStep["rules"];

const NO_SGD = { momentum: 0, dampening: 0, nesterov: false };
const NO_ADAM = { beta1: 0, beta2: 0, epsilon: 0, decoupled: false };

export function coreRules(config: OptimizerConfig, { clip, scaled = false }: StepRules): CoreRules {
  return { ...optionsOf(config), ...clipOf(clip), scaled };
}

function optionsOf(config: OptimizerConfig): Omit<CoreRules, "clip" | "limit" | "scaled"> {
  switch (config.kind) {
    case "sgd": {
      const { momentum, dampening, nesterov } = config;
      return { ...NO_ADAM, kind: "sgd", momentum, dampening, nesterov };
    }
    case "adam":
    case "adamw": {
      const { beta1, beta2, epsilon, kind } = config;
      return { ...NO_SGD, kind: "adam", beta1, beta2, epsilon, decoupled: kind === "adamw" };
    }
    default:
      return unreachable(config);
  }
}

function clipOf(clip: StepRules["clip"]): Pick<CoreRules, "clip" | "limit"> {
  if (!clip) return { clip: "none", limit: 0 };
  return "norm" in clip ? { clip: "norm", limit: clip.norm } : { clip: "value", limit: clip.value };
}
