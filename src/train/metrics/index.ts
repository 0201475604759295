/** What a training run writes while it learns: `metrics.jsonl` and TensorBoard events, both continued exactly on resume. */
import { join } from "node:path";
import { type MetricsLine, MetricsLog } from "./jsonl.ts";
import { EventFile } from "./tensorboard.ts";

export { type MetricsLine, MetricsLog } from "./jsonl.ts";
export { EventFile, type EventFileOptions } from "./tensorboard.ts";

export const METRICS_FILE = "metrics.jsonl";
export const EVENTS_FOLDER = "tensorboard";

/** `trainLoss` becomes `loss/train`, so that TensorBoard shows both splits in one group; other names stay. */
function tagOf(name: string): string {
  const split = /^(train|test)(.+)$/.exec(name);
  return split ? `${split[2]![0]!.toLowerCase()}${split[2]!.slice(1)}/${split[1]}` : name;
}

export class MetricsWriter {
  readonly #log: MetricsLog;
  readonly #events: EventFile;

  /** `afterEpoch`: what the files hold of later epochs is dropped; 0 begins anew. @throws WRITE, FILE */
  constructor(directory: string, { afterEpoch }: { afterEpoch: number }) {
    this.#log = new MetricsLog(join(directory, METRICS_FILE), afterEpoch);
    this.#events = new EventFile(join(directory, EVENTS_FOLDER), { firstStep: afterEpoch + 1 });
  }

  /** Writes the numbers of one finished epoch. @throws VALUE for a number that is not finite, WRITE */
  epoch<R>(record: MetricsLine<R>): void {
    this.#log.append<R>(record);
    for (const [name, value] of Object.entries(record)) {
      if (name !== "epoch") this.#events.addScalar(tagOf(name), value as number, record.epoch);
    }
  }

  close(): void {
    this.#log.close();
    this.#events.close();
  }
}
