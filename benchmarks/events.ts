/**
 * At which firing rate sums over spikes pay: `node scripts/run-ts.mjs benchmarks/events.ts` times the dense operation and the one over events in turn
 * and prints how many times faster the latter is. The limits in the Loihi simulator come from this table. (Matrix products over events were
 * measured as well and paid at no rate above 1%, so there are none.)
 */
import { conv2d, conv2dEvents, noGrad, scope, Tensor } from "../src/tensor/index.ts";

const RATES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.3];
const CHANNELS = [16, 32, 64, 128];
const ROUNDS = 15;

interface Pair {
  name: string;
  shape: number[];
  dense(x: Tensor): Tensor;
  events(x: Tensor): Tensor | null;
}

function convolutions(channels: number): Pair {
  const weight = Tensor.full([channels, channels, 3, 3], 1);
  return {
    name: `3x3, ${channels} channels, 14x14`,
    shape: [128, channels, 14, 14],
    dense: (x) => conv2d(x, weight, null, { padding: 1 }),
    events: (x) => conv2dEvents(x, weight, null, { padding: 1 }, 1),
  };
}

/** A spike wherever a fixed sequence of pseudo-random numbers lies below the rate. */
function spikes(shape: number[], rate: number): Tensor {
  const data = new Float32Array(shape.reduce((a, b) => a * b));
  for (let i = 0, state = 1; i < data.length; i++) {
    state = (state * 48271) % 2147483647;
    data[i] = state / 2147483647 < rate ? 1 : 0;
  }
  const channels = shape[1]!;
  // in the order in which layers hand images on
  return conv2d(Tensor.from(data, shape), Tensor.from(identity(channels), [channels, channels, 1, 1]));
}

const identity = (size: number) => Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));

/** Best times of both, taken in turn. */
function advantage({ shape, dense, events }: Pair, rate: number): number {
  return scope(() => {
    const x = spikes(shape, rate);
    const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, run] of [dense, events].entries()) {
        const start = performance.now();
        scope(() => void run(x));
        best[i] = Math.min(best[i]!, performance.now() - start);
      }
    }
    return best[0]! / best[1]!;
  });
}

const cell = (text: string) => text.padStart(8);
process.stdout.write(`${"dense time / time over events".padEnd(32)}${RATES.map((rate) => cell(`${rate}`)).join("")}\n`);
for (const pair of CHANNELS.map(convolutions)) {
  const ratios = noGrad(() => RATES.map((rate) => cell(advantage(pair, rate).toFixed(2))));
  process.stdout.write(`${pair.name.padEnd(32)}${ratios.join("")}\n`);
}
