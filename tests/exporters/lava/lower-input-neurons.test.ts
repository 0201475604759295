/** Neurons at the input and sigma-delta networks from training as layers of a `.net` file: the same numbers, or a refusal by a rule. */
import { describe, expect, it } from "vitest";
import { ConstantEncoder, Flatten, type Layer, type Network, PoissonEncoder } from "../../../src/model/index.ts";
import { Block, InputBlock, SigmaDelta, SigmaDeltaBlock } from "../../../src/quantize/index.ts";
import { temporaryFolder } from "../../error-of.ts";
import { conv, cuba, expectEqual, linear, louder, networkOf, set } from "./block-networks.ts";
import { target } from "./prepared-run.ts";

const folder = temporaryFolder();
/** Types of the layers that were written. */
const equal = (network: Network, name: string) => expectEqual(network, `${folder}/${name}`);

const sigmaDelta = (synapse: Layer, options: object = {}) =>
  SigmaDeltaBlock({ synapse, neuron: SigmaDelta({ threshold: 0.05, ...options }) });
const delta = () => SigmaDeltaBlock({ neuron: SigmaDelta({ part: "delta", threshold: 0.03 }) });

describe("a sigma-delta network", () => {
  it("with matrices, a convolution and sums at the end gives the file's messages", async () => {
    const layers = [
      delta(),
      sigmaDelta(conv(1, 2)),
      Flatten(),
      sigmaDelta(linear(18, 6)),
      sigmaDelta(linear(6, 3), { part: "sigma" }),
    ];
    const types = await equal(louder(networkOf([1, 5, 5], layers, ConstantEncoder())), "sigma-delta");
    expect(types).toEqual(["input", "conv", "flatten", "dense", "dense"]);
  });

  it("keeps biases that stay silent without input, on their grid", async () => {
    const network = networkOf(
      [5],
      [delta(), sigmaDelta(linear(5, 4), { channels: 4 }), sigmaDelta(linear(4, 3))],
      PoissonEncoder(),
    );
    await equal(louder(set(network, "1.neuron", "bias", [0, -0.02, -0.013, -0.3])), "sigma-delta-bias");
  });

  it.each([
    ["another scale", [delta(), sigmaDelta(linear(5, 4), { scale: 32 })], "loihi/sigma-delta-scale"],
    ["a leaky neuron among them", [delta(), Block(linear(5, 4), cuba())], "loihi/sigma-delta-order"],
    [
      "sums in the middle",
      [delta(), sigmaDelta(linear(5, 4), { part: "sigma" }), sigmaDelta(linear(4, 2))],
      "loihi/sigma-delta-order",
    ],
    ["spikes as its input", [sigmaDelta(linear(5, 4))], "loihi/sigma-delta-order"],
  ])("is refused with %s", (_, layers, rule) => {
    const network = networkOf([5], layers, ConstantEncoder());
    expect(target.check(network).map((finding) => finding.rule)).toContain(rule);
    network.dispose();
  });

  it("is refused with biases that speak before the first frame", () => {
    const network = networkOf([5], [delta(), sigmaDelta(linear(5, 2), { channels: 2 })], ConstantEncoder());
    set(network, "1.neuron", "bias", [0.5, 0]);
    expect(target.check(network).map(({ rule }) => rule)).toContain("loihi/sigma-delta-bias");
    network.dispose();
  });
});

describe("neurons at the input", () => {
  it("receive what the host makes of it", async () => {
    const layers = [
      InputBlock({ neuron: cuba({ currentDecay: 0.5 }), weight: 1.5, bias: 0.0625 }),
      Block(linear(5, 4), cuba()),
    ];
    expect(await equal(networkOf([5], layers, ConstantEncoder()), "input")).toEqual(["input", "dense"]);
  });

  it("are refused with a weight that leads off the chip's numbers", () => {
    const layers = [InputBlock({ neuron: cuba(), weight: 0.7 }), Block(linear(5, 4), cuba())];
    const network = networkOf([5], layers, ConstantEncoder());
    expect(target.check(network).find(({ severity }) => severity === "error")).toMatchObject({
      rule: "loihi/input-transform",
      rewrite: "Use a weight that is a multiple of 0.5.",
    });
    network.dispose();
  });
});
