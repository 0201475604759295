/** A benchmark case that is ready: `run` does one step and leaves nothing behind. */
export interface Prepared {
  run(): void | Promise<void>;
  dispose(): void;
}
