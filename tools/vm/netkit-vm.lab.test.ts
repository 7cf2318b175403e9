/* Debian's 6.12, which has netkit, whatever this machine's kernel has: all of it in one machine, of which each takes its time. */
import { beforeAll, expect, test } from "vitest";
import { fetchKernel } from "./kernel.mjs";
import { runOn } from "./machine.mjs";
import { scriptCommand } from "./script.mjs";
import { expectTable } from "./verifier-table.ts";

const SCRIPTS = [
  "packages/native/test/netkit-print.ts",
  "packages/bpf/tests/pod-links-print.ts",
  "apps/agent/src/testing/pod-link-life-print.ts",
];
let code: number | undefined;
let output: string;
let told: Record<string, unknown>[];

beforeAll(async () => {
  // The kernel patches itself when a device gets the first hook and loses the last, and the emulator may then run what stood
  // there before. One that stays keeps it from that.
  const scripts = await Promise.all([...SCRIPTS, "packages/bpf/tests/verifier-print.ts"].map(scriptCommand));
  const commands = ["tc qdisc add dev lo clsact", ...scripts];
  const options = { modules: ["veth", "tun", "sch_ingress"], seconds: 400 };
  ({ code, output } = await runOn(await fetchKernel("6.12"), commands.join("; "), options));
  told = output.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line)] : []));
}, 420_000);

/** Of a script that ended well. */
function toldBy(index: number) {
  expect(told, output).toHaveLength(SCRIPTS.length);
  return told[index] as Record<string, unknown>;
}

test("every program loads in every configuration", () => {
  expectTable({ code, output }, /kernel 6\.12\b/);
});

test("a pair is made whole and obeys its policies", () => {
  const { ends, ...rest } = toldBy(0) as { ends: { ifindex: number; peerIfindex: number } };
  const { ifindex, peerIfindex } = ends;
  expect(rest).toEqual({
    host: [{ name: "mr0", kind: "netkit", mtu: 1450, ifindex, peerIfindex }],
    pod: [{ name: "eth0", kind: "netkit", mtu: 1400, ifindex: peerIfindex, peerIfindex: ifindex }],
    again: "EEXIST",
    left: [],
    ping: { pass: true, drop: false, peerDrop: false },
  });
});

const FAMILIES = ["ip4", "ip6"];
const WAYS = [
  ...["netkit to netkit", "netkit to veth", "veth to netkit"],
  ...["host to netkit", "netkit to host", "direct", "overlay"],
  ...["masqueraded", "host port", "service"],
];
const ASKED = [
  ...["asked: the way", "asked: into a pod, from a pod", "asked: into a pod, from outside"],
  ...FAMILIES.map((family) => `asked: to the host, ${family}`),
];

test("its pod reaches whom a veth pair's reaches, and all is counted once, also by who only observes", () => {
  const { answers, once, drops, books } = toldBy(1);
  const ways = [...WAYS.flatMap((way) => FAMILIES.map((family) => `${way} ${family}`)), ...ASKED];
  const refused = FAMILIES.map((family) => [`service of nobody ${family}`, "Error: ECONNREFUSED"]);
  expect(answers).toEqual(Object.fromEntries([...ways.map((way) => [way, "ok"]), ...refused]));
  expect({ once, drops }).toEqual({ once: "7 7", drops: {} });
  const balance = ["a", "b", "v", "c", "watched"].map((name) => [name, "balance"]);
  expect(books).toEqual(Object.fromEntries(balance));
});

test("what policy denies goes nowhere, neither out of its pod nor into it", () => {
  expect(toldBy(1).policy).toEqual({ arriving: "5", leaving: "5" });
});

test("links of both kinds pass from an agent to one of another version without losing a packet", () => {
  expect(toldBy(2)).toEqual({
    chosen: ["netkit", "veth", "netkit"],
    own: ["veth", "netkit"],
    mac: "00:00:00:00:00:00",
    types: ["netkit", "netkit", "tcx", "tcx", "tcx"],
    adopted: true,
    ...{ replaced: true, lost: "0", reached: [true, true, true, true], books: ["balance", "balance"] },
    without: [0, 0],
    left: [],
  });
});
