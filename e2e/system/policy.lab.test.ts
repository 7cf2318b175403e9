/**
 * Services and policies all the way: applied by `millrace` to the real control plane, told to the agents of two hosts, put
 * into force by their kernels, met by real connections between pods, and shown in the database. Each rule of the language by
 * real connections is network-policy.lab.test.ts's.
 */
import { POLICY_DROP, VERDICT_NUMBER } from "@millrace/contract/verdict";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Books } from "./books.ts";
import { until } from "./child.ts";
import { accounted, same } from "./ledger.ts";
import type { Document } from "./operator.ts";
import { type Answer, type Attempt, type Prober, probedPods } from "./prober.ts";
import { Stack } from "./stack.ts";

/** The soak has both: only the way between the hosts is another. */
const MODES = process.env.MILLRACE_SOAK === "1" ? (["direct", "overlay"] as const) : (["direct"] as const);
const NAMESPACE = "shop";
const PODS = [
  { name: "client", hostNumber: 1, labels: { app: "client" } },
  { name: "friend", hostNumber: 1, labels: { app: "friend" } },
  { name: "server", hostNumber: 2, labels: { app: "till" } },
  { name: "spare", hostNumber: 1, labels: { app: "till" } },
].map((pod) => ({ ...pod, namespace: NAMESPACE }));
/** Pods that are asked for the books. */
const COUNTED = ["client", "server"] as const;
const BLOCKED_MS = 700;
const BACK_MS = 30_000;

const metadata = (name: string) => ({ name, namespace: NAMESPACE });
const PORTS = [
  { name: "tcp", protocol: "TCP", port: 8080, targetPort: 80 },
  { name: "udp", protocol: "UDP", port: 8081, targetPort: 81 },
];
const service = (name: string, selector?: Record<string, string>): Document => ({
  ...{ apiVersion: "v1", kind: "Service", metadata: metadata(name) },
  spec: { ...(selector && { selector }), ports: PORTS },
});
const slice = (
  of: string,
  family: 4 | 6,
  addresses: readonly string[],
  { name = `${of}-${family}`, ports = PORTS } = {},
): Document => ({
  ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
  metadata: { ...metadata(name), labels: { "kubernetes.io/service-name": of } },
  addressType: `IPv${family}`,
  endpoints: addresses.map((address) => ({ addresses: [address] })),
  ports: ports.map(({ name, protocol, targetPort }) => ({ name, protocol, port: targetPort })),
});
/** Only friends reach the till. */
const guard = (annotations: Record<string, string> = {}): Document => ({
  ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy" },
  metadata: { ...metadata("guard"), annotations },
  spec: {
    podSelector: { matchLabels: { app: "till" } },
    ingress: [{ from: [{ podSelector: { matchLabels: { app: "friend" } } }] }],
  },
});

