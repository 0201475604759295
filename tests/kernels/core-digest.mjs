/**
 * Runs our own kernels on fixed numbers and prints a hash of every result: the same text on every instruction set and for any
 * number of threads. A program of its own, because the instruction set is chosen once for each process.
 * Arguments: path of the core, number of threads.
 */
import { createHash } from "node:crypto";
import { createRequire } from "node:module";

const [file, threads] = process.argv.slice(2);
const core = createRequire(import.meta.url)(file).open((...facts) => new Error(facts.join(" ")));
core.setThreads(Number(threads));

const COUNT = 100_003;
const hashes = {};

function record(name, bufferBytes, call) {
  const out = core.alloc(bufferBytes);
  call(out);
  const bytes = new Uint8Array(bufferBytes);
  core.read(out, 0, bytes);
  core.release(out);
  hashes[name] = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}

function random(count, stream) {
  const buffer = core.alloc(count * 4);
  core.randomNormal(1, stream, 0, buffer, count);
  return buffer;
}

const x = random(COUNT, 1);
const y = random(COUNT, 2);
record("normal", COUNT * 4, (out) => core.copy(x, 0, out, 0, COUNT * 4));
record("uniform", COUNT * 4, (out) => core.randomUniform(3, 4, 5, out, COUNT));
record("bernoulli", COUNT * 4, (out) => core.randomBernoulli(3, 4, 5, x, out, COUNT));
const unary =
  "neg exp log sqrt abs sign sigmoid tanh relu floor trunc roundEven roundFloat16 reciprocal square isFinite";
for (const op of unary.split(" ")) record(op, COUNT * 4, (out) => core.unary(op, x, out, COUNT));
for (const op of ["add", "sub", "mul", "div", "max", "min", "greaterEqual", "greater", "equal"]) {
  record(op, COUNT * 4, (out) => core.binary(op, x, y, out, COUNT));
  record(`${op} scalar`, COUNT * 4, (out) => core.binaryScalar(op, x, 0.3, true, out, COUNT));
  record(`${op} rows`, 99_000 * 4, (out) => core.binaryBroadcast(op, x, [33, 1], y, [0, 1], out, [3000, 33]));
}
record("clamp", COUNT * 4, (out) => core.clamp(x, -1, 0.5, out, COUNT));
record("clampGrad", COUNT * 4, (out) => core.clampGrad(x, y, -1, 0.5, out, COUNT));
record("axpy", COUNT * 4, (out) => {
  core.copy(x, 0, out, 0, COUNT * 4);
  core.axpy(0.1, y, out, COUNT);
});
record("float16", COUNT * 2, (out) => core.convert(0, x, 1, out, COUNT));
for (const [outer, axis, inner] of [
  [1, COUNT, 1],
  [1, 12_000, 8],
  [1, 700, 128],
  [90, 1000, 1],
  [3, 5, 6000],
]) {
  for (const op of ["sum", "mean", "max", "argmax"]) {
    record(`${op} ${outer} ${axis} ${inner}`, outer * inner * 4, (out) => core.reduce(op, x, outer, axis, inner, out));
  }
}
hashes.sumSquares = core.sumSquares(x, COUNT);
hashes.different = core.countDifferent(x, y, COUNT).different;

for (const channels of [1, 3, 16, 100]) {
  const rows = Math.floor(COUNT / channels);
  const [mean, variance, affine] = [random(channels, 3), random(channels, 4), random(2 * channels, 5)];
  record(`batch norm ${channels}`, rows * channels * 4, (out) => {
    core.batchNormTrain(rows, channels, 1e-5, x, y, y, mean, variance, affine);
    core.channelAffine(rows, channels, x, affine, out);
  });
  record(`batch norm ${channels} gradient`, rows * channels * 4, (out) => {
    core.batchNormBackward(true, rows, channels, 1e-5, x, y, mean, variance, y, out, 0, 0);
  });
  record(`batch norm ${channels} weight gradient`, channels * 4, (out) => {
    core.batchNormBackward(true, rows, channels, 1e-5, x, y, mean, variance, y, 0, out, 0);
  });
  for (const buffer of [mean, variance, affine]) core.release(buffer);
}

for (const channels of [1, 5, 32]) {
  const side = Math.floor(Math.sqrt(COUNT / channels / 2) / 2) * 2;
  const both = (value) => [value, value];
  const spec = {
    batch: 2,
    channels,
    input: both(side),
    kernel: both(3),
    stride: both(2),
    padding: both(1),
    dilation: both(1),
    output: both(side / 2),
    countIncludePad: false,
    divisor: 0,
  };
  const outputs = 2 * (side / 2) ** 2 * channels;
  const winners = core.alloc(outputs * 4);
  for (const op of ["max", "avg", "sum"]) {
    const indices = op === "max" ? winners : 0;
    record(`${op} pool ${channels}`, outputs * 4, (out) => core.poolForward(op, spec, x, out, indices));
    record(`${op} pool ${channels} gradient`, 2 * side * side * channels * 4, (out) =>
      core.poolBackward(op, spec, y, indices, out),
    );
  }
  core.release(winners);
}

const labels = core.alloc(4000);
core.write(
  labels,
  0,
  Int32Array.from({ length: 1000 }, (_, i) => i % 10),
);
record("cross-entropy", 40_000, (out) => {
  const loss = core.alloc(4);
  core.softmaxCrossEntropy(1000, 10, x, labels, loss, out);
  const value = new Float32Array(1);
  core.read(loss, 0, value);
  hashes.loss = value[0];
  core.release(loss);
});
core.release(labels);

const sgd = { learningRate: 0.1, momentum: 0.9, dampening: 0, weightDecay: 0.01, nesterov: true, firstStep: false };
record("sgd", COUNT * 4, (out) => {
  const momentum = random(COUNT, 5);
  core.copy(x, 0, out, 0, COUNT * 4);
  core.sgdStep(out, y, momentum, COUNT, sgd);
  core.release(momentum);
});
const adam = {
  learningRate: 0.01,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  decoupled: true,
  step: 3,
};
record("adam", COUNT * 4, (out) => {
  const [mean, variance] = [random(COUNT, 6), random(COUNT, 7)];
  core.unary("abs", variance, variance, COUNT);
  core.copy(x, 0, out, 0, COUNT * 4);
  core.adamStep(out, y, mean, variance, COUNT, adam);
  for (const buffer of [mean, variance]) core.release(buffer);
});
for (const buffer of [x, y]) core.release(buffer);
console.log(JSON.stringify({ isa: core.info().isa, hashes }));
