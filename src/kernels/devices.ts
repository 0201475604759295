/** Devices by name: "cpu", "cuda", "cuda:1". The device library is opened when somebody asks for a device, never before. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail, formatBytes } from "../core/index.ts";
import { packageRoot } from "./load.ts";
import type { NativeCore } from "./native-core.ts";
import type { DeviceReport } from "./native-types.ts";

/** The CPU, or a device of the device library by its number. */
export type Device = "cpu" | `cuda:${number}`;

/** The number under which the core knows the CPU. */
const CPU = -1;

/**
 * The device library that would be opened, or null where none was built: the file that SPIKESHIP_DEVICE_LIBRARY names, else the one built here,
 * else the one that came with the package. SPIKESHIP_DEVICE=emulated takes the one that emulates a device on the CPU, for tests.
 */
export function deviceLibrary(): string | null {
  const named = process.env.SPIKESHIP_DEVICE_LIBRARY;
  if (named) return named;
  const root = packageRoot();
  const name = process.env.SPIKESHIP_DEVICE === "emulated" ? "spikeship_emulated.so" : "spikeship_cuda.so";
  const files = [join(root, "build", name), join(root, "prebuilds", `${process.platform}-${process.arch}`, name)];
  return files.find((file) => existsSync(file)) ?? null;
}

/** The devices of this machine as one core sees them. */
export class Devices {
  #report: DeviceReport | null = null;
  #current: Device = "cpu";

  constructor(private readonly core: NativeCore) {}

  /** What the device library says, opening it; null where none was built. */
  report(): DeviceReport | null {
    // asked for with every operation: the file system is not, once the library is open
    if (this.#report) return this.#report;
    const file = deviceLibrary();
    if (file !== null) this.#report = this.core.openDevices(file);
    return this.#report;
  }

  /**
   * A device by its name: "cpu", "cuda" (the first), "cuda:1", or "auto" (the first CUDA device, else the CPU). Throws an OPTION error that
   * says what there is.
   */
  named(name: string): Device {
    if (name === "cpu") return "cpu";
    const matched = /^cuda(?::(\d{1,3}))?$/.exec(name);
    if (name !== "auto" && !matched) {
      fail("OPTION", { where: "device", expected: "cpu, cuda, cuda:<number> or auto", got: `"${name}"` });
    }
    const count = this.report()?.devices.length ?? 0;
    if (name === "auto") return count > 0 ? "cuda:0" : "cpu";
    const number = Number(matched![1] ?? 0);
    if (number < count) return `cuda:${number}`;
    fail("OPTION", {
      where: `device ${name}`,
      expected: count > 0 ? `a device from cuda:0 to cuda:${count - 1}` : "a CUDA device",
      got: `none (${this.whyNone()})`,
      hint: "`spikeship info` shows what was found. Use --device cpu, or auto.",
    });
  }

  /** A device in words: `cuda:0 (NVIDIA H200, 151 GB)`. */
  describe(device: Device): string {
    const { cpu, threads } = this.core.info();
    if (device === "cpu") return `cpu (${cpu}, ${threads === 1 ? "1 thread" : `${threads} threads`})`;
    const { name, totalBytes } = this.report()!.devices[this.number(device)]!;
    return `${device} (${name}, ${formatBytes(totalBytes)})`;
  }

  /** Why there is no device, or no more of them. */
  whyNone(): string {
    const report = this.report();
    if (!report) return "no CUDA library was built: set-up found no nvcc, or could not build it";
    return report.devices.length > 0 ? `${report.devices.length} found` : report.whyNone;
  }

  /** The core's number of a device. */
  number(device: Device): number {
    return device === "cpu" ? CPU : Number(device.slice("cuda:".length));
  }

  /** The device of a number. */
  of(number: number): Device {
    return number === CPU ? "cpu" : `cuda:${number}`;
  }

  /** True when there is a device besides the CPU that somebody asked for: only then can memory lie elsewhere. */
  get inUse(): boolean {
    return (this.#report?.devices.length ?? 0) > 0;
  }

  /** Where new memory goes that no operation has placed yet. */
  get current(): Device {
    return this.#current;
  }

  set current(device: Device) {
    if (device === this.#current) return;
    this.core.setDevice(this.number(device));
    this.#current = device;
  }
}
