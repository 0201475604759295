/** Native memory of networks: what a call makes is given back, inside and outside of scopes. */
import { describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { layers } from "../../src/layers.ts";
import { networkFromDescription, resetNet, setStepMode } from "../../src/model/index.ts";
import { memoryStats, noGrad, Tensor, uniform } from "../../src/tensor/index.ts";
import { errorOf } from "../error-of.ts";
import { smallDescription, smallNetwork } from "./small-network.ts";

const images = () => uniform([3, 1, 8, 8], new RandomStream(7));
const evaluation = () => ({ training: false, random: new RandomStream(1) });

describe("memory", () => {
  it("is all given back: nothing lives after dispose", () => {
    const before = memoryStats().liveBuffers;
    const network = smallNetwork();
    const x = images();
    network.predict(x, new RandomStream(0)).dispose();
    noGrad(() => network.forward(x, evaluation())).dispose();
    // a state is still held here
    network.dispose();
    x.dispose();
    expect(memoryStats().liveBuffers).toBe(before);
  });

  it("is not leaked by calls outside of any scope", () => {
    const network = smallNetwork();
    const x = images();
    const run = () => {
      noGrad(() => network.forward(x, { training: true, random: new RandomStream(0) })).dispose();
      resetNet(network);
    };
    run();
    const before = memoryStats().liveBuffers;
    for (let i = 0; i < 3; i++) run();
    setStepMode(network, "s");
    const step = Tensor.zeros([2, 1, 8, 8]);
    noGrad(() => network.root.forward(step, evaluation())).dispose();
    resetNet(network);
    step.dispose();
    expect(memoryStats().liveBuffers).toBe(before);
    network.dispose();
    x.dispose();
  });

  it("is not leaked by networks that are refused", () => {
    const before = memoryStats().liveBuffers;
    errorOf(() => networkFromDescription({ ...smallDescription(), inputShape: [2, 8, 8] }, layers));
    expect(memoryStats().liveBuffers).toBe(before);
  });
});
