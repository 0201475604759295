/** The twin of a trained network, what each of its layers costs where that is asked for, and the report on both. */
import type { Dataset } from "../../data/index.ts";
import type { DeploymentTarget } from "../../exporters/index.ts";
import type { Network } from "../../model/index.ts";
import {
  calibrationSamples,
  type FineTuneOutcome,
  measureSensitivity,
  type QuantizationReport,
  type QuantizationStudy,
  quantizationReport,
  type Sensitivity,
} from "../../quantize/index.ts";
import { evaluate, type TargetConfig } from "../../train/index.ts";
import type { Progress } from "../progress.ts";

export interface Prepared {
  twin: Network;
  /** What was done to the layers; null for targets that do not say it. */
  study: Pick<QuantizationStudy, "changes" | "layers"> | null;
  /** Measured where it was asked for. */
  sensitivity: Sensitivity | null;
  /** Test accuracy of the trained network, measured together with it. */
  trained: number | null;
}

export interface Wish {
  tuning: TargetConfig;
  seed: number;
  measure: boolean;
  /** Test accuracy of the trained network, where it is known already. */
  trained?: number;
  progress: Progress;
}

/** The caller disposes of the twin. */
export function prepareNetwork(target: DeploymentTarget, network: Network, dataset: Dataset, wish: Wish): Prepared {
  const { tuning, seed, progress } = wish;
  const options = {
    options: tuning.prepare,
    calibration: calibrationSamples(dataset, tuning.calibrationSamples),
  };
  const study = target.study?.(network, options);
  if (!study) return { twin: target.prepare(network, options), study: null, sensitivity: null, trained: null };
  try {
    const { twin, changes, layers } = study;
    if (!wish.measure) return { twin, study: { changes, layers }, sensitivity: null, trained: null };
    return {
      twin,
      study: { changes, layers },
      trained: wish.trained ?? evaluate(network, dataset.test, { seed }).accuracy,
      sensitivity: measureSensitivity(study, dataset.test, {
        seed,
        onProgress: (done, of) => progress.update(done, of, `cost of layer ${Math.min(done + 1, of)} of ${of}`),
      }),
    };
  } finally {
    study.dispose();
  }
}

/** The report on a quantization, once fine-tuning is done; null for targets that have none. */
export function reportOf(
  target: DeploymentTarget,
  tuning: TargetConfig,
  { study, sensitivity, trained }: Prepared,
  { accuracyBefore, epochs }: FineTuneOutcome,
): QuantizationReport | null {
  if (!study) return null;
  return quantizationReport({
    target: target.id,
    options: tuning.prepare,
    calibrationSamples: tuning.calibrationSamples,
    study,
    sensitivity,
    trained,
    quantized: accuracyBefore,
    fineTuned: epochs.at(-1)?.testAccuracy ?? null,
  });
}
