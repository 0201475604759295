/** Metrics files: JSON lines that continue exactly, and event files that an independent decoder reads. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { EventFile, MetricsLog, MetricsWriter } from "../../src/train/metrics/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";
import { decodeEvents } from "./event-decoder.ts";

const folder = temporaryFolder();
let path = "";
let count = 0;
beforeEach(() => {
  path = join(folder, `metrics-${count++}.jsonl`);
});

const lines = () =>
  readFileSync(path, "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line));

function write(afterEpoch: number, ...epochs: number[]): void {
  const log = new MetricsLog(path, afterEpoch);
  for (const epoch of epochs) log.append({ epoch, loss: epoch / 10 });
  log.close();
}

describe("JSON lines", () => {
  it("are appended one object a line", () => {
    write(0, 1, 2);
    expect(readFileSync(path, "utf8")).toBe('{"epoch":1,"loss":0.1}\n{"epoch":2,"loss":0.2}\n');
  });

  it("are dropped after the epoch that is resumed, and kept before it", () => {
    write(0, 1, 2, 3);
    write(2, 3, 4);
    expect(lines().map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4]);
    write(0, 1);
    expect(lines()).toEqual([{ epoch: 1, loss: 0.1 }]);
  });

  it("lose a last line that was never finished", () => {
    write(0, 1, 2);
    writeFileSync(path, `${readFileSync(path, "utf8")}{"epoch":3,"lo`);
    write(2, 3);
    expect(lines().map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  });

  it("of another kind are refused with their number, and the file stays", () => {
    writeFileSync(path, '{"epoch":1}\nhello\n');
    const error = errorOf(() => new MetricsLog(path, 1));
    expect(error.message).toContain(`${path}: line 2`);
    expect(readFileSync(path, "utf8")).toBe('{"epoch":1}\nhello\n');
  });

  it("hold no NaN", () => {
    const log = new MetricsLog(path);
    expect(errorOf(() => log.append({ epoch: 1, loss: Number.NaN })).code).toBe("VALUE");
    log.close();
    expect(lines()).toEqual([]);
  });
});

describe("event files", () => {
  it("hold a version, the start of the session and every scalar with right checksums", () => {
    const events = new EventFile(join(folder, "events"), { firstStep: 300, clock: () => 1234.5 });
    events.addScalar("loss/train", 0.5, 300);
    events.addScalar("accuracy/test", 0.1, 2 ** 40);
    events.close();
    const decoded = decodeEvents(readFileSync(events.path));
    expect(decoded).toEqual([
      { wallTime: 1234.5, step: 0, fileVersion: "brain.Event:2", scalars: [] },
      { wallTime: 1234.5, step: 300, sessionStatus: 1, scalars: [] },
      { wallTime: 1234.5, step: 300, scalars: [{ tag: "loss/train", value: 0.5 }] },
      { wallTime: 1234.5, step: 2 ** 40, scalars: [{ tag: "accuracy/test", value: Math.fround(0.1) }] },
    ]);
  });

  it("have the name that TensorBoard looks for, and never take one that exists", () => {
    const directory = join(folder, "names");
    for (let i = 0; i < 2; i++) new EventFile(directory, { clock: () => 1700000000 }).close();
    expect(readdirSync(directory).sort()).toEqual([
      "events.out.tfevents.1700000000.spikeship.0",
      "events.out.tfevents.1700000000.spikeship.1",
    ]);
  });

  it("show damage to an independent reader", () => {
    const events = new EventFile(join(folder, "damage"));
    events.addScalar("x", 1, 1);
    events.close();
    const bytes = readFileSync(events.path);
    bytes[bytes.length - 6]! ^= 1;
    expect(() => decodeEvents(bytes)).toThrow("wrong checksum of an event");
  });

  it("need a folder that can be made", () => {
    writeFileSync(join(folder, "file"), "");
    expect(errorOf(() => new EventFile(join(folder, "file"))).code).toBe("WRITE");
  });
});

describe("MetricsWriter", () => {
  it("writes each epoch to both kinds of files and groups the splits of a quantity", () => {
    const directory = join(folder, "run");
    new EventFile(directory).close();
    const metrics = new MetricsWriter(directory, { afterEpoch: 0 });
    metrics.epoch({ epoch: 1, learningRate: 0.5, trainLoss: 0.25, testAccuracy: 1 });
    metrics.close();
    expect(readFileSync(join(directory, "metrics.jsonl"), "utf8")).toBe(
      '{"epoch":1,"learningRate":0.5,"trainLoss":0.25,"testAccuracy":1}\n',
    );
    const [file] = readdirSync(join(directory, "tensorboard"));
    const events = decodeEvents(readFileSync(join(directory, "tensorboard", file!)));
    expect(events[1]).toMatchObject({ step: 1, sessionStatus: 1 });
    expect(events.slice(2).flatMap(({ step, scalars }) => scalars.map(({ tag, value }) => [step, tag, value]))).toEqual(
      [
        [1, "learningRate", 0.5],
        [1, "loss/train", 0.25],
        [1, "accuracy/test", 1],
      ],
    );
  });
});
