/** How a training looks on the terminal: the bar inside an epoch, a line after each. */
import type { EpochRecord, TrainOptions, TrainProgress } from "../train/index.ts";
import { percent } from "./output.ts";
import { formatDuration, type Progress } from "./progress.ts";

/** The callbacks of a training that show it on `progress`. */
export function trainingDisplay(
  progress: Progress,
  epochs: number,
): Pick<TrainOptions, "onProgress" | "onEpoch" | "onNotice"> {
  return {
    onNotice: (line) => progress.log(`  ${line}`),
    onProgress: (p: TrainProgress) =>
      progress.update(
        (p.epoch - 1) * p.batches + p.batch,
        p.epochs * p.batches,
        () =>
          `epoch ${p.epoch}/${p.epochs}  loss ${p.loss.toFixed(4)}  accuracy ${percent(p.accuracy)}  ` +
          `${p.imagesPerSecond.toFixed(0)} images/s  ${formatDuration(p.secondsLeft)} left`,
      ),
    onEpoch: (e: EpochRecord) =>
      progress.log(
        `  epoch ${String(e.epoch).padStart(String(epochs).length)}/${epochs}  loss ${e.trainLoss.toFixed(4)}  ` +
          `train ${percent(e.trainAccuracy)}  test ${percent(e.testAccuracy)}`,
      ),
  };
}
