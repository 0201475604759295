/** Encoders against SpikingJelly: `encoders.h5`, the classes that Spikeship has. */
import { afterAll, describe, expect, it } from "vitest";
import { RandomStream } from "../../src/core/index.ts";
import { LatencyEncoder, latencyTimes } from "../../src/model/index.ts";
import { scope } from "../../src/tensor/index.ts";
import { fixture } from "../fixture.ts";
import { openReference } from "../h5.ts";
import { tensorOf } from "./layer-fixture.ts";

const file = await openReference(fixture("encoders.h5"));
afterAll(() => file.close());

describe("LatencyEncoder", () => {
  it.each(file.keys("LatencyEncoder"))(
    "fires when SpikingJelly's does in %s, wrapping around after T calls",
    (member) => {
      const path = `LatencyEncoder/${member}`;
      const { args, calls } = file.config(path) as {
        args: { T: number; enc_function: "linear" | "log" };
        calls: number;
      };
      const times = latencyTimes(file.floats(`${path}/x`), args.T, args.enc_function);
      expect([...times]).toEqual([...file.array(`${path}/spike_time`).data]);
      scope(() => {
        const encoder = LatencyEncoder({ function: args.enc_function });
        const sequence = encoder.encode(tensorOf(file, `${path}/x`), args.T, new RandomStream(0)).toArray();
        const stored = file.floats(`${path}/spike_seq`);
        const size = sequence.length / args.T;
        // SpikingJelly counts its calls and begins anew after T of them; here a sequence has T steps
        const wrapped = Float32Array.from(stored, (_, i) => sequence[i % (args.T * size)]!);
        expect(stored.length).toBe(calls * size);
        expect([...wrapped]).toEqual([...stored]);
      });
    },
  );
});
