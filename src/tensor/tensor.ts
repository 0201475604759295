/**
 * Tensor: a logical shape over native memory. It does not know operations (`ops/`) nor how gradients flow (`tape.ts`).
 *
 * Shapes are PyTorch's (`[T, N, C, H, W]`). Memory is row-major, except that a tensor with `spatial` = s > 0 keeps its channel
 * axis (the one before the last s axes) innermost: `[T, N, C, H, W]` with spatial 2 lies in memory as `[T, N, H, W, C]`.
 */
import { DTYPES, type DType, fail, formatShape, type RawArray, type Shape, sizeOf } from "../core/index.ts";
import { core, type Device, devices, noteRoom } from "../kernels/index.ts";
import { effectiveSpatial, memoryAxes } from "./layout.ts";
import { adopt, disown, keep } from "./ownership.ts";
import { Storage } from "./storage.ts";
import { gradEnabled, record } from "./tape.ts";
import { Variable } from "./variable.ts";

export interface TensorOptions {
  dtype?: DType;
  requiresGrad?: boolean;
  /** Where the memory lies: "cpu", "cuda", "cuda:1". Default: the device of `withDevice`, else the CPU. */
  device?: string | undefined;
}

function deviceNamed(name: string | undefined): Device | undefined {
  return name === undefined ? undefined : devices().named(name);
}

export class Tensor {
  #variable: Variable | null = null;
  #disposed = false;
  /** null: not made yet, see `repeat`. */
  #memory: Storage | null;
  #once: Tensor | null = null;

  constructor(
    memory: Storage | null,
    readonly shape: Shape,
    readonly dtype: DType = "float32",
    readonly spatial = 0,
  ) {
    this.#memory = memory;
    adopt(this);
  }

  /** Uninitialised tensor of a shape. Without a device it lies where the first operation works that is given it. */
  static empty(shape: Shape, dtype: DType = "float32", spatial = 0, device?: Device): Tensor {
    noteRoom(shape, dtype);
    return new Tensor(Storage.allocate(sizeOf(shape) * DTYPES[dtype].bytes, device), shape, dtype, spatial);
  }

  /** Copies numbers given in row-major order of `shape`. float16 and bfloat16 take their 16-bit patterns. */
  static from(data: ArrayLike<number>, shape: Shape, options: TensorOptions = {}): Tensor {
    const dtype = options.dtype ?? "float32";
    if (data.length !== sizeOf(shape)) {
      fail("SHAPE", {
        where: "Tensor.from",
        expected: `${sizeOf(shape)} numbers for shape ${formatShape(shape)}`,
        got: `${data.length}`,
      });
    }
    const ArrayType = DTYPES[dtype].array;
    const raw = data instanceof ArrayType ? data : ArrayType.from(data as ArrayLike<number>);
    const tensor = Tensor.empty(shape, dtype, 0, deviceNamed(options.device));
    core().write(tensor.buffer, 0, raw);
    if (options.requiresGrad) tensor.variable = new Variable(true);
    return tensor;
  }

