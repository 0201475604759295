/** Ctrl-C: the first asks the running step to save and end, the second ends at once. */
import { EXIT } from "./exit-codes.ts";

export interface Interrupt {
  /** True after the first Ctrl-C. */
  requested(): boolean;
  release(): void;
}

export function watchInterrupt(): Interrupt {
  let requested = false;
  const onSignal = () => {
    if (requested) process.exit(EXIT.interrupted);
    requested = true;
    process.stderr.write("\nstopping after this step; press Ctrl-C again to end at once\n");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    requested: () => requested,
    release() {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
