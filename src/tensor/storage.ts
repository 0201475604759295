/** Native memory behind tensors: reference-counted, freed at once when the last tensor lets go; the collector is a safety net. */
import { fail } from "../core/index.ts";
import { type BufferId, core } from "../kernels/index.ts";

const forgotten = new FinalizationRegistry<BufferId>((buffer) => core().release(buffer));

export class Storage {
  #references = 1;

  private constructor(
    readonly buffer: BufferId,
    readonly bytes: number,
  ) {
    forgotten.register(this, buffer, this);
  }

  static allocate(bytes: number): Storage {
    return new Storage(core().alloc(bytes), bytes);
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
