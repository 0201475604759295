/** The simulator on a device against recorded runs of Lava's own loader and fixed-point models: every layer, every step, nothing may differ. */
import { afterAll, expect, it } from "vitest";
import { readNet } from "../../src/exporters/lava/read.ts";
import { simulate } from "../../src/exporters/lava/simulate.ts";
import { inputOf, mismatches, optionsOf, recordedCases } from "../exporters/lava/netx-runs.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { DEVICE, describeOnDevice } from "./device.ts";

const reference = await openReference(fixture("lava_blocks.h5"));
afterAll(() => reference.close());

describeOnDevice("the chip's simulator on a device", () => {
  it.each(recordedCases(reference))("runs %s as Lava did", async (name) => {
    const file = reference.attribute(name, "net_lowered") ?? reference.attribute(name, "net");
    const net = await readNet(fixture(...String(file).split("/")));
    const { layers, output } = simulate(net, inputOf(reference, name), {
      ...optionsOf(reference, name),
      device: DEVICE,
    });
    expect(mismatches(output.data, reference.array(`${name}/netx_out`))).toBe(0);
    const recorded = reference.has(`${name}/netx`) ? reference.keys(`${name}/netx`) : [];
    expect(layers.length).toBe(recorded.length);
    for (const layer of recorded) {
      const { data } = layers[Number(layer.replace("layer", ""))]!;
      expect([layer, mismatches(data, reference.array(`${name}/netx/${layer}`))]).toEqual([layer, 0]);
    }
  });
});
