/** Public face of the kernels: the native core, opened when it is first used. */
import { Devices } from "./devices.ts";
import { openCore } from "./load.ts";
import type { NativeCore } from "./native-core.ts";

export { currentPlace, inPlace, lacksDeviceMemory, noteRoom, type Place } from "./device-memory.ts";
export { type Device, type Devices, deviceLibrary } from "./devices.ts";
export type * from "./native-core.ts";
export type * from "./native-types.ts";
export { processorFeatures } from "./processor.ts";
export { Profile, type ProfiledOperation } from "./profile.ts";

let opened: NativeCore | null = null;

/** The native core of this JavaScript thread. Throws a NATIVE error when it cannot be loaded. */
export function core(): NativeCore {
  opened ??= openCore();
  return opened;
}

/** The core if anything has used it, else null. */
export function loadedCore(): NativeCore | null {
  return opened;
}

let seen: Devices | null = null;

/** The devices of this machine. */
export function devices(): Devices {
  seen ??= new Devices(core());
  return seen;
}
