import { it, expect } from "vitest";
import { readdirSync, writeFileSync } from "node:fs";
import { readNet } from "../../../src/exporters/lava/read.ts";
import { writeNet, encodeNet } from "../../../src/exporters/lava/write.ts";
it("reads", async () => {
  for (const dir of ["/work/main/fixtures/lava_nets", "/work/shared/interop/lava-dl"]) for (const f of readdirSync(dir).filter(f=>f.endsWith(".net"))) {
    const n = await readNet(`${dir}/${f}`);
    await writeNet(n, `/tmp/w/rt_${f}`);
    const back = await readNet(`/tmp/w/rt_${f}`);
    expect(back).toEqual(n);
  }
  const n = await readNet(`/work/main/fixtures/lava_nets/mnist_like.net`);
  const a = await encodeNet(n); await new Promise(r=>setTimeout(r,2100)); const b = await encodeNet(n);
  expect(Buffer.compare(a,b)).toBe(0);
});
