/** Where new tensors lie that no operation has placed: operations work where their operands lie, and so do their results. */
import { type Device, devices } from "../kernels/index.ts";

/** Runs `body` with new tensors on a device: "cpu", "cuda", "cuda:1" or "auto". @throws OPTION when there is no such device */
export function withDevice<R>(device: string, body: () => R): R {
  return on(devices().named(device), body);
}

function on<R>(target: Device, body: () => R): R {
  const all = devices();
  const before = all.current;
  all.current = target;
  try {
    return body();
  } finally {
    all.current = before;
  }
}

/** As `withDevice`, on the device of a tensor; costs nothing where nobody asked for a device. */
export function withDeviceOf<R>(tensor: { readonly device: Device } | null | undefined, body: () => R): R {
  return tensor && devices().inUse ? on(tensor.device, body) : body();
}
