/** Progress on the terminal: a bar with rate and time left where a person looks, a line now and then where a log is written. */
import cliProgress from "cli-progress";
import pc from "picocolors";

export interface Progress {
  /** Shows `done` of `of`, with a short text, which is asked for only where it is shown. */
  update(done: number, of: number, text: string | (() => string)): void;
  /** Prints a line above the bar. */
  log(line: string): void;
  stop(): void;
}

/** Bars go to standard error, so that standard output stays for results. `quiet`: nothing at all. */
export function createProgress(options: { quiet?: boolean } = {}): Progress {
  if (options.quiet) return { update() {}, log() {}, stop() {} };
  return process.stderr.isTTY ? barProgress() : lineProgress();
}

const written = (text: string | (() => string)): string => (typeof text === "string" ? text : text());

/** At most ten times a second, as often as the bar is drawn. */
function barProgress(): Progress {
  const every = 100;
  let last = 0;
  let bar: cliProgress.SingleBar | null = null;
  const stop = () => {
    bar?.stop();
    bar = null;
  };
  return {
    update(done, of, shown) {
      if (bar && done < of && Date.now() - last < every) return;
      last = Date.now();
      const text = written(shown);
      if (!bar) {
        bar = new cliProgress.SingleBar({
          format: `  ${pc.cyan("{bar}")} {percentage}%  {text}`,
          barsize: 24,
          hideCursor: true,
          clearOnComplete: true,
          stream: process.stderr,
          barCompleteChar: "█",
          barIncompleteChar: "░",
        });
        bar.start(of, done, { text });
      }
      bar.setTotal(of);
      bar.update(done, { text });
      if (done >= of) stop();
    },
    log(line) {
      stop();
      process.stderr.write(`${line}\n`);
    },
    stop,
  };
}

/** For logs: one line every few seconds at most. */
function lineProgress(): Progress {
  const every = 5000;
  let last = Date.now();
  return {
    update(done, of, text) {
      if (Date.now() - last < every) return;
      last = Date.now();
      process.stderr.write(`  ${Math.round((100 * done) / of)}%  ${written(text)}\n`);
    },
    log: (line) => void process.stderr.write(`${line}\n`),
    stop() {},
  };
}

/** `1:05` or `2:03:10`, for time left. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