describe.each(MODES)("documents that people apply, %s", (mode) => {
  let stack: Stack;
  let books: Books;
  let probers: Record<string, Prober>;
  beforeAll(async () => {
    stack = await Stack.up({ name: `pol${mode}`, hosts: 2, dataplane: mode, operator: true });
    probers = await probedPods(stack.lab, PODS);
    await stack.allCovered();
    books = await Books.open(stack, COUNTED);
  }, 120_000);
  afterAll(async () => {
    for (const prober of Object.values(probers ?? {})) await prober.end();
    await stack?.down();
  }, 60_000);

  const attempt = (pod: string, wanted: Attempt): Promise<Answer> => (probers[pod] as Prober).try(wanted);
  const addressesOf = (name: string) => stack.operator.serviceAddresses(`${NAMESPACE}/${name}`);
  /** What came of so many connections at once: who answered, or what else. */
  const answers = async (pod: string, wanted: Attempt, times = 8): Promise<string[]> => {
    const all = await Promise.all(Array.from({ length: times }, () => attempt(pod, wanted)));
    return [...new Set(all.map(({ outcome, by }) => by ?? outcome))].sort();
  };
  /** Each of both transports at each of the addresses comes to this. */
  const comesTo = async (addresses: readonly string[], wanted: readonly string[]): Promise<void> => {
    for (const to of addresses)
      for (const [protocol, port] of [
        ["tcp", 8080],
        ["udp", 8081],
      ] as const) {
        let last: string[] = [];
        await until(
          `${protocol} to ${to} comes to ${wanted}`,
          async () => {
            last = await answers("client", { protocol, to, port });
            return last.join() === wanted.join();
          },
          { deadlineMs: 10_000, explain: () => `the last time to ${last}` },
        );
      }
  };
  const kernelRefused = async (why: "empty" | "absent"): Promise<number> =>
    (await stack.metric(1, `service_refused_${why}_total`)) ?? 0;

  test("a service's virtual addresses lead to the pods that it selects, by TCP and UDP", async () => {
    expect(await stack.operator.apply(service("till", { app: "till" }))).toEqual([
      `Service ${NAMESPACE}/till created`,
    ]);
    const addresses = await addressesOf("till");
    expect(addresses.map((one) => one.includes(":"))).toEqual([false, true]);
    await comesTo(addresses, ["server", "spare"]);
  }, 60_000);

  test("a backend that is taken away gets nothing new, one that is added does; without any it is refused", async () => {
    const { operator, lab } = stack;
    const backends = (...pods: string[]): Document[] => [
      slice(
        "desk",
        4,
        pods.map((pod) => lab.pod(pod).ip4),
      ),
      slice(
        "desk",
        6,
        pods.map((pod) => lab.pod(pod).ip6),
      ),
    ];
    await operator.apply(service("desk"), ...backends("server", "spare"));
    const addresses = await addressesOf("desk");
    await comesTo(addresses, ["server", "spare"]);
    await operator.apply(...backends("spare"));
    await comesTo(addresses, ["spare"]);
    const to = addresses[0] as string;
    expect(await answers("client", { protocol: "tcp", to, port: 8080 }, 40)).toEqual(["spare"]);
    await operator.apply(...backends("server", "spare"));
    await comesTo(addresses, ["server", "spare"]);

    const before = await kernelRefused("empty");
    await operator.apply(...backends());
    await comesTo(addresses, ["refused"]);
    expect(await kernelRefused("empty")).toBeGreaterThan(before);
  }, 90_000);

  test("a backend that refuses connections soon gets none, and the service's page says where", async () => {
    const { operator, lab } = stack;
    const ip = (pod: string) => lab.pod(pod).ip4;
    const nobody = PORTS.map((port) => ({ ...port, targetPort: 9 }));
    await operator.apply(
      slice("desk", 4, [ip("server")]),
      slice("desk", 4, [ip("spare")], { name: "desk-nobody", ports: nobody }),
    );
    const [to = ""] = await addressesOf("desk");
    const tcp = () => answers("client", { protocol: "tcp", to, port: 8080 }, 20);
    await until("it has a backend that refuses", async () => (await tcp()).join() === "refused,server", {
      deadlineMs: 10_000,
    });
    await until("only the other is given", async () => (await tcp()).join() === "server", {
      deadlineMs: 20_000,
    });
    expect(await stack.metric(1, "service_backends_out")).toBe(1);
    await until(
      "the page says so",
      async () => {
        const { failing } = await operator.service({ namespace: NAMESPACE, name: "desk" });
        return failing[0]?.backend.address === ip("spare") && failing[0].host.endsWith("-h1");
      },
      { deadlineMs: 20_000 },
    );
    await operator.millrace(["delete", "endpointslice", `${NAMESPACE}/desk-nobody`]);
  }, 90_000);

  test("the address of a service that is deleted is refused as nobody's", async () => {
    const addresses = await addressesOf("desk");
    const before = await kernelRefused("absent");
    await stack.operator.millrace(["delete", "svc", `${NAMESPACE}/desk`]);
    await until(
      "it is refused as nobody's",
      async () => {
        await comesTo(addresses, ["refused"]);
        return (await kernelRefused("absent")) > before;
      },
      { deadlineMs: 10_000 },
    );
  }, 60_000);

  /** Of the client's flows to the server that are under this verdict by a policy: rule and revision. */
  const judged = (verdict: keyof typeof VERDICT_NUMBER, protocol: number) =>
    stack.query<{ rule: number; revision: number; reason: string | null }>(
      `select distinct f.rule::float8 as rule, f.revision::float8 as revision, r.name as reason
       from flow_updates f left join drop_reasons r on r.id = f.reason_id
       where src = $1 and dst = $2 and f.verdict = $3 and f.rule > 0 and f.proto = $4`,
      [stack.lab.pod("client").ip4, stack.lab.pod("server").ip4, VERDICT_NUMBER[verdict], protocol],
    );
  const guardAsItStands = async (): Promise<{ rule: number; revision: number }> => {
    const [text = ""] = await stack.operator.millrace(["get", "netpol", `${NAMESPACE}/guard`, "-o", "json"]);
    const { status, metadata } = JSON.parse(text);
    // Place 0: it isolates, and no rule allowed it.
    return { rule: status.number * 256, revision: Number(metadata.annotations["millrace.io/revision"]) };
  };
  /** TCP, UDP and echo to the server, over both families. */
  const reaches = async (pod: string, waitMs?: number): Promise<string[]> => {
    const { ip4, ip6 } = stack.lab.pod("server");
    const wishes = [ip4, ip6].flatMap((to): Attempt[] => [
      { protocol: "tcp", to, port: 80 },
      { protocol: "udp", to, port: 80 },
      { protocol: "icmp", to, port: null, from: 4242 },
    ]);
    const all = wishes.map((wanted) => attempt(pod, { ...wanted, ...(waitMs && { waitMs }) }));
    return [...new Set((await Promise.all(all)).map(({ outcome }) => outcome))];
  };

  test("an observed policy stops nothing, and flows say what it would have done", async () => {
    await stack.operator.apply(guard({ "millrace.io/mode": "observe" }));
    await stack.inForce();
    expect(await reaches("client")).toEqual(["answered"]);
    const expected = await guardAsItStands();
    await until(
      "the flows say that they would be dropped",
      async () => (await judged("would-drop", 6)).length > 0,
      { deadlineMs: 20_000, everyMs: 200 },
    );
    expect(await judged("would-drop", 6)).toEqual([{ ...expected, reason: null }]);
    let hosts: unknown;
    await until(
      "heartbeats say that it is in force on both hosts with a till",
      async () => {
        ({ hosts } = await stack.operator.policy(expected.rule / 256));
        return JSON.stringify(hosts) === JSON.stringify({ selected: 2, inForce: 2 });
      },
      { deadlineMs: 20_000, everyMs: 200, explain: () => JSON.stringify(hosts) },
    );
  }, 60_000);

  test("an echo that two hosts tell of is one flow to both, and one of them counts", async () => {
    const [{ ip4, ip6 }, server] = [stack.lab.pod("client"), stack.lab.pod("server")];
    let rows: object[] = [];
    const one = { observers: 2, keys: 1, counted: 1 };
    await until(
      "both observers' accounts are joined",
      async () => {
        rows = await stack.query(
          `select count(distinct observer)::int as observers, count(distinct pair_key)::int as keys,
             count(distinct observer) filter (where counted)::int as counted
           from flow_updates where src = any($1::inet[]) and dst = any($2::inet[]) and proto in (1, 58) group by proto`,
          [
            [ip4, ip6],
            [server.ip4, server.ip6],
          ],
        );
        return JSON.stringify(rows) === JSON.stringify([one, one]);
      },
      { deadlineMs: 20_000, everyMs: 200, explain: () => JSON.stringify(rows) },
    );
  }, 30_000);

  test("a policy cuts what is established and stops what is new, and says so with rule and revision", async () => {
    const to = stack.lab.pod("server").ip4;
    const [client, friend] = [probers.client as Prober, probers.friend as Prober];
    const [cut, kept] = [await client.hold(to, 80), await friend.hold(to, 80)];
    await stack.operator.apply(guard());
    await stack.inForce();
    expect((await cut.say(BLOCKED_MS)).outcome).toBe("silent");
    expect((await kept.say()).outcome).toBe("answered");
    expect(await reaches("client", BLOCKED_MS)).toEqual(["silent"]);
    expect(await reaches("friend")).toEqual(["answered"]);

    const expected = await guardAsItStands();
    for (const protocol of [1, 6, 17])
      await until(
        `the drops of protocol ${protocol} stand in the database`,
        async () =>
          (await judged("dropped", protocol)).some(({ revision }) => revision === expected.revision),
        { deadlineMs: 20_000, everyMs: 200 },
      );
    expect(await judged("dropped", 6)).toEqual([{ ...expected, reason: POLICY_DROP }]);

    await stack.operator.millrace(["delete", "netpol", `${NAMESPACE}/guard`]);
    await stack.inForce();
    expect((await cut.say(BACK_MS)).outcome).toBe("answered");
    expect(await reaches("client")).toEqual(["answered"]);
  }, 120_000);

  test("the books balance exactly: what one pod sent the other received, or a policy dropped it", async () => {
    for (const pod of COUNTED)
      for (const b of await books.settled(pod)) expect(same(accounted(b), b.total), pod).toBe(true);
    const [client, server] = [stack.lab.pod("client"), stack.lab.pod("server")];
    const ends = [
      [client.ip4, client.ip6],
      [server.ip4, server.ip6],
    ];
    type Flow = { sent: number; received: number; dropped: number };
    let flows: Flow[] = [];
    const unequal = (): Flow[] => flows.filter((flow) => flow.sent !== flow.received + flow.dropped);
    await until(
      "what is said of each flow agrees, each host having told it in its own time",
      async () => {
        // Where a packet's service was found on its way, the sender's flow is the one to the virtual address; and what was
        // reported before the host knew the service has no other side yet.
        flows = await stack.query<Flow>(
          `with other_sides as (
             select distinct on (proto, src, src_port, dst) proto, src, src_port, dst, nat_dst, nat_dst_port
             from flow_updates where nat_dst is not null),
           parts as (
             select f.proto, f.src, coalesce(f.nat_dst, o.nat_dst, f.dst) as dst, f.src_port,
               coalesce(f.nat_dst_port, o.nat_dst_port, f.dst_port) as dst_port,
               case observer when 0 then fwd_packets else 0 end as sent,
               case observer when 1 then fwd_packets else 0 end as received, 0 as dropped
             from flow_updates f left join other_sides o
               on (o.proto, o.src, o.src_port, o.dst) = (f.proto, f.src, f.src_port, f.dst)
             union all
             select proto, src, dst, src_port, dst_port, 0, 0, packets
             from drop_updates d join drop_reasons r on r.id = d.reason_id where r.name = $3)
           select proto, src::text, src_port, dst::text, dst_port, sum(sent)::int as sent,
             sum(received)::int as received, sum(dropped)::int as dropped
           from parts where src = any($1::inet[]) and dst = any($2::inet[]) group by 1, 2, 3, 4, 5`,
          [...ends, POLICY_DROP],
        );
        return unequal().length === 0;
      },
      { deadlineMs: 20_000, everyMs: 500, explain: () => JSON.stringify(unequal()) },
    );
    expect(flows.reduce((sum, flow) => sum + flow.dropped, 0)).toBeGreaterThan(5);
  }, 120_000);

  test("with the control plane away policies hold, also by an agent that starts meanwhile", async () => {
    const to = stack.lab.pod("server").ip4;
    await stack.operator.apply(guard());
    await stack.inForce();
    const kept = await (probers.friend as Prober).hold(to, 80);
    await Promise.all([stack.ingest.end("SIGKILL"), stack.operator.web.end("SIGKILL")]);
    const holds = async () => {
      expect(await reaches("client", BLOCKED_MS)).toEqual(["silent"]);
      expect(await reaches("friend")).toEqual(["answered"]);
      expect((await kept.say()).outcome).toBe("answered");
    };
    await holds();
    for (const agent of stack.agents) await agent.end("SIGKILL");
    await holds();
    for (const agent of stack.agents) agent.start();
    await until("the agents know the policy again", async () => (await stack.metric(2, "policies")) === 1, {
      deadlineMs: 20_000,
    });
    await holds();

    stack.ingest.start();
    await Promise.all([stack.ingestReady(), stack.operator.start()]);
    await stack.operator.millrace(["delete", "netpol", `${NAMESPACE}/guard`]);
    await stack.inForce();
    expect(await reaches("client")).toEqual(["answered"]);
  }, 120_000);
});
