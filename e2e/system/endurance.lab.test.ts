/**
 * Nothing breaks: agents are restarted, killed and upgraded, and policies and backends change all the time, under open
 * connections, new ones and datagrams. Not one of them may notice, and each change of policy must hold once it is said to.
 */
import { readdirSync, readlinkSync, renameSync, symlinkSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Books } from "./books.ts";
import { until } from "./child.ts";
import { accounted, same } from "./ledger.ts";
import type { Document } from "./operator.ts";
import { type Attempt, type Prober, probedPods } from "./prober.ts";
import { Stack } from "./stack.ts";
import { addEchoPod, addPeers, endlessTraffic, overflowedSockets } from "./traffic.ts";

/** Full counts are the soak's; otherwise a hundredth of them. */
const SHARE = process.env.MILLRACE_SOAK === "1" ? 1 : 100;
const RESTARTS = 1000 / SHARE;
const KILLS = Math.max(2, 100 / SHARE);
const UPGRADES = Math.max(2, 100 / SHARE);
const CHANGES = 10_000 / SHARE;
/** Of the changes each so many turns the gate, and the gate is tried. */
const GATE_EVERY = 10;
const OPEN_CONNECTIONS = 200;
const HOSTS = [1, 2] as const;
/** Whom the gate's policy concerns: the others aren't told of it. */
const GATE_HOST = 2;
const NAMESPACE = "test";
/** That send or answer datagrams. */
const PODS = ["sender", "peer", "spare"];
const PORT = 9000;
const SILENT_MS = 300;
const HOURS_MS = 3_600_000;

type Deed = "restart" | "kill" | "upgrade";

const metadata = (name: string) => ({ name, namespace: NAMESPACE });
const service: Document = {
  ...{ apiVersion: "v1", kind: "Service", metadata: metadata("desk") },
  spec: {
    ports: (["TCP", "UDP"] as const).map((protocol) => ({
      name: protocol.toLowerCase(),
      protocol,
      port: PORT,
    })),
  },
};
const slice = (family: 4 | 6, addresses: readonly string[]): Document => ({
  ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
  metadata: { ...metadata(`desk-${family}`), labels: { "kubernetes.io/service-name": "desk" } },
  addressType: `IPv${family}`,
  endpoints: addresses.map((address) => ({ addresses: [address] })),
  ports: (["TCP", "UDP"] as const).map((protocol) => ({
    name: protocol.toLowerCase(),
    protocol,
    port: PORT,
  })),
});
/** The sender may do all it does, whatever else there is: `turn` makes each another policy. */
const guard = (turn: number): Document => ({
  ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: metadata("guard") },
  spec: {
    podSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["peer", "spare"] }] },
    ingress: [
      { from: [{ podSelector: { matchLabels: { app: "sender" } } }] },
      { from: [{ podSelector: {} }], ports: [{ port: 1 + (turn % 8000) }] },
    ],
  },
});
const gate = (open: boolean): Document => ({
  ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: metadata("gate") },
  spec: {
    podSelector: { matchLabels: { app: "gate" } },
    ingress: open ? [{ from: [{ podSelector: { matchLabels: { app: "visitor" } } }] }] : [],
  },
});

let stack: Stack;
let isOver = false;
let books: Books;
let probers: Record<string, Prober>;

beforeAll(async () => {
  stack = await Stack.up({
    ...{ name: "endure", hosts: HOSTS.length, dataplane: "direct", operator: true, ownPrograms: true },
  });
  await addPeers(stack.lab, { sender: 1, peer: 2 });
  await addEchoPod(stack.lab, "spare", 1);
  probers = await probedPods(stack.lab, [
    { name: "visitor", namespace: NAMESPACE, hostNumber: 1, labels: { app: "visitor" } },
    { name: "gate", namespace: NAMESPACE, hostNumber: GATE_HOST, labels: { app: "gate" } },
  ]);
  await stack.allCovered();
  books = await Books.open(stack, ["sender", "peer"]);
}, 120_000);
afterAll(async () => {
  for (const prober of Object.values(probers ?? {})) await prober.end();
  await stack?.down();
}, 60_000);

/** Two builds of the same programs: an upgrade is a restart with the other one. */
function upgradePrograms(hostNumber: number): void {
  const programs = stack.programsOf(hostNumber);
  const [first, second] = stack.builds;
  symlinkSync(readlinkSync(programs) === first ? second : first, `${programs}.next`);
  renameSync(`${programs}.next`, programs);
}
/** The names that the programs are pinned by have their version in them. */
const versionsOn = (hostNumber: number): string =>
  readdirSync(`${stack.pinRoot}/${stack.lab.host(hostNumber).name}`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.includes("programs/"))
    .sort()
    .join();

/** An agent that is to be seen putting a change into force isn't ended before it was. */
let observing: Promise<unknown> = Promise.resolve();

