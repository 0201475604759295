/** What an export can be asked for beyond its default: spikes out, intermediate outputs, the literal form of a neuron. */
import { describe, expect, it } from "vitest";
import {
  checkModel,
  createLynxiTarget,
  lowerGraph,
  openLynxi,
  readManifest,
} from "../../../src/exporters/lynxi/index.ts";
import { lowerStep } from "../../../src/exporters/lynxi/step/index.ts";
import { layers } from "../../../src/layers.ts";
import { type Network, networkFromDescription } from "../../../src/model/index.ts";
import { isPreparedForLynxi, prepareForLynxi } from "../../../src/quantize/index.ts";
import { errorOf, temporaryFolder } from "../../error-of.ts";

const [STEPS, CLASSES] = [3, 2];
const folder = temporaryFolder();

function networkOf(...tail: object[]): Network {
  const members = {
    conv: { kind: "Conv2d", inChannels: 1, outChannels: 2, kernelSize: 3, padding: 1 },
    spikes: { kind: "LIFNode", vReset: -0.25, vThreshold: 0.25 },
    flat: { kind: "Flatten" },
    head: { kind: "Linear", inFeatures: 32, outFeatures: CLASSES },
    ...Object.fromEntries(tail.map((layer, i) => [`tail${i}`, layer])),
  };
  return networkFromDescription(
    { inputShape: [1, 4, 4], steps: STEPS, root: { kind: "Sequential", layers: members } },
    layers,
    5,
  );
}

const graphOf = (...tail: object[]) => {
  const network = networkOf(...tail);
  const graph = network.lower();
  network.dispose();
  return graph;
};

describe("the output of a graph", () => {
  it("is the rate by default and the sequence when asked for", () => {
    const graph = graphOf({ kind: "IFNode" });
    expect(lowerGraph(graph, { batch: 2 }).model.outputs).toMatchObject([{ name: "rate", shape: [2, CLASSES] }]);
    const spikes = lowerGraph(graph, { batch: 2, output: "spikes" });
    expect(spikes.model.outputs).toMatchObject([{ shape: [STEPS * 2, CLASSES] }]);
    expect(spikes.ratesOut).toBe(false);
    expect(spikes.model.nodes.map(({ op }) => op)).not.toContain("ReduceMean");
  });

  it("has the outputs of named layers behind it, a repeated one included", () => {
    const { model } = lowerGraph(graphOf({ kind: "IFNode" }), { taps: ["conv", "spikes", "head"] });
    expect(model.outputs.map(({ shape }) => shape)).toEqual([
      [1, CLASSES],
      [STEPS, 2, 4, 4],
      [STEPS, 2, 4, 4],
      [STEPS, CLASSES],
    ]);
    expect(checkModel(model, { steps: STEPS }).filter(({ severity }) => severity === "error")).toEqual([]);
  });

  it("names the nearest layer to an unknown one", () => {
    const { code, message } = errorOf(() => lowerGraph(graphOf(), { taps: ["spike"] }));
    expect(code).toBe("OPTION");
    expect(message).toMatch(/"spike"\. Did you mean "spikes"\?/);
  });
});

describe("the form of a neuron", () => {
  it("is seen from its reset potential, or literal when asked for", () => {
    const factsIn = (neuronForm: "shift" | "exact") => {
      const { layers: lowered, model } = lowerGraph(graphOf(), { neuronForm });
      const { form } = lowered.find(({ layer }) => layer === "spikes")!.neuron!;
      return { form, numbers: model.initializers.map(({ name }) => name).filter((name) => name.startsWith("number_")) };
    };
    // threshold 0.25 - (-0.25); reset to 0
    expect(factsIn("shift").form).toBe("shift");
    expect(factsIn("shift").numbers).toContain("number_0.5");
    expect(factsIn("shift").numbers).not.toContain("number_m0.25");
    expect(factsIn("exact").form).toBe("plain");
    expect(factsIn("exact").numbers).toContain("number_m0.25");
  });
});

describe("a written artefact", () => {
  const target = createLynxiTarget({ prepare: prepareForLynxi, isPrepared: isPreparedForLynxi });
  const input = { form: "image" as const, shape: [1, 1, 4, 4], data: new Float32Array(16).fill(0.5) };

  it("describes the outputs of layers and still runs", async () => {
    const network = networkOf({ kind: "KLIFNode" }, { kind: "NonSpikingLIFNode" });
    const directory = `${folder}/taps`;
    await target.export(network, directory, { taps: "conv,spikes", output: "spikes" });
    network.dispose();
    const { outputs } = readManifest(`${directory}/manifest.json`);
    expect(outputs.map(({ layout, shape }) => [layout, shape])).toEqual([
      ["TN,F", [STEPS, CLASSES]],
      ["TN,C,H,W", [STEPS, 2, 4, 4]],
      ["TN,C,H,W", [STEPS, 2, 4, 4]],
    ]);
    const runtime = openLynxi(directory);
    const [chip, exact] = [await runtime.run(input), await runtime.runFloat32(input)];
    runtime.close();
    expect(chip.output?.shape).toEqual([STEPS, 1, CLASSES]);
    expect(exact.output?.shape).toEqual([STEPS, 1, CLASSES]);
  });

  it("gives rates beside the outputs of layers", async () => {
    const network = networkOf({ kind: "IFNode" });
    const directory = `${folder}/rates`;
    await target.export(network, directory, { taps: ["spikes"] });
    network.dispose();
    const { outputs } = readManifest(`${directory}/manifest.json`);
    expect(outputs.map(({ layout }) => layout)).toEqual(["N,F", "TN,C,H,W"]);
    const runtime = openLynxi(directory);
    const { rates, output } = await runtime.run(input);
    runtime.close();
    expect([rates.length, output]).toEqual([CLASSES, null]);
  });

  it("of one time-step has no such options", async () => {
    const network = networkOf({ kind: "IFNode" });
    const exporting = target.export(network, `${folder}/step`, { style: "S-onnx", output: "spikes" });
    await expect(exporting).rejects.toThrow(/output rate and no taps for a graph of one time-step/);
    network.dispose();
  });
});

describe("what has no single step", () => {
  it("is refused by name there and written for the whole sequence", () => {
    const graph = graphOf({ kind: "PSN", T: STEPS });
    expect(lowerGraph(graph).model.nodes.filter(({ op }) => op === "Conv")).toHaveLength(1 + STEPS);
    const { code, message } = errorOf(() => lowerStep(graph));
    expect(code).toBe("TARGET");
    expect(message).toContain('parallelNeuron "tail0"');
  });

  it("an adaptive pool of unequal windows trains and is refused", () => {
    const root = {
      kind: "Sequential",
      layers: [
        { kind: "Conv2d", inChannels: 1, outChannels: 1, kernelSize: 1 },
        { kind: "AdaptiveAvgPool2d", outputSize: 3 },
      ],
    };
    const network = networkFromDescription({ inputShape: [1, 4, 4], steps: 1, root }, layers);
    const { code, message } = errorOf(() => network.lower());
    network.dispose();
    expect(code).toBe("TARGET");
    expect(message).toContain("divides the input [4,4], got [3,3]");
  });
});
