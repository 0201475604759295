/** `--device`, for every command that runs networks. */
import type { Command } from "commander";
import { type Device, devices } from "../kernels/index.ts";
import type { Progress } from "./progress.ts";

export interface DeviceFlag {
  device?: string;
}

/** Adds the option to a command that runs networks or files. */
export function addDeviceFlag(command: Command, without = "the CPU"): Command {
  return command.option("--device <device>", `cpu, cuda, cuda:1, or auto: a GPU if there is one (default: ${without})`);
}

/** As `addDeviceFlag`, for a command that trains a config. */
export const addTrainingDeviceFlag = (command: Command) => addDeviceFlag(command, "that of the config, else the CPU");

/** Finds a device before any work is done, and says which it is. @throws OPTION when there is none of that name */
export function announceDevice(name = "cpu", { log }: Pick<Progress, "log">): Device {
  const device = devices().named(name);
  log(`Running on ${devices().describe(device)}`);
  return device;
}

/** Makes the chosen device that of everything this process makes from now on. */
export function useDevice({ device }: DeviceFlag, progress: Pick<Progress, "log">): void {
  devices().current = announceDevice(device, progress);
}
