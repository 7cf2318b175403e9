/**
 * The life of pods' links of both kinds, printed as a line of JSON for a kernel that has netkit where the tests' own has not:
 * a pod of each kind on one host, agents of two versions one after the other under a ping, and what is left at the end.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { PathKind } from "@millrace/abi/generated/flow";
import type { PodLinkKind } from "@millrace/contract/agent-protocol";
import { links, netnsCookie, openPinnedLink } from "@millrace/native/native";
import type { ForwardingTables } from "../dataplane/dataplane.ts";
import { LibbpfDataplane } from "../dataplane/libbpf-dataplane.ts";
import { KernelLinks } from "../dataplane/pod-link.ts";
import { podLinkKind } from "../dataplane/pod-link-kind.ts";
import type { MadePodLink } from "../dataplane/pod-links.ts";
import { addressBytes } from "../endpoint/address.ts";
import { INGRESS, readTotals } from "../telemetry/endpoint-baseline.ts";
import { inside, ip } from "./link.ts";

const BPF = fileURLToPath(new URL("../../../../packages/bpf/build", import.meta.url));
const PINS = `/sys/fs/bpf/pod-link-life-${process.pid}`;
const VERSIONS = `/tmp/pod-link-life-${process.pid}`;
const namespaceOf = (name: string): string => `life${process.pid}-${name}`;
const netnsOf = (name: string): string => `/run/netns/${namespaceOf(name)}`;
const HOST = netnsOf("host");
const HOST_ADDRESS = "10.200.0.1";

type Pod = { name: string; kind: PodLinkKind; address: string; endpointId: number };
const PODS: readonly Pod[] = [
  { name: "older", kind: "veth", address: "10.201.0.5", endpointId: 7 },
  { name: "younger", kind: "netkit", address: "10.201.0.6", endpointId: 8 },
];
const [OLDER, YOUNGER] = PODS as [Pod, Pod];
const specOf = ({ name, address }: Pod) => ({
  ...{ hostName: `mr${name}`, netns: netnsOf(name), name: "eth0", mac: "02:00:00:00:00:05", mtu: 1450 },
  ...{ addresses: [{ address, gateway: "169.254.1.1" }], hostPorts: [] },
});

/** Each is another version, as far as anybody can tell. */
function open(version: string): LibbpfDataplane {
  const bpfDirectory = path.join(VERSIONS, version);
  fs.mkdirSync(bpfDirectory, { recursive: true });
  fs.copyFileSync(path.join(BPF, "observe.bpf.o"), path.join(bpfDirectory, "observe.bpf.o"));
  fs.appendFileSync(path.join(bpfDirectory, "observe.bpf.o"), version);
  const table = { flowCapacity: 64, flowBudget: 64 };
  return new LibbpfDataplane({ bpfDirectory, pinDirectory: PINS, hostNetns: HOST, ...table });
}

function attach(plane: LibbpfDataplane, pod: Pod, { cookie, ifindex, port }: MadePodLink): void {
  const place = { cookie, ifindex, port: { cookie: netnsCookie(HOST), ifindex: port } };
  plane.attach({ ...place, endpointId: pod.endpointId, netns: HOST });
}

function tablesOf(made: ReadonlyMap<Pod, MadePodLink>): ForwardingTables {
  const bytes = (text: string) => addressBytes(text) as Uint8Array;
  const nobody = {
    tunnelAddress: 0,
    natFirst: 0,
    natLast: 0,
    natAddress4: 0,
    natAddress6: new Uint8Array(16),
    nodePorts: false,
  };
  return {
    facts: { uplink: 0, punt: 0, tunnelPort: 0, ...nobody },
    locals: [...made].map(([{ address, endpointId }, { port }]) => ({
      ...{ address: bytes(address), endpointId, ifindex: port, identity: 1000 + endpointId },
    })),
    routes: [
      { address: bytes("0.0.0.0"), prefixBits: 96, kind: PathKind.HOST, remote: 0, identity: 2, flags: 0 },
    ],
    ...{ remotes: [], hostPorts: [] },
  };
}

/** Of each of the pod's ends, which program stands there, by what kind of link. */
function hooks(generation: string): Record<string, { type: string; progId: number }> {
  const directory = path.join(PINS, generation, "hooks");
  return Object.fromEntries(
    fs.readdirSync(directory).map((file) => {
      const link = openPinnedLink(path.join(directory, file));
      const { type, progId } = link.info();
      link.close();
      return [file, { type, progId }];
    }),
  );
}

