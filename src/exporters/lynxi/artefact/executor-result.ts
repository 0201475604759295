/** What a run of a graph gives, in whichever way it is executed. */
import type { NonFinite } from "../emulation/emulator.ts";
import type { HostArray } from "./session.ts";

export interface ExecutorResult {
  outputs: Map<string, HostArray>;
  nonFinite: NonFinite[];
}
