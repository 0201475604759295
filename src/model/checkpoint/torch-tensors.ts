/** What a PyTorch pickle may name: the storages and the functions that rebuild tensors. Everything else is refused by name. */
import { fail, sizeOf } from "../../core/index.ts";
import { type PickleMeaning, Tuple } from "./pickle.ts";
import { arrayOfBytes, STORED_DTYPES, type StoredDType, type StoredTensor } from "./stored.ts";

const STORAGES: Record<string, StoredDType> = {
  DoubleStorage: "F64",
  FloatStorage: "F32",
  HalfStorage: "F16",
  BFloat16Storage: "BF16",
  LongStorage: "I64",
  IntStorage: "I32",
  ShortStorage: "I16",
  CharStorage: "I8",
  ByteStorage: "U8",
  BoolStorage: "BOOL",
};
const MOST_AXES = 16;

/** Numbers that a pickle points to. `bytes` are filled in once the container was read. */
export class StorageReference {
  bytes: Uint8Array | null = null;
  constructor(
    readonly key: string,
    readonly dtype: StoredDType,
    readonly count: number,
  ) {}

  get byteLength(): number {
    return this.count * STORED_DTYPES[this.dtype].bytes;
  }
}

/** A window on a storage: shape and strides in elements. */
export class TensorReference {
  constructor(
    readonly storage: StorageReference,
    readonly offset: number,
    readonly shape: number[],
    readonly strides: number[],
  ) {}

  get count(): number {
    return sizeOf(this.shape);
  }
}

class StorageType {
  constructor(readonly dtype: StoredDType) {}
}
type Rebuild = (where: string, args: readonly unknown[]) => unknown;

function refuse(where: string, expected: string): never {
  fail("FILE", { where, expected, got: "something else", hint: "The file is damaged or not a PyTorch state_dict." });
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function sizes(where: string, value: unknown): number[] {
  const items = value instanceof Tuple ? value.items : value;
  if (!Array.isArray(items) || items.length > MOST_AXES || !items.every(isSize)) refuse(where, "a list of sizes");
  return [...items];
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`. A window beyond its storage is refused. */
const rebuildTensor: Rebuild = (where, [storage, offset, size, stride]) => {
  if (!(storage instanceof StorageReference) || !isSize(offset)) refuse(where, "a storage and an offset");
  const [shape, strides] = [sizes(where, size), sizes(where, stride)];
  if (shape.length !== strides.length) refuse(where, "one stride for each size");
  const tensor = new TensorReference(storage, offset, shape, strides);
  const reach = shape.reduce((sum, length, axis) => sum + (length - 1) * strides[axis]!, offset + 1);
  // An expanded tensor (stride 0) could claim any size; state_dicts hold none.
  if (tensor.count > 0 && (reach > storage.count || tensor.count > storage.count)) {
    fail("FILE", {
      where,
      expected: `a tensor within its storage of ${storage.count} numbers`,
      got: `shape [${shape.join(",")}], strides [${strides.join(",")}], offset ${offset}`,
    });
  }
  return tensor;
};

const GLOBALS: Record<string, Rebuild> = {
  "collections.OrderedDict": (where, args) => (args.length === 0 ? new Map() : refuse(where, "an empty OrderedDict")),
  "collections.Counter": (where, [counts]) => (counts instanceof Map ? counts : refuse(where, "counts")),
  "torch.Size": (where, [value]) => new Tuple(sizes(where, value)),
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_parameter": (where, [data]) =>
    data instanceof TensorReference ? data : refuse(where, "a tensor"),
};

/** Meaning of a state_dict's pickle; storages are collected in `storages` by key. */
export function torchMeaning(storages: Map<string, StorageReference>): PickleMeaning {
  return {
    global(where, module, name) {
      const storage = module === "torch" && Object.hasOwn(STORAGES, name) ? STORAGES[name] : undefined;
      if (storage) return new StorageType(storage);
      const full = `${module}.${name}`;
      if (Object.hasOwn(GLOBALS, full)) return GLOBALS[full];
      return fail("FILE", {
        where,
        expected: "only tensors, numbers, texts, lists and dictionaries",
        got: `the Python object ${full}`,
        hint: "Nothing in a checkpoint is executed here: save the model's state_dict() alone.",
      });
    },
    call: (where, callee, args) =>
      typeof callee === "function"
        ? (callee as Rebuild)(where, args)
        : refuse(where, "a function that rebuilds a tensor"),
    persistent: (where, id) => openStorage(where, id, storages),
  };
}

/** `('storage', type, key, location, count)`, in the legacy format with a sixth member that describes a view. */
function openStorage(where: string, id: unknown, storages: Map<string, StorageReference>): StorageReference {
  const [tag, type, key, , count, view = null] = id instanceof Tuple ? id.items : [];
  if (
    tag !== "storage" ||
    !(type instanceof StorageType) ||
    typeof key !== "string" ||
    !isSize(count) ||
    view !== null
  ) {
    refuse(where, "a storage");
  }
  const known = storages.get(key);
  if (known) {
    if (known.dtype !== type.dtype || known.count !== count) refuse(where, `storage "${key}" as it was before`);
    return known;
  }
  const storage = new StorageReference(key, type.dtype, count);
  storages.set(key, storage);
  return storage;
}

/** Copies the numbers of a window, row-major. */
export function readTensor({ storage, offset, shape, strides, count }: TensorReference): StoredTensor {
  const { dtype } = storage;
  const width = STORED_DTYPES[dtype].bytes;
  const source = storage.bytes!;
  if (isContiguous(shape, strides)) {
    const bytes = source.subarray(offset * width, (offset + count) * width);
    return { dtype, shape, data: arrayOfBytes(dtype, bytes) };
  }
  const target = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  for (let element = 0; element < count; element++) {
    const from = index.reduce((sum, i, axis) => sum + i * strides[axis]!, offset) * width;
    target.set(source.subarray(from, from + width), element * width);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { dtype, shape, data: arrayOfBytes(dtype, target) };
}

function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}
