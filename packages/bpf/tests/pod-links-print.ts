/*
 * Pods of both kinds of links on the running kernel: who reaches whom by TCP, UDP and echo, on one host, between two and with
 * the host itself, over IPv4 and IPv6, and whether all of it was counted once. Printed as a line of JSON, for a kernel that
 * has netkit where the tests' own has not.
 */
import { spawn } from "node:child_process";
import { PathKind } from "@millrace/abi/generated/flow";
import { PolicyLimit } from "@millrace/abi/generated/policy";
import { links, netnsCookie } from "@millrace/native/native";
import { Actor } from "./actor.ts";
import { Asker } from "./asker.ts";
import { type PodLink, TestHost, type TestPod, wire } from "./forwarder.ts";
import { Observer } from "./observer.ts";
import { TestPolicy } from "./policy-tables.ts";
import { TestServices } from "./service-tables.ts";
import { type Books, booksOf, interfaceOf, NONE, sumOfFlows } from "./sums.ts";
import { settled } from "./waiting.ts";

const FAMILIES = ["ip4", "ip6"] as const;
const BYTES = 100_000;
const [TCP, UDP, WATCHED] = [6, 17, 4242];
let port = 7000;

type End = { pod: TestPod; actor: Actor };
const answers: Record<string, string> = {};

async function endOf(host: TestHost, name: string, link: PodLink): Promise<End> {
  const pod = host.addPod(name, { mtu: 1450, link });
  return { pod, actor: await Actor.in(pod.netns) };
}

/** What came of it, by name; "ok" when all was answered whole. */
async function noted(name: string, attempt: () => Promise<void>): Promise<void> {
  answers[name] = await attempt().then(
    () => "ok",
    (error: unknown) => String(error),
  );
}

/** Through real sockets, each way; a large segment and a datagram of one packet. */
async function talk(from: Actor, to: Actor, host: string): Promise<void> {
  const at = { port: port++, family: host.includes(":") ? 6 : 4 };
  await to.do("listen", at);
  await to.do("listenUdp", at);
  const { error } = await from.do("open", { id: at.port, host, port: at.port });
  if (error) throw new Error(error);
  await from.do("exchange", { id: at.port, bytes: BYTES });
  await from.do("close", { id: at.port });
  await from.do("udp", { host, port: at.port, bytes: 1200, count: 3, answer: true });
}
const echo = (from: { sh(line: string): string }, to: string) => from.sh(`ping -q -c 1 -W 5 -s 1000 ${to}`);

async function pair(way: string, from: End, to: End): Promise<void> {
  for (const family of FAMILIES)
    await noted(`${way} ${family}`, async () => {
      echo(from.pod.netns, to.pod[family]);
      await talk(from.actor, to.actor, to.pod[family]);
    });
}

async function withHost(way: string, host: TestHost, self: Actor, end: End): Promise<void> {
  for (const family of FAMILIES) {
    const own = family === "ip4" ? host.underlay4 : host.underlay6;
    await noted(`host to ${way} ${family}`, async () => {
      echo(host.netns, end.pod[family]);
      await talk(self, end.actor, end.pod[family]);
    });
    await noted(`${way} to host ${family}`, async () => {
      echo(end.pod.netns, own);
      await talk(end.actor, self, own);
    });
  }
}

/** To the outside under the host's address, and from there by a port of the host's. */
async function outside(h1: TestHost, h2: TestHost, end: End): Promise<void> {
  using far = await Actor.in(h2.netns);
  h1.masquerade(20_000, 20_099);
  h1.publish(8080, TCP, end.pod, 7200);
  await end.actor.do("listen", { port: 7200, family: 6 });
  for (const family of FAMILIES) {
    const [own, theirs] = [h1, h2].map((host) => (family === "ip4" ? host.underlay4 : host.underlay6));
    await noted(`masqueraded ${family}`, () => talk(end.actor, far, String(theirs)));
    await noted(`host port ${family}`, () => fetchBack(far, String(own), 8080));
  }
}
async function fetchBack(from: Actor, host: string, to: number): Promise<void> {
  const id = port++;
  const { error } = await from.do("open", { id, host, port: to });
  if (error) throw new Error(error);
  await from.do("exchange", { id, bytes: BYTES });
  await from.do("close", { id });
}

