/** Reads a Lava DL `.net` file. It checks that the file is whole and consistent in itself; whether a chip can hold it is judged by the rules. */
import { GroupReader } from "./net/group-reader.ts";
import { type Hdf5Reader, openHdf5 } from "./net/hdf5-reader.ts";
import type { NetFile } from "./net/net-file.ts";
import { readLayer } from "./net/read-layers.ts";

/** More than any chip holds; a damaged group can claim millions. */
const MOST_LAYERS = 4096;

/** The layers of a file in order. @throws FILE naming the file and the dataset at fault. */
export async function readNet(path: string): Promise<NetFile> {
  const file = await openHdf5(path);
  const root = new GroupReader(file, "");
  if (!root.has("layer")) root.refuse("layer", "the group of all layers", "none", "Is it a Lava DL .net file?");
  const layers = readLayers(root.group("layer"), file);
  const simulation = readSimulation(root);
  const strangers = strangersIn(file, { "": ["layer", "simulation"], "/simulation": ["Ts", "tSample"] });
  return { layers, simulation, ...(strangers.length > 0 ? { strangers } : {}) };
}

/** Lava's loader walks 0, 1, 2, ... up to the number of members, so every name must be one of these. */
function readLayers(group: GroupReader, file: Hdf5Reader): NetFile["layers"] {
  const names = file.members(group.place);
  if (names.length === 0 || names.length > MOST_LAYERS) {
    group.refuse("", `1 to ${MOST_LAYERS} layers`, `${names.length}`);
  }
  const missing = names.findIndex((_, layer) => !group.has(`${layer}`));
  if (missing >= 0) {
    const other = names.find((name) => !/^(0|[1-9]\d*)$/.test(name) || Number(name) >= names.length);
    group.refuse(`${missing}`, `layers 0 to ${names.length - 1} without a gap`, `no ${missing}, but "${other}"`);
  }
  return names.map((_, layer) => readLayer(group.group(`${layer}`)));
}

/** Members of some groups that are not among the known ones. */
function strangersIn(file: Hdf5Reader, known: Record<string, string[]>): string[] {
  return Object.entries(known)
    .filter(([place]) => place === "" || file.isGroup(place))
    .flatMap(([place, names]) =>
      file
        .members(place)
        .filter((name) => !names.includes(name))
        .map((name) => `${place}/${name}`),
    );
}

function readSimulation(root: GroupReader): NetFile["simulation"] {
  if (!root.has("simulation")) return null;
  const group = root.group("simulation");
  return { ts: group.number("Ts"), tSample: group.number("tSample") };
}
