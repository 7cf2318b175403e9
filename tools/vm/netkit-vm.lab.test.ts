import { mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { at } from "../paths.mjs";
import { bundle } from "../up/bundle.mjs";
import { fetchKernel } from "./kernel.mjs";
import { runOn } from "./machine.mjs";

test("a netkit pair is made whole and obeys its policies on Debian's 6.12, whatever this machine's kernel has", async () => {
  mkdirSync(at(".data/vm"), { recursive: true });
  const script = at(".data/vm/netkit.js");
  await bundle({ entry: at("packages/native/test/netkit-print.ts"), outfile: script });
  const { code, output } = await runOn(await fetchKernel("6.12"), `${process.execPath} ${script} 2>&1`);
  expect(code, output).toBe(0);
  const told = JSON.parse(output.split("\n").find((line) => line.startsWith("{")) ?? "{}");
  const { ifindex, peerIfindex } = told.ends;
  expect(told).toEqual({
    ends: { ifindex, peerIfindex },
    host: [{ name: "mr0", kind: "netkit", mtu: 1450, ifindex, peerIfindex }],
    pod: [{ name: "eth0", kind: "netkit", mtu: 1400, ifindex: peerIfindex, peerIfindex: ifindex }],
    again: "EEXIST",
    left: [],
    ping: { pass: true, drop: false, peerDrop: false },
  });
});