  static full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
    if (options.dtype && options.dtype !== "float32") {
      return Tensor.from(new Array<number>(sizeOf(shape)).fill(value), shape, options);
    }
    const tensor = Tensor.empty(shape, "float32", 0, deviceNamed(options.device));
    core().fill(tensor.buffer, tensor.size, value);
    if (options.requiresGrad) tensor.variable = new Variable(true);
    return tensor;
  }

  static zeros(shape: Shape, options: TensorOptions = {}): Tensor {
    return Tensor.full(shape, 0, options);
  }

  static ones(shape: Shape, options: TensorOptions = {}): Tensor {
    return Tensor.full(shape, 1, options);
  }

  /**
   * `times` equal copies of x `[...]` along a new first axis: `[times, ...]`. The copies are made when somebody asks for the memory;
   * what can work on one of them takes it from `once`. Nothing is recorded: the operation is `repeatLeading`.
   */
  static repeat(x: Tensor, times: number): Tensor {
    const tensor = new Tensor(null, [times, ...x.shape], x.dtype, x.spatial);
    tensor.#once = keep(x.share());
    return tensor;
  }

  /** What this tensor repeats along its first axis, else null. It belongs to this tensor. */
  get once(): Tensor | null {
    return this.#once;
  }

  get storage(): Storage {
    if (this.#disposed) {
      fail("STATE", {
        where: `tensor ${formatShape(this.shape)}`,
        expected: "a live tensor",
        got: "one that was disposed",
        hint: "Return it from scope(), or keep() it, when it is needed later.",
      });
    }
    this.#memory ??= copies(this.#once!, this.shape[0]!);
    return this.#memory;
  }

  /** The native buffer, for kernels. */
  get buffer(): number {
    return this.storage.buffer;
  }

  /** Where the numbers lie. */
  get device(): Device {
    return this.#memory === null && this.#once ? this.#once.device : this.storage.device;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** null: gradients do not flow here. */
  get variable(): Variable | null {
    return this.#variable;
  }

  set variable(next: Variable | null) {
    if (next === this.#variable) return;
    next?.bind(this);
    this.#variable?.unbind();
    this.#variable = next;
  }

  get requiresGrad(): boolean {
    return this.#variable !== null;
  }

  /** Gradient of a leaf after `backward()`, else null. It belongs to the leaf: `zeroGrad()` or the leaf's `dispose()` frees it. */
  get grad(): Tensor | null {
    const grad = this.#variable?.grad ?? null;
    return grad?.disposed ? null : grad;
  }

  get disposed(): boolean {
    return this.#disposed;
  }

  /** Another tensor over the same memory: same variable, own lifetime. */
  share(): Tensor {
    return this.view(this.shape, this.spatial, this.variable);
  }

  /** The same memory read with another shape and layout; the caller knows that the order in memory fits. */
  view(shape: Shape, spatial: number, variable: Variable | null = null): Tensor {
    const tensor = new Tensor(this.storage.retain(), shape, this.dtype, spatial);
    tensor.variable = variable;
    return tensor;
  }

  /** Same numbers, gradients stop here. */
  detach(): Tensor {
    return this.view(this.shape, this.spatial);
  }

  /**
   * The same numbers on another device ("cpu", "cuda", "cuda:1", "auto"), in the same layout: always a new tensor, over the same memory
   * where they lie there already. The gradient goes back to where this tensor lies.
   */
  to(device: string): Tensor {
    const [home, target] = [this.device, devices().named(device)];
    if (home === target) return this.view(this.shape, this.spatial, gradEnabled() ? this.variable : null);
    return record("to", [this], this.#copyOn(target), [], (grad) => [grad.to(home)]);
  }

  /** Not recorded. A repeated tensor stays one. */
  #copyOn(device: Device): Tensor {
    if (this.#memory === null && this.#once) {
      const once = this.#once.#copyOn(device);
      const repeated = Tensor.repeat(once, this.shape[0]!);
      once.dispose();
      return repeated;
    }
    const copy = Tensor.empty(this.shape, this.dtype, this.spatial, device);
    core().copy(this.buffer, 0, copy.buffer, 0, this.storage.bytes);
    return copy;
  }

  /**
   * Moves the numbers of this tensor, and its gradient, to another device; it stays the same tensor and leaf. For what others refer to: parameters,
   * running statistics, moments of an optimizer. Tensors that share its memory stay where they are.
   */
  relocate(device: string): void {
    const target = devices().named(device);
    if (this.device === target) return;
    const copy = this.#copyOn(target);
    const memory = copy.storage.retain();
    copy.dispose();
    this.#memory?.release();
    this.#memory = memory;
    this.grad?.relocate(target);
  }

  /** The numbers in row-major order of `shape`, copied out. */
  toArray(): RawArray {
    const { array: ArrayType, bytes } = DTYPES[this.dtype];
    const target = new ArrayType(this.size);
    if (effectiveSpatial(this.shape, this.spatial) === 0) {
      core().read(this.buffer, 0, target);
      return target;
    }
    const order = memoryAxes(this.shape.length, this.spatial);
    const plain = Storage.allocate(this.size * bytes);
    core().permute(
      bytes,
      this.buffer,
      order.map((axis) => this.shape[axis]!),
      this.shape.map((_, axis) => order.indexOf(axis)),
      plain.buffer,
    );
    core().read(plain.buffer, 0, target);
    plain.release();
    return target;
  }

  /** The one number of a tensor of size 1. */
  item(): number {
    if (this.size !== 1) {
      fail("SHAPE", { where: "item()", expected: "a tensor with one element", got: formatShape(this.shape) });
    }
    return this.toArray()[0] as number;
  }

  /** Frees the memory when no other tensor shares it, and a leaf's gradient with its last tensor. Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    disown(this);
    this.variable = null;
    this.#memory?.release();
    this.#once?.dispose();
  }

  toString(): string {
    return `Tensor(${formatShape(this.shape)}, ${this.dtype})`;
  }
}

/** Memory that holds a tensor `times` times. */
function copies(x: Tensor, times: number): Storage {
  const { buffer, bytes } = x.storage;
  const memory = Storage.allocate(times * bytes);
  core().copyStrided(times, bytes, buffer, 0, 0, memory.buffer, 0, bytes);
  return memory;
}