/** A service of a pod of the same host, and one that nobody serves: that is refused, not only silent. */
async function served(host: TestHost, from: End, by: End): Promise<void> {
  const services = new TestServices(host.object).range();
  await by.actor.do("listen", { port: 7300, family: 6 });
  let number = 0;
  for (const [family, address] of [
    ["ip4", "10.96.0.1"],
    ["ip6", "fd00:96::1"],
  ] as const) {
    services.know(address);
    const backend = services.backend(++number, { address: by.pod[family], port: 7300 });
    services.set(number, { address, port: 80 }, TCP, [backend]);
    services.set(++number, { address, port: 81 }, TCP, []);
    host.commit();
    await noted(`service ${family}`, () => fetchBack(from.actor, address, 80));
    await noted(`service of nobody ${family}`, () => fetchBack(from.actor, address, 81));
  }
}

/** Whether flows, total and interface say the same; else what each says. */
function verdictOf([sent, received]: Books[]): string {
  const balances = ({ accounted, total, device }: Books) =>
    accounted.packets === total.packets &&
    accounted.bytes === total.bytes &&
    device.packets === total.packets &&
    device.bytes === total.bytes;
  const told = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
  return [sent, received].every((books) => books && balances(books))
    ? "balance"
    : JSON.stringify([sent, received], told);
}

/** Denied where they arrive, and where they leave; all else stays free. */
async function denied(host: TestHost, from: End, [to, far]: [End, End]): Promise<Record<string, string>> {
  const policy = new TestPolicy(host);
  for (const { endpointId } of host.pods)
    policy.subject(
      endpointId,
      ...(endpointId === to.pod.endpointId ? (["ingress"] as const) : []),
      ...(endpointId === from.pod.endpointId ? (["egress"] as const) : []),
    );
  policy.judge(to.pod.endpointId, "ingress", { identity: from.pod.identity }, [{ verdict: "DROP" }]);
  policy.judge(from.pod.endpointId, "egress", { identity: to.pod.identity });
  policy.judge(from.pod.endpointId, "egress", { identity: far.pod.identity }, [{ verdict: "DROP" }]);
  policy.hold();
  const before = host.ownDrops().POLICY ?? 0;
  const refused = { port: 7999, bytes: 100, count: 5 };
  await from.actor.do("udp", { host: to.pod.ip4, ...refused });
  const arriving = (host.ownDrops().POLICY ?? 0) - before;
  await from.actor.do("udp", { host: far.pod.ip6, ...refused });
  const leaving = (host.ownDrops().POLICY ?? 0) - before - arriving;
  host.policySet = 0;
  host.commit();
  return { arriving: String(arriving), leaving: String(leaving) };
}

/** Without blocking who puts packets back. */
async function echoLater(netns: string, to: string): Promise<void> {
  const child = spawn("nsenter", [`--net=${netns}`, "ping", "-q", "-c", "1", "-W", "5", to], {
    stdio: "ignore",
  });
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error("no answer");
}

/** Ways and verdicts that aren't known when the first packet comes: it goes up, is put back and answered. */
async function asked(h1: TestHost, h2: TestHost, [a, b, far]: [End, End, End]): Promise<void> {
  const asker = new Asker(h1);
  const policy = new TestPolicy(h1);
  const one = (name: string, learn: () => void, netns: string, to: string) =>
    noted(`asked: ${name}`, async () => {
      const before = asker.count;
      asker.learn = learn;
      await echoLater(netns, to);
      if (asker.count === before) throw new Error("nobody was asked");
    });
  const host = { identity: PolicyLimit.HOST_IDENTITY };
  const among = ({ pod }: End, way: "egress" | "ingress") => {
    policy.begin();
    for (const { endpointId } of h1.pods)
      policy.subject(endpointId, ...(endpointId === pod.endpointId ? [way] : []));
    policy.hold();
  };
  h1.route("10.201.2.0", 96 + 24, { kind: PathKind.PUNT });
  h1.commit();
  await one("the way", () => h1.reach(h2, PathKind.DIRECT), a.pod.netns.path, far.pod.ip4);
  among(b, "ingress");
  const byPod = () => void policy.judge(b.pod.endpointId, "ingress", { identity: a.pod.identity });
  await one("into a pod, from a pod", byPod, a.pod.netns.path, b.pod.ip6);
  among(a, "ingress");
  h1.route("0.0.0.0", 96, { kind: PathKind.HOST, identity: PolicyLimit.WORLD_IDENTITY });
  h2.netns.sh(`ip route add ${a.pod.ip4} via ${h1.underlay4}`);
  const byWorld = () =>
    void policy.judge(a.pod.endpointId, "ingress", { identity: PolicyLimit.WORLD_IDENTITY });
  await one("into a pod, from outside", byWorld, h2.netns.path, a.pod.ip4);
  for (const family of FAMILIES) {
    const own = family === "ip4" ? h1.underlay4 : h1.underlay6;
    h1.route(own, 128, { kind: PathKind.HOST, ...host });
    among(a, "egress");
    const toHost = () => void policy.judge(a.pod.endpointId, "egress", host);
    await one(`to the host, ${family}`, toHost, a.pod.netns.path, own);
  }
  h1.policySet = 0;
  h1.punt = 0;
  h1.commit();
  await asker.close();
}

