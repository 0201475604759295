/**
 * The surrogate functions against SpikingJelly: derivative and primitive within the file's tolerance, by the native
 * kernels.
 */
import { afterAll, describe, expect, test } from "vitest";
import { parseSurrogate, surrogateCall, surrogateDefinitions } from "../../../src/model/surrogates/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { expectClose } from "../neurons/compare.ts";
import { nativeSurrogate } from "../neurons/native-scan.ts";

const file = await openReference(fixture("surrogates.h5"));
afterAll(() => file.close());

const OURS = Object.keys(surrogateDefinitions);
const cases = file
  .keys("/")
  .filter((kind) => OURS.includes(kind))
  .flatMap((kind) => file.keys(kind).map((name) => `${kind}/${name}`));

describe("SpikingJelly's surrogate functions", () => {
  test.each(cases)("%s: the same derivative and primitive", (path) => {
    const { class: kind, args } = file.config(path);
    const surrogate = parseSurrogate({ kind, ...args });
    const { surrogateParams } = surrogateCall(surrogate, { threshold: 1 });
    const derivative = nativeSurrogate(kind, surrogateParams, file.floats(`${path}/x`));
    expectClose("derivative", derivative, file.floats(`${path}/grad`));
    const at = file.floats(`${path}/primitive_x`);
    expectClose(
      "primitive",
      nativeSurrogate(`${kind}.primitive`, surrogateParams, at),
      file.floats(`${path}/primitive`),
    );
  });

  test.each(cases.filter((path) => file.config(path).default))("%s: our defaults are SpikingJelly's", (path) => {
    const { class: kind, args } = file.config(path);
    expect(parseSurrogate({ kind })).toEqual({ kind, ...args });
  });

  test("cover every surrogate that SpikingJelly has", () => {
    expect(new Set(cases.map((path) => path.split("/")[0]))).toEqual(
      new Set(OURS.filter((kind) => kind !== "LavaExponential")),
    );
  });
});