async function doDeeds(hostNumber: number, deeds: readonly Deed[]): Promise<void> {
  const agent = stack.agents[hostNumber - 1];
  for (const deed of deeds) {
    if (isOver) return;
    await observing;
    const before = versionsOn(hostNumber);
    if (deed === "upgrade") upgradePrograms(hostNumber);
    await agent?.end(deed === "kill" ? "SIGKILL" : "SIGTERM");
    agent?.start();
    await until(
      `host ${hostNumber}'s agent is back after a ${deed}`,
      async () => (await stack.metric(hostNumber, "policy_revision")) !== undefined,
      { deadlineMs: 60_000, explain: () => agent?.output.slice(-2000) ?? "" },
    );
    expect(versionsOn(hostNumber) !== before, `other programs after a ${deed}`).toBe(deed === "upgrade");
  }
}

/** Each host its share, kills and upgrades spread among the restarts. */
function deedsOf(hostNumber: number): Deed[] {
  const all: { deed: Deed; when: number }[] = [];
  const spread = (deed: Deed, count: number) => {
    for (let n = 0; n < count; n++) all.push({ deed, when: (n + 0.5) / count });
  };
  spread("restart", RESTARTS);
  spread("kill", KILLS);
  spread("upgrade", UPGRADES);
  all.sort((one, other) => one.when - other.when);
  return all.filter((_, n) => n % HOSTS.length === hostNumber - 1).map(({ deed }) => deed);
}

/** One flow from the visitor to the gate, the same each time: what an open connection would meet. */
async function isGateOpen(): Promise<boolean> {
  const attempt: Attempt = { protocol: "udp", to: stack.lab.pod("gate").ip4, port: 80, from: 4444 };
  const { outcome } = await (probers.visitor as Prober).try({ ...attempt, waitMs: SILENT_MS });
  return outcome === "answered";
}
/** What nobody here has talked to lately is asked of an agent, which may just be away: then the next try. */
const gateOpens = (): Promise<boolean> => until("the gate is open", isGateOpen, { deadlineMs: 60_000 });

async function changeDocuments(): Promise<string[]> {
  const { operator, lab } = stack;
  const stale: string[] = [];
  for (let n = 1; n <= CHANGES && !isOver; n++) {
    if (n % GATE_EVERY === 0) {
      const open = n % (2 * GATE_EVERY) === 0;
      await operator.applyQuickly([gate(open)]);
      const inForce = stack.inForce([GATE_HOST]);
      observing = inForce;
      const revision = await inForce;
      if (open) await gateOpens();
      else if (await isGateOpen()) stale.push(`revision ${revision} shuts the gate, and it is open`);
    } else if (n % 2 === 0) await operator.applyQuickly([guard(n)]);
    else {
      const pods = (n % 4 === 1 ? ["peer"] : ["peer", "spare"]).map((name) => lab.pod(name));
      await operator.applyQuickly([
        slice(
          4,
          pods.map((pod) => pod.ip4),
        ),
        slice(
          6,
          pods.map((pod) => pod.ip6),
        ),
      ]);
    }
  }
  return stale;
}

test(
  `${RESTARTS} restarts, ${KILLS} kills, ${UPGRADES} upgrades and ${CHANGES} changes: no connection notices, and each change holds`,
  async () => {
    const peer = stack.lab.pod("peer");
    await stack.operator.applyQuickly([
      service,
      slice(4, [peer.ip4]),
      slice(6, [peer.ip6]),
      guard(0),
      gate(true),
    ]);
    const virtual = await stack.operator.serviceAddresses(`${NAMESPACE}/desk`);
    await stack.inForce();
    await gateOpens();
    // Known here, so that sockets are given their backend when they connect.
    for (const to of virtual)
      await (probers.visitor as Prober).try({ protocol: "tcp", to, port: PORT, waitMs: 1000 });
    const traffic = await endlessTraffic(stack.lab, {
      to: [peer.ip4, peer.ip6, ...virtual],
      connections: OPEN_CONNECTIONS,
    });
    const changing = changeDocuments();
    const lanes = [changing, ...HOSTS.map((hostNumber) => doDeeds(hostNumber, deedsOf(hostNumber)))];
    try {
      await Promise.all(lanes);
    } finally {
      isOver = true;
      await Promise.allSettled(lanes); // nobody starts an agent that the end has ended
    }
    const met = await traffic.end();
    const overflowed = await Promise.all(PODS.map((pod) => overflowedSockets(stack.lab, pod)));
    console.info(JSON.stringify({ ...met, changes: CHANGES, overflowed }));
    expect(await changing).toEqual([]);
    expect(met).toMatchObject({ errors: [], kept: OPEN_CONNECTIONS });
    // What reached a socket was carried: a process that a busy machine doesn't let run is not the dataplane's.
    const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
    expect(sum(met.lost.map(({ count }) => count)), JSON.stringify(met.lost)).toBe(sum(overflowed));
    expect(met.opened).toBeGreaterThan(100);
    for (const pod of ["sender", "peer"])
      for (const b of await books.settled(pod)) expect(same(accounted(b), b.total)).toBe(true);
  },
  HOURS_MS,
);