/** As an observer in the pod's own namespace has it, whoever carries its packets: since it began to look. */
class Watched implements Disposable {
  readonly #observer = new Observer("watched");
  readonly #netns: string;
  readonly #ifindex: number;
  readonly #before: ReturnType<typeof interfaceOf>;

  constructor({ netns }: TestPod) {
    this.#netns = netns.path;
    this.#ifindex = links(netns.path).find(({ name }) => name === "eth0")?.ifindex ?? 0;
    this.#observer.addEndpoint(WATCHED, this.#ifindex, netnsCookie(netns.path));
    for (const way of ["egress", "ingress"] as const) this.#observer.attach(way, this.#ifindex, netns);
    this.#before = interfaceOf(netns.path);
  }
  books(): Books[] {
    const endpoint = this.#observer.endpoint(this.#ifindex, netnsCookie(this.#netns));
    const flows = this.#observer.flows();
    return interfaceOf(this.#netns).map(({ packets, bytes }, direction) => ({
      accounted: sumOfFlows(flows, direction),
      total: endpoint.counters[direction]?.[0] ?? NONE,
      device: {
        packets: packets - (this.#before[direction]?.packets ?? 0n),
        bytes: bytes - (this.#before[direction]?.bytes ?? 0n),
      },
    }));
  }
  [Symbol.dispose](): void {
    this.#observer[Symbol.dispose]();
  }
}

/** Packets of one flow of the pod's, sent and received. */
function udpOf(host: TestHost, pod: TestPod): string {
  const flows = host.flowsOf(pod).filter(({ key }) => key.proto === UDP && key.dport === 7998);
  return [0, 1].map((direction) => sumOfFlows(flows, direction).packets).join(" ");
}

async function run(): Promise<void> {
  using h1 = new TestHost(1);
  using h2 = new TestHost(2);
  wire(h1, h2);
  const [a, b, v] = [
    await endOf(h1, "a", "netkit"),
    await endOf(h1, "b", "netkit"),
    await endOf(h1, "v", "veth"),
  ];
  const far = await endOf(h2, "c", "netkit");
  const self = await Actor.in(h1.netns);
  try {
    using watched = new Watched(a.pod);
    await pair("netkit to netkit", a, b);
    await pair("netkit to veth", a, v);
    await pair("veth to netkit", v, a);
    await withHost("netkit", h1, self, a);
    for (const [way, kind] of [
      ["direct", PathKind.DIRECT],
      ["overlay", PathKind.OVERLAY],
    ] as const) {
      h1.reach(h2, kind);
      h2.reach(h1, kind);
      await pair(way, a, far);
    }
    await outside(h1, h2, a);
    await b.actor.do("listenUdp", { port: 7998 });
    await a.actor.do("udp", { host: b.pod.ip4, port: 7998, bytes: 10, count: 7, answer: true });
    const once = udpOf(h1, a.pod);
    const drops = { ...h1.ownDrops(), ...h2.ownDrops() };
    const policy = await denied(h1, a, [b, v]);
    await served(h1, a, b);
    await asked(h1, h2, [a, b, far]);
    const books: Record<string, string> = {};
    for (const [host, { pod }] of [
      [h1, a],
      [h1, b],
      [h1, v],
      [h2, far],
    ] as const)
      books[pod.name] = verdictOf(await settled(`books of ${pod.name}`, () => booksOf(host, pod)));
    books.watched = verdictOf(await settled("what is watched", () => watched.books()));
    console.log(JSON.stringify({ answers, once, drops, policy, books }));
  } finally {
    for (const actor of [a.actor, b.actor, v.actor, far.actor, self]) actor[Symbol.dispose]();
  }
}

await run();
