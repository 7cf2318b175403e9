/**
 * Millrace carries the packets: the lab's pods are wired by the CNI plugin and the agents' dataplane, with no bridge
 * in between. What holds in observe mode holds here, and no connection notices that an agent or the control plane goes.
 */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { WAY_NUMBER } from "@millrace/contract/verdict";
import { NODE_IN_CONTAINER } from "@millrace/lab/shop";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Books } from "./books.ts";
import { type Child, until } from "./child.ts";
import { accounted, same } from "./ledger.ts";
import { addOutsider } from "./outsider.ts";
import { Stack } from "./stack.ts";
import { addPeers, sendMix, steadyTraffic } from "./traffic.ts";

const SOAK = process.env.MILLRACE_SOAK === "1";
/** In each mode. */
const AGENT_KILLS = SOAK ? 25 : 4;
const OUTAGE_S = SOAK ? 60 : 6;
const PODS = ["sender", "peer"] as const;
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const BULK_BYTES = 1 << 20;

type Carried = { proto: number; way: number | null; slow: number | null; packets: number; bytes: number };
/** What the database says of the flows from one pod to another, whichever end told. */
const carriedFlows = (stack: Stack, from: string, to: string): Promise<Carried[]> => {
  const [src, dst] = [from, to].map((pod) => [stack.lab.pod(pod).ip4, stack.lab.pod(pod).ip6]);
  return stack.query<Carried>(
    `select min(proto)::int as proto, max(way)::int as way, sum(slow_packets)::float8 as slow,
       sum(fwd_packets + rev_packets)::float8 as packets, sum(fwd_bytes + rev_bytes)::float8 as bytes
     from flow_updates where src = any($1::inet[]) and dst = any($2::inet[]) group by flow_id`,
    [src, dst],
  );
};
const slowShare = (flows: readonly Carried[]): number =>
  flows.reduce((sum, { slow }) => sum + (slow ?? Number.NaN), 0) /
  flows.reduce((sum, { packets }) => sum + packets, 0);

const addressesOf = ({ ip4, ip6 }: { ip4: string; ip6: string }) => ({ ip4, ip6 });

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Exchanges {
  /** It has been answered once, or has ended. */
  begun: Promise<void>;
  /** "answered 40", or at which time it wasn't. */
  ended: Promise<string>;
}
/** On one connection. */
function exchangeEach100Ms(netns: string, host: string, port: number): Exchanges {
  const program = `
    const socket = require("net").connect(${port}, ${JSON.stringify(host)});
    let answered = 0;
    const end = (why) => { console.log(why ?? "answered " + answered); process.exit(); };
    const ask = () => { if (answered === 40) end(); else socket.write("x"); };
    socket.on("connect", ask);
    socket.on("data", () => { if (answered++ === 0) console.log("begun"); setTimeout(ask, 100); });
    socket.on("error", (error) => end(error.code));
    setTimeout(() => end("stopped after " + answered), 30_000);`;
  const argv = [`--net=${netns}`, process.execPath, "-e", program];
  const child = spawn("nsenter", argv, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout });
  let last = "said nothing";
  lines.on("line", (line) => {
    last = line;
  });
  return {
    begun: new Promise((resolve) => lines.once("line", () => resolve()).once("close", resolve)),
    ended: new Promise((resolve) => lines.once("close", () => resolve(last))),
  };
}
/** Kills the agents once all have been answered, and says how each ended. */
async function overTheEndOf(agents: readonly Child[], clients: readonly Exchanges[]): Promise<string[]> {
  await Promise.all(clients.map(({ begun }) => begun));
  for (const agent of agents) await agent.end("SIGKILL");
  for (const agent of agents) agent.start();
  return Promise.all(clients.map(({ ended }) => ended));
}

