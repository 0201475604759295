/** Folding to the chip's form changes no spike; nor does quantizing where the chip holds all numbers as they are; nor does the file. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { targetById } from "../../src/exporters/index.ts";
import { studyForLoihi } from "../../src/quantize/index.ts";
import { temporaryFolder } from "../error-of.ts";
import { dyadicNetwork, type Firing, firingOf } from "./dyadic-network.ts";

const folder = temporaryFolder();
const loihi = targetById("loihi");
/** Networks that are folded, and networks that are also written and read, which takes a hundred times as long. */
const FOLDED = Number(process.env.SPIKESHIP_RANDOM_NETWORKS ?? 100);
const WRITTEN = Number(process.env.SPIKESHIP_RANDOM_NETWORKS ?? 24);
/** Two seconds for each network are plenty on a busy machine. */
const TIMEOUT = 60_000 + 2000 * FOLDED;
/** Everything that folding does, by the first words of what it notes. */
const KINDS = [
  "batch norm folded",
  "pool merged",
  "pool carried",
  "mean over a window",
  "weights divided",
  "threshold times",
  "division of the input",
  "maximum over spikes",
  "fires above",
];
const anySeed = fc.integer({ min: 0, max: 2 ** 31 });

const spikesOf = ({ layers }: Firing) => layers.map(({ data }) => data);
const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);

describe("a random network with batch norms, means, sums, maxima, biases and divided inputs", {
  timeout: TIMEOUT,
}, () => {
  it("fires in the folded form as it did before, in every layer", () => {
    let fired = 0;
    const changes = new Set<string>();
    fc.assert(
      fc.property(anySeed, (seed) => {
        const network = dyadicNetwork(seed, true);
        const study = studyForLoihi(network);
        const [before, folded] = [firingOf(network, seed), firingOf(study.folded, seed)];
        for (const each of [network, study, study.twin]) each.dispose();
        expect(spikesOf(folded)).toEqual(spikesOf(before));
        fired += sum(before.layers.at(-1)!.data);
        for (const { what } of study.changes) for (const kind of KINDS) if (what.startsWith(kind)) changes.add(kind);
      }),
      { numRuns: FOLDED },
    );
    // silence would prove nothing, nor would networks in which something is never folded
    expect(fired).toBeGreaterThan(FOLDED);
    expect([...changes].sort()).toEqual([...KINDS].sort());
  });

  it("fires as whole numbers, and from the file, as it was trained, where the chip holds all its numbers", async () => {
    let [fired, refused] = [0, 0];
    await fc.assert(
      fc.asyncProperty(anySeed, async (seed) => {
        const network = dyadicNetwork(seed, false);
        const study = studyForLoihi(network, { options: { scale: 128 } });
        const [before, twin] = [firingOf(network, seed), firingOf(study.twin, seed)];
        const errors = loihi.check(study.twin).filter(({ severity }) => severity === "error");
        const directory = join(folder, `${seed}`);
        if (errors.length === 0) await loihi.export(study.twin, directory);
        for (const each of [network, study, study.twin]) each.dispose();
        expect(study.layers.map(({ clipped, rounded, roundedBiases }) => [clipped, rounded, roundedBiases])).toEqual(
          study.layers.map(() => [0, 0, 0]),
        );
        expect(spikesOf(twin)).toEqual(spikesOf(before));
        fired += sum(before.layers.at(-1)!.data);
        if (errors.length > 0) {
          // a matrix in which no weight is positive is the one thing that can come up
          expect(errors.map(({ rule }) => rule)).toEqual(errors.map(() => "loihi/dense-precision"));
          refused++;
          return;
        }
        const run = await (await loihi.open(directory)).run({ form: "sequence", ...before.input }, { layers: true });
        expect(run.layers.map(({ data }) => Float32Array.from(data))).toEqual(spikesOf(before));
      }),
      { numRuns: WRITTEN },
    );
    expect(fired).toBeGreaterThan(WRITTEN);
    expect(refused).toBeLessThan(WRITTEN / 4);
  });
});
