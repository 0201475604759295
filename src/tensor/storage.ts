/** Native memory behind tensors: reference-counted, freed at once when the last tensor lets go; the collector is a safety net. */
import { fail } from "../core/index.ts";
import { type BufferId, core, type Device, devices } from "../kernels/index.ts";

const forgotten = new FinalizationRegistry<BufferId>((buffer) => core().release(buffer));

export class Storage {
  #references = 1;
  #device: Device | null = null;

  private constructor(
    readonly buffer: BufferId,
    readonly bytes: number,
  ) {
    forgotten.register(this, buffer, this);
  }

  /** Memory on a device; without one, where the first operation that is given it works. */
  static allocate(bytes: number, device?: Device): Storage {
    const buffer = device === undefined ? core().alloc(bytes) : core().allocOn(devices().number(device), bytes);
    return new Storage(buffer, bytes);
  }

  /** Where the memory lies, for good. What no operation was given yet is placed on the device of `withDevice`. */
  get device(): Device {
    if (!devices().inUse) return "cpu";
    this.#device ??= devices().of(core().deviceOf(this.buffer));
    return this.#device;
  }

  retain(): this {
    if (this.#references === 0) {
      fail("STATE", { where: "tensor memory", expected: "a live buffer", got: "one that was disposed" });
    }
    this.#references++;
    return this;
  }

  release(): void {
    if (--this.#references === 0) {
      forgotten.unregister(this);
      core().release(this.buffer);
    }
  }

  /** True when only one tensor refers to this memory, so that it may be changed in place. */
  get exclusive(): boolean {
    return this.#references === 1;
  }
}