/** What the kernel counted of an endpoint, and its interface; sent and received. */
function counted(plane: LibbpfDataplane, pod: Pod): string {
  const { values, count, cpus, stride } = plane.readEndpoints();
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  const at = Array.from({ length: count }, (_, i) => i * cpus * stride);
  const found = at.find((place) => view.getUint32(place, true) === pod.endpointId) ?? 0;
  const totals = readTotals(view, found, cpus, stride);
  const stats = statsOf(netnsOf(pod.name), "eth0");
  const own = [totals[0], totals[2], totals[INGRESS], totals[INGRESS + 2]].join(" ");
  const device = [stats.tx_packets, stats.tx_bytes, stats.rx_packets, stats.rx_bytes].join(" ");
  return own === device ? "balance" : `${own}, its interface ${device}`;
}

function reaches(netns: string, to: string): boolean {
  try {
    inside(netns, ["ping", "-q", "-c", "1", "-W", "1", to]);
    return true;
  } catch {
    return false;
  }
}
const statsOf = (netns: string, device: string): Record<string, bigint> =>
  links(netns).find(({ name }) => name === device)?.stats64 ?? {};
/** Packets that a ping brings to a device, whatever is answered. */
function brings(from: string, to: string, at: { netns: string; device: string }): number {
  const received = () => Number(statsOf(at.netns, at.device).rx_packets);
  const before = received();
  reaches(from, to);
  return received() - before;
}

/** While `work` goes on: how many of them were lost. */
async function lostUnder(from: Pod, to: string, work: () => Promise<void>): Promise<string> {
  const words = [`--net=${netnsOf(from.name)}`, "ping", "-q", "-i", "0.01", to];
  const ping = spawn("nsenter", words, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  ping.stdout.on("data", (chunk: Buffer) => (said += chunk));
  const ended = new Promise((resolve) => ping.once("exit", resolve));
  await work();
  ping.kill("SIGINT");
  await ended;
  return /([\d.]+)% packet loss/.exec(said)?.[1] ?? said;
}

async function run(): Promise<object> {
  for (const name of ["host", ...PODS.map((pod) => pod.name)]) ip(`netns add ${namespaceOf(name)}`);
  for (const words of ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.disable_ipv6=1"])
    inside(HOST, ["sysctl", "-qw", words]);
  inside(HOST, ["ip", "link", "set", "lo", "up"]);
  inside(HOST, ["ip", "addr", "add", `${HOST_ADDRESS}/32`, "dev", "lo"]);
  let plane = open("first");
  const { generation } = plane.start(undefined);
  plane.markReported();
  const kinds = ["auto", "veth", "netkit"] as const;
  const chosen = kinds.map((choice) => podLinkKind(choice, plane.capabilities()));
  const made = new Map<Pod, MadePodLink>();
  for (const pod of PODS) {
    const maker = new KernelLinks(HOST, pod.kind);
    const link = maker.make(specOf(pod));
    made.set(pod, link);
    attach(plane, pod, link);
    maker.raise(specOf(pod), link);
  }
  const tables = tablesOf(made);
  plane.forwarding.setTables(tables);
  const before = hooks(generation);
  let adopted = false;
  const lost = await lostUnder(YOUNGER, OLDER.address, async () => {
    await plane.close({ remove: false });
    plane = open("next");
    ({ adopted } = plane.start(generation));
    for (const [pod, link] of made) attach(plane, pod, link);
    plane.forwarding.setTables(tables);
  });
  const after = hooks(generation);
  const replaced = Object.keys(before).every((file) => before[file]?.progId !== after[file]?.progId);
  const reached = [
    ...[reaches(netnsOf(YOUNGER.name), OLDER.address), reaches(netnsOf(OLDER.name), YOUNGER.address)],
    ...[reaches(netnsOf(YOUNGER.name), HOST_ADDRESS), reaches(HOST, YOUNGER.address)],
  ];
  const books = PODS.map((pod) => counted(plane, pod));
  const named = new KernelLinks(HOST, "veth");
  const mac = named.facts(netnsOf(YOUNGER.name), "eth0")?.mac;
  const own = PODS.map(({ name }) => named.kinds().get(`mr${name}`));
  const types = Object.values(after)
    .map(({ type }) => type)
    .sort();
  await plane.close({ remove: true });
  const [pod, host] = [
    { netns: netnsOf(YOUNGER.name), device: "eth0" },
    { netns: HOST, device: `mr${YOUNGER.name}` },
  ];
  const without = [brings(HOST, YOUNGER.address, pod), brings(pod.netns, HOST_ADDRESS, host)];
  for (const { name } of PODS) named.remove(`mr${name}`);
  const left = [...named.kinds().keys()].filter((name) => name.startsWith("mr"));
  return { chosen, own, mac, types, adopted, replaced, lost, reached, books, without, left };
}

try {
  console.log(JSON.stringify(await run()));
} finally {
  fs.rmSync(PINS, { recursive: true, force: true });
  fs.rmSync(VERSIONS, { recursive: true, force: true });
  for (const name of ["host", ...PODS.map((pod) => pod.name)])
    if (fs.existsSync(netnsOf(name))) ip(`netns del ${namespaceOf(name)}`);
}
