/**
 * Ingest and its database are gone, for an hour in the soak: services that hosts know are reached by old connections and
 * new ones, whether anybody talked to them lately or not, and agents that are killed meanwhile go on by what they wrote down.
 * Only in the soak leases would end meanwhile.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { Books } from "./books.ts";
import { until } from "./child.ts";
import { accounted, same } from "./ledger.ts";
import type { Document } from "./operator.ts";
import { type Prober, probedPods } from "./prober.ts";
import { Stack } from "./stack.ts";
import { addPeers, endlessTraffic, overflowedSockets } from "./traffic.ts";

const SOAK = process.env.MILLRACE_SOAK === "1";
const OUTAGE_MS = SOAK ? 3_600_000 : 10_000;
/** In each part of it the agents are killed once. */
const PARTS = SOAK ? 6 : 2;
const OPEN_CONNECTIONS = 40;
/** Fewer than where agents are ended all the time: this one is to be long, not wild. */
const PACE = 10;
/** In which the database learns what was counted meanwhile, a batch a second of each host. */
const CATCH_UP_MS = 90_000 + OUTAGE_MS / 6;
const TRIES = 10;
const NAMESPACE = "test";
const [ECHO_PORT, QUIET_PORT] = [9000, 80];
/** Backends of a service that is talked to before anybody is gone; the second comes after that, and nobody has talked to it. */
const QUIET = ["one", "another"] as const;

const metadata = (name: string) => ({ name, namespace: NAMESPACE });
const service = (name: string, port: number, backends: readonly string[]): Document[] => [
  {
    ...{ apiVersion: "v1", kind: "Service", metadata: metadata(name) },
    spec: {
      ports: (["TCP", "UDP"] as const).map((protocol) => ({
        ...{ name: protocol.toLowerCase(), protocol, port },
      })),
    },
  },
  ...([4, 6] as const).map((family) => ({
    ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: `IPv${family}` },
    metadata: { ...metadata(`${name}-${family}`), labels: { "kubernetes.io/service-name": name } },
    endpoints: backends.map((pod) => ({ addresses: [stack.lab.pod(pod)[`ip${family}`]] })),
    ports: (["TCP", "UDP"] as const).map((protocol) => ({
      ...{ name: protocol.toLowerCase(), protocol, port },
    })),
  })),
];
/** Judged by who comes, so that whose an address is has to be known. */
const guard: Document = {
  ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata: metadata("guard") },
  spec: {
    podSelector: { matchExpressions: [{ key: "app", operator: "In", values: ["peer", ...QUIET] }] },
    ingress: [
      {
        from: [
          {
            podSelector: {
              matchExpressions: [{ key: "app", operator: "In", values: ["sender", "visitor"] }],
            },
          },
        ],
      },
    ],
  },
};

let stack: Stack;
let books: Books;
let probers: Record<string, Prober>;
beforeAll(async () => {
  stack = await Stack.up({ name: "outage", hosts: 2, dataplane: "direct", operator: true });
  await addPeers(stack.lab, { sender: 1, peer: 2 });
  const at = (hostNumber: number) => (name: string) => ({
    ...{ name, namespace: NAMESPACE, hostNumber, labels: { app: name } },
  });
  probers = await probedPods(stack.lab, [at(1)("visitor"), ...QUIET.map(at(2))]);
  await stack.allCovered();
  books = await Books.open(stack, ["sender", "peer"]);
}, 120_000);
afterAll(async () => {
  for (const prober of Object.values(probers ?? {})) await prober.end();
  await stack?.down();
}, 60_000);

/** New connections, and datagrams from new ports: what came of those that weren't answered. */
async function visit(addresses: readonly string[], tries: number): Promise<string[]> {
  const visitor = probers.visitor as Prober;
  const attempts = addresses.flatMap((to) =>
    (["tcp", "udp"] as const).flatMap((protocol) =>
      Array.from({ length: tries }, async () => {
        const { outcome } = await visitor.try({ protocol, to, port: QUIET_PORT });
        return outcome === "answered" ? [] : [`${protocol} to ${to}: ${outcome}`];
      }),
    ),
  );
  return (await Promise.all(attempts)).flat();
}

async function killAgents(): Promise<void> {
  for (const [at, agent] of stack.agents.entries()) {
    await agent.end("SIGKILL");
    agent.start();
    const isBack = async () => (await stack.metric(at + 1, "policy_revision")) !== undefined;
    await until(`host ${at + 1}'s agent is back`, isBack, {
      ...{ deadlineMs: 60_000, explain: () => agent.output.slice(-2000) },
    });
  }
}

test(
  `${OUTAGE_MS / 1000} s without ingest and its database: what is known stays`,
  async () => {
    const { operator, lab } = stack;
    await operator.applyQuickly([
      ...service("desk", ECHO_PORT, ["peer"]),
      ...service("quiet", QUIET_PORT, [QUIET[0]]),
      guard,
    ]);
    const [desk, quiet] = await Promise.all(
      ["desk", "quiet"].map((name) => operator.serviceAddresses(`${NAMESPACE}/${name}`)),
    );
    await stack.inForce();
    await until("the quiet service is known", async () => (await visit(quiet as string[], 1)).length === 0, {
      deadlineMs: 30_000,
    });
    const { ip4, ip6 } = lab.pod("peer");
    const traffic = await endlessTraffic(lab, {
      ...{ to: [ip4, ip6, ...(desk as string[])], connections: OPEN_CONNECTIONS, pace: PACE },
    });
    const waysAre = (wanted: number) =>
      until(`${wanted} ways are known`, async () => (await stack.metric(1, "routes_known")) === wanted, {
        deadlineMs: 30_000,
      });
    await waysAre(4); // to the peer and the quiet one, in both families
    await operator.applyQuickly(service("quiet", QUIET_PORT, QUIET));
    await waysAre(6);

    await stack.ingest.end("SIGKILL");
    await stack.killDatabase();
    for (let part = 0; part < PARTS; part++) {
      await new Promise((resolve) => setTimeout(resolve, OUTAGE_MS / PARTS));
      if (part < PARTS - 1) await killAgents();
    }
    const met = await visit(quiet as string[], TRIES);
    const going = await traffic.end();
    await stack.startDatabase();
    stack.ingest.start();
    await stack.ingestReady();

    expect(met).toEqual([]);
    const overflowed = await Promise.all(["sender", "peer"].map((pod) => overflowedSockets(lab, pod)));
    console.info(JSON.stringify({ ...going, outageMs: OUTAGE_MS, overflowed }));
    expect(going).toMatchObject({ errors: [], kept: OPEN_CONNECTIONS });
    const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
    expect(sum(going.lost.map(({ count }) => count)), JSON.stringify(going.lost)).toBe(sum(overflowed));
    for (const pod of ["sender", "peer"])
      for (const b of await books.settled(pod, CATCH_UP_MS)) expect(same(accounted(b), b.total)).toBe(true);
  },
  OUTAGE_MS + 2 * CATCH_UP_MS + 600_000,
);
