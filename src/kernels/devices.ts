/** Devices by name: "cpu", "cuda", "cuda:1". The device library is opened when somebody asks for a device, never before. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fail } from "../core/index.ts";
import { packageRoot } from "./load.ts";
import type { DeviceReport, NativeCore } from "./native-core.ts";

/** The CPU, or a device of the device library by its number. */
export type Device = "cpu" | `cuda:${number}`;

/** The number under which the core knows the CPU. */
const CPU = -1;

/**
 * The device library that would be opened, or null where none was built. SPIKESHIP_DEVICE=emulated takes the one that emulates a device on
 * the CPU, for tests.
 */
export function deviceLibrary(): string | null {
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
    const file = deviceLibrary();
    if (this.#report === null && file !== null) this.#report = this.core.openDevices(file);
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

  /** Why there is no device, or no more of them. */
  private whyNone(): string {
    const report = this.report();
    if (!report) return "the core was built without CUDA: nvcc was not found by set-up";
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
