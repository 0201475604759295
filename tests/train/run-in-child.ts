/**
 * Program that tests start and kill: `run-in-child.ts DIRECTORY OPTIMIZER [--resume]` trains the small run. It prints a line after each
 * batch, stops on Ctrl-C as the command line does, and ends with its exit codes.
 */
import { describeFailure } from "../../src/cli/failure.ts";
import { watchInterrupt } from "../../src/cli/interrupt.ts";
import { devices } from "../../src/kernels/index.ts";
import { OPTIMIZERS, train } from "./small-run.ts";

// as tests/setup.ts does for the tests that start this
if (process.env.SPIKESHIP_DEVICE) devices().current = devices().named("cuda");

/** Milliseconds after each batch: time for the test to see the line and to send its signal before the run is over. */
const PAUSE = 20;

const [directory = "", optimizer = "", resume] = process.argv.slice(2);
const interrupt = watchInterrupt();
try {
  await train(directory, OPTIMIZERS[optimizer]!, {
    resume: resume === "--resume",
    shouldStop: interrupt.requested,
    onProgress({ epoch, batch }) {
      process.stdout.write(`${epoch} ${batch}\n`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    },
  });
} catch (error) {
  const { line, code } = describeFailure(error);
  process.stderr.write(`${line}\n`);
  process.exitCode = code;
} finally {
  interrupt.release();
}
