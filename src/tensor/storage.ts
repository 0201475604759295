/** Native memory behind tensors: reference-counted, freed at once when the last tensor lets go; the collector is a safety net. */
import { DTYPES, fail } from "../core/index.ts";
import { type ActivationType, type BufferId, core, type Device, devices, noteRoom } from "../kernels/index.ts";

const forgotten = new FinalizationRegistry<BufferId>((buffer) => core().release(buffer));

/** Numbers that are known but not written: x * scale + offset of its channel, the channels innermost in memory. */
export interface ChannelAffine {
  x: Storage;
  /** `[2, channels]`: the scales, then the offsets. */
  affine: Storage;
  channels: number;
  /** Of x and of the result. */
  type: ActivationType;
}

export class Storage {
  #references = 1;
  #device: Device | null = null;
  #buffer: BufferId | null = null;
  #pending: ChannelAffine | null = null;

  private constructor(
    readonly bytes: number,
    made: BufferId | ChannelAffine,
  ) {
    if (typeof made === "number") this.#take(made);
    else this.#pending = made;
  }

  /** Memory on a device; without one, where the first operation that is given it works. */
  static allocate(bytes: number, device?: Device): Storage {
    return new Storage(
      bytes,
      device === undefined ? core().alloc(bytes) : core().allocOn(devices().number(device), bytes),
    );
  }

  /** Numbers that are written when somebody asks for the buffer; who can work on `pending` needs none. */
  static deferred(pending: ChannelAffine): Storage {
    const { x, affine, channels, type } = pending;
    return new Storage(x.bytes, { x: x.retain(), affine: affine.retain(), channels, type });
  }

  #take(buffer: BufferId): void {
    this.#buffer = buffer;
    forgotten.register(this, buffer, this);
  }

  /** What the numbers follow from, as long as they are not written. It belongs to this memory. */
  get pending(): ChannelAffine | null {
    return this.#pending;
  }

  get buffer(): BufferId {
    if (this.#buffer === null) this.#write();
    return this.#buffer!;
  }

  #write(): void {
    const { x, affine, channels, type } = this.#pending!;
    const rows = this.bytes / (channels * DTYPES[type].bytes);
    noteRoom([rows, channels], type);
    const buffer = core().alloc(this.bytes);
    try {
      core().channelAffine(rows, channels, x.buffer, affine.buffer, buffer, type);
    } catch (error) {
      core().release(buffer);
      throw error;
    }
    this.#take(buffer);
    this.#forgetPending();
  }

  #forgetPending(): void {
    this.#pending?.x.release();
    this.#pending?.affine.release();
    this.#pending = null;
  }

  /** Where the memory lies, for good. What no operation was given yet is placed on the device of `withDevice`. */
  get device(): Device {
    if (!devices().inUse) return "cpu";
    this.#device ??= this.#pending ? this.#pending.x.device : devices().of(core().deviceOf(this.buffer));
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
    if (--this.#references > 0) return;
    this.#forgetPending();
    if (this.#buffer === null) return;
    forgotten.unregister(this);
    core().release(this.#buffer);
  }

  /** True when only one tensor refers to this memory, so that it may be changed in place. */
  get exclusive(): boolean {
    return this.#references === 1;
  }
}
