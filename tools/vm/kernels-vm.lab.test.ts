import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { ALL_CARRIED } from "../../packages/bpf/tests/carried.ts";
import { at } from "../paths.mjs";
import { fetchKernel } from "./kernel.mjs";
import { runOn } from "./machine.mjs";
import { verifyOn } from "./main.mjs";
import { scriptCommand } from "./script.mjs";
import { expectTable } from "./verifier-table.ts";

test("Debian 12's own 6.1, which has no tcx, loads every program, too", async () => {
  expectTable(await verifyOn("6.1"), /kernel 6\.1\b/);
});

test("there Millrace observes and carries by classic tc, and its objects can be built", async () => {
  const scripts = [
    await scriptCommand("apps/agent/src/testing/observe-print.ts"),
    await scriptCommand("packages/bpf/tests/carried-print.ts"),
  ];
  const types = "gzip -c /sys/kernel/btf/vmlinux | base64 -w 0; echo";
  const command = [...scripts, types].join("; ");
  const modules = ["veth", "sch_ingress", "cls_bpf"];
  const { output } = await runOn(await fetchKernel("6.1"), command, { modules });
  const told = output.split("\n").filter((line) => line.startsWith("{"));
  expect(told, output.slice(0, 5000)).toHaveLength(2);
  expect(JSON.parse(told[0] as string)).toEqual({
    ...{ tcx: false, by: "tc", adopted: true },
    counted: { endpoint: 12, flows: 12 },
  });
  expect(JSON.parse(told[1] as string)).toEqual(ALL_CARRIED);
  compileAgainst(gunzipSync(Buffer.from(output.trim().split("\n").at(-1) ?? "", "base64")));
});

/** All that packages/bpf has, with the types of the kernel that these are of. */
function compileAgainst(btf: Buffer): void {
  const folder = mkdtempSync(at(".data/vm/against-"));
  try {
    const file = path.join(folder, "vmlinux.btf");
    writeFileSync(file, btf);
    execFileSync("make", ["-s", "-C", at("packages/bpf"), "against", `BTF=${file}`, `OUT=${folder}`]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
