/** How layers and networks are printed. */
import { describe, expect, it } from "vitest";
import { Conv2d, Flatten, IFNode, Linear, printLayer, printNetwork, Sequential } from "../../src/model/index.ts";
import { Block } from "../../src/quantize/index.ts";
import { smallNetwork } from "./small-network.ts";

describe("printing", () => {
  it("shows a layer's options that are not the defaults", () => {
    expect(printLayer(Conv2d({ inChannels: 1, outChannels: 8, kernelSize: [3, 2], stride: 1, bias: false }))).toBe(
      "Conv2d(inChannels=1, outChannels=8, kernelSize=[3,2], bias=false)",
    );
    expect(printLayer(IFNode())).toBe("IFNode()");
    expect(printLayer(IFNode({ vReset: null, surrogate: { kind: "ATan", alpha: 2 } }))).toBe(
      "IFNode(vReset=null, surrogate=ATan(alpha=2))",
    );
  });

  it("shows the members of containers", () => {
    const synapse = Linear({ inFeatures: 4, outFeatures: 2, bias: false });
    expect(printLayer(Block(synapse, IFNode({ vThreshold: 2 })))).toBe(
      "Block(Linear(inFeatures=4, outFeatures=2, bias=false), CubaLIFNode(currentDecay=1, voltageDecay=0, vThreshold=2))",
    );
    expect(printLayer(Sequential([Flatten(), IFNode()]))).toBe("Sequential(Flatten(), IFNode())");
  });

  it("shows a network as a table of layers, output shapes and parameters", () => {
    const network = smallNetwork();
    const lines = printNetwork(network).split("\n");
    expect(lines[0]).toBe("Network: input [1,8,8], 4 steps, PoissonEncoder");
    expect(lines[1]).toMatch(/^layer +what +output +parameters$/);
    const cells = lines.slice(2, -1).map((line) => line.split(/ {2,}/));
    expect(cells.map(([path]) => path)).toEqual([
      ...["0", "1", "2", "3"].map((name) => `features.${name}`),
      "flatten",
      "dropout",
      "head",
      "spikes",
    ]);
    expect(cells[0]!.slice(1)).toEqual([
      "Conv2d(inChannels=1, outChannels=3, kernelSize=3, padding=1, bias=false)",
      "[3,8,8]",
      "27",
    ]);
    expect(cells[6]!.slice(2)).toEqual(["[10]", "490"]);
    expect(lines.at(-1)).toBe("523 parameters");
    network.dispose();
  });
});
