/** Design rules on a network before training: refusals by layer, limits of input and size, and the rules of the graph it would become. */
import { describe, expect, it } from "vitest";
import { checkNetwork } from "../../../src/exporters/lynxi/rules/check-network.ts";
import {
  BatchNorm2d,
  ConstantEncoder,
  Conv2d,
  CubaLIFNode,
  createNetwork,
  Flatten,
  IFNode,
  Linear,
  PoissonEncoder,
  Sequential,
} from "../../../src/index.ts";

interface Plan {
  inputShape: [number, number, number];
  steps: number;
  layers?: Parameters<typeof Sequential>[0];
  sequence?: boolean;
}

function findingsOf({ inputShape, steps, layers, sequence = false }: Plan) {
  const features = inputShape.reduce((product, size) => product * size, 1);
  const made = createNetwork(
    {
      inputShape,
      steps,
      encoder: sequence ? PoissonEncoder() : ConstantEncoder(),
      root: Sequential(
        layers ?? { flatten: Flatten(), fc: Linear({ inFeatures: features, outFeatures: 2 }), spikes: IFNode() },
      ),
    },
    1,
  );
  try {
    return checkNetwork(made);
  } finally {
    made.dispose();
  }
}

const above = (plan: Plan) => findingsOf(plan).filter(({ severity }) => severity !== "note");

describe("a network", () => {
  it("that the chip can take has its size noted and nothing else", () => {
    const findings = findingsOf({ inputShape: [1, 4, 4], steps: 4 });
    expect(findings.filter(({ severity }) => severity !== "note")).toEqual([]);
    expect(findings.find(({ rule }) => rule === "LX028")?.message).toMatch(/\d+ nodes, \d+ parameters, 2 neurons/);
    expect(findings.some(({ message }) => message.startsWith("not judged"))).toBe(false);
  });

  it("with a neuron or layer that has no way onto the chip is refused by that layer", () => {
    const layers = {
      flatten: Flatten(),
      fc: Linear({ inFeatures: 16, outFeatures: 2 }),
      cuba: CubaLIFNode({ currentDecay: 1, voltageDecay: 0.25 }),
    };
    expect(above({ inputShape: [1, 4, 4], steps: 4, layers })).toMatchObject([
      { rule: "LX004", severity: "error", place: "cuba" },
    ]);
  });

  it("with a layer that lowers to nothing at all is refused by that layer too", () => {
    const layers = {
      conv: Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 3 }),
      norm: BatchNorm2d({ numFeatures: 2, trackRunningStats: false }),
      spikes: IFNode(),
    };
    expect(above({ inputShape: [1, 4, 4], steps: 2, layers })).toMatchObject([
      { rule: "LX004", severity: "error", place: expect.stringContaining("norm") },
    ]);
  });

  it("with more input than the documented bounds is warned of, also when a layer is refused", () => {
    const plan: Plan = { inputShape: [3, 128, 64], steps: 65, sequence: true };
    expect(above(plan).filter(({ rule }) => rule === "LX015")).toMatchObject([
      { severity: "warning", place: "inputs" },
    ]);
    const refused = {
      flatten: Flatten(),
      fc: Linear({ inFeatures: 24576, outFeatures: 2 }),
      cuba: CubaLIFNode({ currentDecay: 1, voltageDecay: 0.25 }),
    };
    expect(above({ ...plan, layers: refused }).map(({ rule }) => rule)).toEqual(["LX004", "LX015"]);
  });

  it("with more steps than a graph should have is judged by its size, without being lowered", () => {
    const findings = findingsOf({ inputShape: [1, 2, 2], steps: 100_000 });
    expect(findings.filter(({ severity }) => severity === "warning").every(({ rule }) => rule === "LX028")).toBe(true);
    expect(findings.at(-1)).toMatchObject({ severity: "note", message: expect.stringContaining("not judged") });
  });

  it("has the layer named where a rule on its graph is broken", () => {
    const layers = {
      conv: Conv2d({ inChannels: 4, outChannels: 8, kernelSize: 3, groups: 2 }),
      spikes: IFNode(),
      flatten: Flatten(),
      fc: Linear({ inFeatures: 32, outFeatures: 2 }),
      out: IFNode(),
    };
    const noted = findingsOf({ inputShape: [4, 4, 4], steps: 2, layers }).filter(({ rule }) => rule === "LX029");
    expect(noted).toMatchObject([{ severity: "note", place: expect.stringMatching(/^conv \(/) }]);
  });
});