describe.each(["direct", "overlay"] as const)("pods on two hosts, %s", (mode) => {
  let stack: Stack;
  let books: Books;
  beforeAll(async () => {
    stack = await Stack.up({ name: `dp${mode}`, hosts: 2, dataplane: mode, operator: true });
    await addPeers(stack.lab, { sender: 1, peer: 2 });
    await stack.allCovered();
    books = await Books.open(stack, PODS);
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  test("a known mix over IPv4 and IPv6 arrives whole, and the books balance exactly", async () => {
    await sendMix(stack.lab, { connections: 500, megabytes: 8, datagrams: 200, pings: 20 });
    for (const pod of PODS)
      for (const b of await books.settled(pod)) {
        expect(b.total.packets, `${pod} ${b.direction}`).toBeGreaterThan(2_000n);
        expect(same(accounted(b), b.total)).toBe(true);
      }
  }, 240_000);

  test("every flow says that it went to the other host this way, and what goes on rode the fast path", async () => {
    const flows = await carriedFlows(stack, "sender", "peer");
    expect(new Set(flows.map(({ way }) => way))).toEqual(new Set([WAY_NUMBER[mode]]));
    const datagrams = flows.filter(({ proto }) => proto === UDP);
    const bulk = flows.filter(({ proto, bytes }) => proto === TCP && bytes > BULK_BYTES);
    expect([datagrams.length, bulk.length].every((found) => found > 0)).toBe(true);
    expect(slowShare(datagrams)).toBeLessThan(0.05);
    expect(slowShare(bulk)).toBeLessThan(0.5);
    // A ping is no plain packet: each of them is the slow path's.
    expect(slowShare(flows.filter(({ proto }) => proto === ICMP))).toBe(1);
  });

  test("each host's heartbeat tells its uplink, its block and how many addresses of it pods have", async () => {
    const hosts = await stack.query<{ network: unknown }>(
      "select heartbeat->'network' as network from hosts",
    );
    const block = { pool: expect.any(String), mode, prefix4: expect.stringMatching(/\/26$/) };
    for (const { network } of hosts)
      expect(network).toMatchObject({
        uplink: { interface: expect.any(String), addresses: [expect.any(String), expect.any(String)] },
        ...{ blocks: [block], addresses: { used: 1, total: 64 } },
      });
  });

  test("a flow to a pod of the same host says that it stayed there", async () => {
    const name = "neighbour";
    const argv = [NODE_IN_CONTAINER, "-e", "setInterval(() => {}, 1 << 30)"];
    await stack.lab.addPod({
      ...{ name, namespace: "test", hostNumber: 1, labels: { app: name } },
      containers: [{ name, argv, restart: false }],
    });
    await stack.allCovered();
    const ping = ["ping", "-c", "5", "-i", "0.05", "-q", stack.lab.pod(name).ip4];
    expect((await stack.lab.exec("sender", ping)).code).toBe(0);
    const told = async () => (await carriedFlows(stack, "sender", name)).length === 2;
    await until("both ends told of it", told, { deadlineMs: 20_000, everyMs: 200 });
    const flows = await carriedFlows(stack, "sender", name);
    expect(flows.map(({ way }) => way)).toEqual([WAY_NUMBER.local, WAY_NUMBER.local]);
  });

  test("no first packet is lost while its way is asked for", async () => {
    const rows = await stack.query<{ reason: string; packets: string }>(
      `select r.name as reason, sum(d.packets)::text as packets from drop_updates d
       join drop_reasons r on r.id = d.reason_id where r.name like 'MILLRACE_%' group by 1`,
    );
    expect(rows).toEqual([]);
  });

  test("what a pod sends outside leaves under its host's address, is told so, and doesn't notice an agent's end", async () => {
    const [own, outside] = [stack.lab.host(1).uplink, stack.lab.host(2).uplink];
    const pings = [outside.ip4, outside.ip6].map((to) =>
      stack.lab.exec("sender", ["ping", "-c", "30", "-i", "0.2", "-q", to], { timeoutMs: 60_000 }),
    );
    await pause(1500);
    await stack.agents[0]?.end("SIGKILL");
    stack.agents[0]?.start();
    for (const { stdout } of await Promise.all(pings)) expect(stdout).toContain(" 0% packet loss");
    const told = () =>
      stack.query<{ address: string; port: number }>(
        `select distinct host(nat_src) as address, nat_src_port as port from flow_updates
         where dst in ($1, $2) and proto in (1, 58) and nat_src is not null order by 1`,
        [outside.ip4, outside.ip6],
      );
    await until("both flows are told", async () => (await told()).length === 2, { deadlineMs: 20_000 });
    const rows = await told();
    expect(rows.map(({ address }) => address)).toEqual([own.ip4, own.ip6]);
    for (const { port } of rows) expect(port).toBeGreaterThanOrEqual(20_000);
    for (const { port } of rows) expect(port).toBeLessThanOrEqual(31_999);
    for (const b of await books.settled("sender")) expect(same(accounted(b), b.total)).toBe(true);
  }, 120_000);

  test("a port of the host leads a client outside to its pod, over an agent's end too, and the flow says so", async () => {
    const [name, port] = ["published", 8080];
    const argv = [NODE_IN_CONTAINER, "-e", `require("net").createServer((s) => s.pipe(s)).listen(80, "::")`];
    await stack.lab.addPod({
      ...{ name, namespace: "test", hostNumber: 1, labels: { app: name } },
      hostPorts: [{ protocol: "tcp", hostPort: port, containerPort: 80 }],
      containers: [{ name, argv, restart: false }],
    });
    await stack.allCovered();
    const { uplink } = stack.lab.host(1);
    const outsider = await addOutsider(stack.lab, 1);
    const clients = [uplink.ip4, uplink.ip6].map((to) => exchangeEach100Ms(outsider.netns, to, port));
    expect(await overTheEndOf(stack.agents.slice(0, 1), clients)).toEqual(["answered 40", "answered 40"]);
    const told = () =>
      stack.query<{ asked: string; port: number; src: string }>(
        `select distinct host(nat_dst) as asked, nat_dst_port as port, host(src) as src from flow_updates
         where dst in ($1, $2) and dst_port = 80 and nat_dst is not null order by 1`,
        [stack.lab.pod(name).ip4, stack.lab.pod(name).ip6],
      );
    await until("both flows are told", async () => (await told()).length === 2, { deadlineMs: 20_000 });
    expect(await told()).toEqual([
      { asked: uplink.ip4, port, src: outsider.ip4 },
      { asked: uplink.ip6, port, src: outsider.ip6 },
    ]);
  }, 120_000);

  test("a node port of each host leads a client outside to the pod of one, over all agents' ends, and the flow says so", async () => {
    const [name, nodePort] = ["published", 30_080];
    await stack.operator.applyQuickly([
      {
        ...{ apiVersion: "v1", kind: "Service", metadata: { name, namespace: "test" } },
        spec: { type: "NodePort", selector: { app: name }, ports: [{ port: 80, nodePort }] },
      },
    ]);
    const outsider = await addOutsider(stack.lab, 2);
    const asked = [1, 2].flatMap((n) => Object.values(addressesOf(stack.lab.host(n).uplink)));
    // Pods of the pod's own host, and of the other one, come like anybody outside: by the port of the host beside theirs.
    const inside = ["sender", "peer"].flatMap((pod, i) =>
      Object.values(addressesOf(stack.lab.host(2 - i).uplink)).map((to) => ({ pod, to })),
    );
    const clients = [
      ...asked.map((to) => exchangeEach100Ms(outsider.netns, to, nodePort)),
      ...inside.map(({ pod, to }) => exchangeEach100Ms(stack.lab.pod(pod).netns, to, nodePort)),
    ];
    expect(await overTheEndOf(stack.agents, clients)).toEqual(clients.map(() => "answered 40"));
    const told = async () => {
      const rows = await stack.query<{ asked: string; src: string }>(
        `select distinct host(nat_dst) as asked, host(src) as src from flow_updates
         where dst in ($1, $2) and dst_port = 80 and nat_dst_port = $3 and src in ($4, $5)`,
        [
          ...[name].flatMap((pod) => Object.values(addressesOf(stack.lab.pod(pod)))),
          nodePort,
          ...Object.values(addressesOf(outsider)),
        ],
      );
      return new Map(rows.map((row) => [row.asked, row.src]));
    };
    await until("all flows are told", async () => (await told()).size === asked.length, {
      deadlineMs: 20_000,
    });
    expect(await told()).toEqual(
      new Map(asked.map((to) => [to, to.includes(":") ? outsider.ip6 : outsider.ip4])),
    );
  }, 120_000);

  test("with the control plane away, known pods are reached by old and new connections alike", async () => {
    await stack.ingest.end("SIGKILL");
    const { errors, connections } = await steadyTraffic(stack.lab, OUTAGE_S);
    stack.ingest.start();
    await stack.ingestReady();
    expect(errors).toEqual([]);
    expect(connections).toBeGreaterThan(10);
  }, 240_000);

  test(`agents killed with -9, ${AGENT_KILLS} times: no connection notices, old or new`, async () => {
    const traffic = steadyTraffic(stack.lab, 3 + 2 * AGENT_KILLS);
    for (let n = 0; n < AGENT_KILLS; n++) {
      const agent = stack.agents[n % stack.agents.length];
      await pause(300 + Math.random() * 1500);
      await agent?.end("SIGKILL");
      agent?.start();
    }
    const { errors, connections, exchanges } = await traffic;
    expect(errors).toEqual([]);
    expect(connections).toBeGreaterThan(10);
    expect(exchanges).toBeGreaterThan(100);
    for (const pod of PODS)
      for (const b of await books.settled(pod)) expect(same(accounted(b), b.total)).toBe(true);
  }, 600_000);
});
