/**
 * The membrane neurons against SpikingJelly: spikes exact, potentials and gradients within the file's
 * tolerance.
 */
import { afterAll, describe, test } from "vitest";
import { initialState, parseNeuronOptions, surrogateThreshold, variantOf } from "../../../src/model/neurons/index.ts";
import { parseSurrogate, surrogateCall } from "../../../src/model/surrogates/index.ts";
import { fixture } from "../../fixture.ts";
import { openReference } from "../../h5.ts";
import { expectClose, expectExact } from "./compare.ts";
import { nativeBackward, nativeForward } from "./native-scan.ts";

const file = await openReference(fixture("neurons.h5"));
afterAll(() => file.close());

/** SpikingJelly's constructor arguments as our options: the same names in camelCase. */
function camelCase(args: Record<string, unknown>): Record<string, unknown> {
  const camel = (name: string) => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(args).map(([name, value]) => [camel(name), value]));
}

const KINDS = ["IFNode", "LIFNode", "ParametricLIFNode", "KLIFNode", "QIFNode", "EIFNode"];
const cases = KINDS.flatMap((kind) =>
  file.keys(kind).map((name) => ({ kind, path: `${kind}/${name}`, config: file.config(`${kind}/${name}`) })),
);

describe("SpikingJelly's neurons", () => {
  test.each(cases)("$path: the same spikes, potentials and gradients", ({ kind, path, config }) => {
    const options = parseNeuronOptions(kind, camelCase(config.args));
    const names = file.has(`${path}/params`) ? file.keys(`${path}/params`) : [];
    const learned = Object.fromEntries(names.map((name) => [name, file.floats(`${path}/params/${name}`)[0]!]));
    const variant = variantOf(kind, options, "float32", learned);
    const [steps = 0] = file.array(`${path}/x_seq`).shape;
    const x = file.floats(`${path}/x_seq`);
    const start = initialState(kind, options).v!;
    const initialStates = { v: new Float32Array(x.length / steps).fill(start) };

    const forward = nativeForward(variant, steps, x, initialStates);
    expectExact("spikes", forward.spike, file.floats(`${path}/output`));
    const threshold = surrogateThreshold(kind, options);
    expectClose(
      "u",
      forward.saved.charged!.map((h) => h - threshold),
      file.floats(`${path}/u_seq`),
    );
    expectClose("v", forward.stateSeqs.v!, file.floats(`${path}/v_seq`));

    const { class: surrogateKind, args } = config.surrogate_function;
    const surrogate = surrogateCall(parseSurrogate({ kind: surrogateKind, ...args }), { threshold });
    const gradients = { spike: file.floats(`${path}/grad_output`) };
    const backward = nativeBackward(variant, { steps, x, initialStates, saved: forward.saved, gradients, surrogate });
    expectClose("gradient of x", backward.x, file.floats(`${path}/grads/x_seq`));
    for (const [name, gradient] of Object.entries(variant.learnedGradients(backward.params))) {
      expectClose(`gradient of ${name}`, [gradient], file.floats(`${path}/grads/${name}`));
    }
  });

  test("has cases of every kind and with every reset", ({ expect }) => {
    const seen = new Set(cases.map(({ kind, config }) => `${kind} ${config.args.v_reset === null ? "soft" : "hard"}`));
    expect(seen.size).toBe(2 * KINDS.length);
  });
});
