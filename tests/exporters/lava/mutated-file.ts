/**
 * Damage with meaning: copies a `.net` file member by member, and does something to one of them on the way. Unlike flipped bytes the result
 * is a proper HDF5 file, so that it is the reader of networks that must see what is wrong.
 */
import { readFileSync } from "node:fs";
import { Dataset, File, Group, ready } from "h5wasm";
import type { Numbers } from "./random-net.ts";

const EXTREMES = [0, -1, 1, 0.5, 255, -257, 2 ** 15, 2 ** 24 + 1, 2 ** 31, -(2 ** 31), 2 ** 40, 1e300, -1e300, 5e-324];
const NOT_FINITE = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];

interface Plain {
  name: string;
  shape: number[];
  /** Texts or numbers. */
  data: string[] | number[];
}

type Damage = (into: Group, member: Plain, numbers: Numbers) => void;

function write(into: Group, { name, shape, data }: Plain, dtype = "<d"): void {
  if (typeof data[0] === "string") into.create_dataset({ name, data: data as string[], shape });
  else into.create_dataset({ name, data: Float64Array.from(data as number[]), shape, dtype });
}

const numbersOf = ({ data }: Plain): number[] =>
  data.map((value) => (typeof value === "number" ? value : value.length));

/** What can happen to a dataset. */
export const DAMAGES: Record<string, Damage> = {
  missing: () => undefined,
  misspelled: (into, member) => write(into, { ...member, name: `${member.name}s` }),
  "as text": (into, member) => write(into, { ...member, data: member.data.map(String) }),
  "as numbers": (into, member) => write(into, { ...member, data: numbersOf(member) }),
  "in single bytes": (into, member) =>
    into.create_dataset({ name: member.name, data: Int8Array.from(numbersOf(member)), shape: member.shape }),
  "one extreme": (into, member, numbers) => {
    const data = numbersOf(member);
    data[numbers.between(0, data.length - 1)] = numbers.pick(EXTREMES);
    write(into, { ...member, data });
  },
  "all extreme": (into, member, numbers) => {
    const value = numbers.pick(EXTREMES);
    write(into, { ...member, data: numbersOf(member).map(() => value) });
  },
  "not finite": (into, member, numbers) => {
    const data = numbersOf(member);
    data[numbers.between(0, data.length - 1)] = numbers.pick(NOT_FINITE);
    write(into, { ...member, data });
  },
  flat: (into, member) => write(into, { ...member, shape: [member.data.length] }),
  "an axis more": (into, member) => write(into, { ...member, shape: [...member.shape, 1] }),
  shorter: (into, member) =>
    write(into, { ...member, data: numbersOf(member).slice(1), shape: [member.data.length - 1] }),
  longer: (into, member) =>
    write(into, { ...member, data: [...numbersOf(member), 1], shape: [member.data.length + 1] }),
  "a group": (into, { name }) => void into.create_group(name),
  "a soft link": (into, { name }) => into.create_soft_link("/layer", name),
  "a link to another file": (into, { name }) => into.create_external_link("/etc/passwd", "/x", name),
};

function plainOf(name: string, dataset: Dataset): Plain {
  const value = dataset.value as unknown;
  const shape = dataset.shape ?? [];
  const list = Array.isArray(value) || ArrayBuffer.isView(value) ? Array.from(value as ArrayLike<unknown>) : [value];
  const data = list.map((item) => (typeof item === "string" ? item : Number(item)));
  return { name, shape, data: data as number[] };
}

/** Places of all datasets below a group. */
function datasetsBelow(group: Group, place = ""): string[] {
  return group.keys().flatMap((name) => {
    const member = group.get(name);
    return member instanceof Group ? datasetsBelow(member, `${place}/${name}`) : [`${place}/${name}`];
  });
}

function copy(from: Group, into: Group, place: string, target: string, damage: Damage, numbers: Numbers): void {
  for (const name of from.keys()) {
    const member = from.get(name);
    const here = `${place}/${name}`;
    if (member instanceof Group) copy(member, into.create_group(name), here, target, damage, numbers);
    else if (member instanceof Dataset) {
      const plain = plainOf(name, member);
      if (here === target) damage(into, plain, numbers);
      else write(into, plain);
    }
  }
}

/** The bytes of a file in which one random dataset was damaged, and which. */
export async function mutatedFile(
  path: string,
  kind: string,
  numbers: Numbers,
): Promise<{ bytes: Uint8Array; place: string }> {
  const library = await ready;
  library.FS.writeFile("/whole.h5", readFileSync(path));
  const whole = new File("/whole.h5", "r");
  const mutated = new File("/mutated.h5", "w");
  try {
    const place = numbers.pick(datasetsBelow(whole));
    copy(whole, mutated, "", place, DAMAGES[kind]!, numbers);
    mutated.close();
    return { bytes: library.FS.readFile("/mutated.h5"), place };
  } finally {
    whole.close();
    for (const name of ["/whole.h5", "/mutated.h5"]) library.FS.unlink(name);
  }
}
