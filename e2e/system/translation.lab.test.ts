/**
 * One flow across a NAT is one flow: real pods on two hosts whose netfilter rewrites what goes between them. Both
 * observers have one key, one of them counts, and the rollups have each byte once. And where connection tracking
 * isn't read, both stand alone, and it is said why.
 */
import { NODE_IN_CONTAINER } from "@millrace/lab/shop";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "./child.ts";
import { Stack } from "./stack.ts";

const SERVER = `
const net = require("node:net"), dgram = require("node:dgram");
for (const port of [9000, 9002])
  net.createServer({ allowHalfOpen: true }, (s) => s.on("error", () => {}).pipe(s)).listen(port, "::");
const udp = dgram.createSocket("udp6");
udp.on("message", (m, from) => udp.send(m, from.port, from.address));
udp.bind(9000, "::");
`;
const TALK = `
import net from "node:net";
import dgram from "node:dgram";
const { proto, host, port, bytes } = JSON.parse(process.env.TALK);
if (proto === "tcp") await new Promise((resolve, reject) => {
  const socket = net.connect({ host, port }, () => socket.end(Buffer.alloc(bytes, 7)));
  let left = bytes;
  socket.on("data", (d) => { left -= d.length; });
  socket.on("end", () => (left === 0 ? resolve() : reject(new Error(left + " bytes missing"))));
  socket.on("error", reject);
});
else await new Promise((resolve, reject) => {
  const socket = dgram.createSocket(host.includes(":") ? "udp6" : "udp4");
  const again = setInterval(() => socket.send(Buffer.alloc(bytes, 7), port, host), 500);
  socket.on("error", reject);
  socket.on("message", () => { clearInterval(again); socket.close(); resolve(); });
  socket.send(Buffer.alloc(bytes, 7), port, host);
});
`;
const IDLE = "setInterval(() => {}, 1 << 30)";
const VIP = "10.96.0.10";

/** Rules of the client's host, then of the server's. Each road has a port of its own. */
const rules = (stack: Stack) => {
  const server = stack.lab.pod("server");
  const [h1, h2] = [stack.lab.host(1), stack.lab.host(2)];
  const atClient = `
    table inet translate {
      chain pre { type nat hook prerouting priority -100;
        ip daddr ${VIP} tcp dport 80 dnat ip to ${server.ip4}:9000
      }
      chain post { type nat hook postrouting priority 100;
        oifname eth0 meta l4proto { tcp, udp } th dport { 9001, 9002, 8081 } masquerade
      }
    }`;
  const atServer = `
    table inet translate {
      chain pre { type nat hook prerouting priority -100;
        ip daddr ${server.ip4} meta l4proto { tcp, udp } th dport 9001 dnat ip to ${server.ip4}:9000
        ip6 daddr ${server.ip6} tcp dport 9001 dnat ip6 to [${server.ip6}]:9000
        ip daddr 10.200.0.2 tcp dport { 8080, 8081 } dnat ip to ${server.ip4}:9000
        ip daddr ${VIP} tcp dport 80 dnat ip to ${server.ip4}:9000
      }
    }`;
  return [
    [h1, atClient],
    [h2, atServer],
  ] as const;
};

async function withPods(name: string, agentFlags: readonly string[] = []): Promise<Stack> {
  const stack = await Stack.up({ name, hosts: 2, agentFlags });
  for (const [pod, hostNumber, script] of [
    ["client", 1, IDLE],
    ["neighbour", 2, IDLE],
    ["server", 2, SERVER],
  ] as const)
    await stack.lab.addPod({
      ...{ name: pod, namespace: "test", hostNumber, labels: { app: pod } },
      containers: [{ name: pod, argv: [NODE_IN_CONTAINER, "-e", script], restart: false }],
    });
  await stack.allCovered();
  for (const [host, stdin] of rules(stack)) {
    const outcome = await stack.lab.execInNetns(host, ["nft", "-f", "-"], { stdin });
    if (outcome.code !== 0) throw new Error(`nft in ${host.name}: ${outcome.stderr}`);
  }
  return stack;
}

type Talk = { from: "client" | "neighbour"; proto: "tcp" | "udp"; host: string; port: number };
const BYTES = 1000;

async function talk(stack: Stack, { from, ...wish }: Talk): Promise<void> {
  const env = `TALK=${JSON.stringify({ ...wish, bytes: BYTES })}`;
  const argv = ["env", env, NODE_IN_CONTAINER, "--input-type=module", "-"];
  const outcome = await stack.lab.exec(from, argv, { stdin: TALK, timeoutMs: 30_000 });
  if (outcome.code !== 0) throw new Error(`${from} → ${wish.host}:${wish.port}: ${outcome.stderr}`);
}

type Account = {
  key: string;
  observer: number;
  counted: boolean;
  src: string;
  dst: string;
  dst_port: number;
  nat_src: string | null;
  nat_dst: string | null;
  packets: number;
  src_service: string | null;
  dst_service: string | null;
};
/** Each observer's account of the flows that opened since then. */
const accounts = (stack: Stack, since: string) =>
  stack.query<Account>(
    `select u.pair_key::text as key, min(u.observer)::int as observer, bool_or(u.counted) as counted,
       host(min(u.src)) as src, host(min(u.dst)) as dst, min(u.dst_port) as dst_port,
       host(min(u.nat_src)) as nat_src, host(min(u.nat_dst)) as nat_dst,
       sum(u.fwd_packets)::int as packets, min(s.service) as src_service, min(d.service) as dst_service
     from flow_updates u left join workloads s on s.id = u.src_workload left join workloads d on d.id = u.dst_workload
     where u.first_seen > $1 and u.proto in (6, 17) group by u.flow_id, u.pair_key order by 2`,
    [since],
  );
const now = async (stack: Stack) =>
  (await stack.query<{ at: string }>("select clock_timestamp()::text as at"))[0]?.at as string;

describe("with connection tracking", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await withPods("nat");
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  const roads: [string, (stack: Stack) => Talk][] = [
    [
      "SNAT at the client's host, DNAT at the server's",
      () => ({ from: "client", proto: "tcp", host: "10.200.0.2", port: 8081 }),
    ],
    [
      "SNAT at the client's host alone",
      ({ lab }) => ({ from: "client", proto: "tcp", host: lab.pod("server").ip4, port: 9002 }),
    ],
    [
      "SNAT and DNAT on the way to the pod's own address",
      ({ lab }) => ({ from: "client", proto: "tcp", host: lab.pod("server").ip4, port: 9001 }),
    ],
    [
      "the same over UDP",
      ({ lab }) => ({ from: "client", proto: "udp", host: lab.pod("server").ip4, port: 9001 }),
    ],
    [
      "the same over IPv6",
      ({ lab }) => ({ from: "client", proto: "tcp", host: lab.pod("server").ip6, port: 9001 }),
    ],
    [
      "a service's address at the client's host",
      () => ({ from: "client", proto: "tcp", host: VIP, port: 80 }),
    ],
    ["a port of the server's host", () => ({ from: "client", proto: "tcp", host: "10.200.0.2", port: 8080 })],
    [
      "a service's address between two pods of one host",
      () => ({ from: "neighbour", proto: "tcp", host: VIP, port: 80 }),
    ],
    ["no NAT", ({ lab }) => ({ from: "client", proto: "tcp", host: lab.pod("server").ip4, port: 9000 })],
  ];
  test.each(roads)(
    "%s: both observers are joined, and one counts",
    async (title, wish) => {
      const since = await now(stack);
      const wanted = wish(stack);
      await talk(stack, wanted);
      let seen: Account[] = [];
      const expected = wanted.proto === "tcp" ? 6 : 1;
      await until(
        "both observers have told all of it, and what both counted is settled",
        async () => {
          seen = await accounts(stack, since);
          return (
            seen.length === 2 &&
            seen.every((a) => a.packets >= expected && a.packets === seen[0]?.packets) &&
            seen.filter((a) => a.counted).length === 1
          );
        },
        { deadlineMs: 20_000, everyMs: 200, explain: () => JSON.stringify(seen, null, 1) },
      );
      expect(seen.map((a) => [a.observer, a.counted, a.key])).toEqual([
        [0, true, seen[0]?.key],
        [1, false, seen[0]?.key],
      ]);
      expect(seen[0]).toMatchObject({ src_service: wanted.from });
      expect(seen[1]).toMatchObject({ dst_service: "server", dst_port: wanted.port === 9002 ? 9002 : 9000 });
      if (title !== "no NAT") expect(seen.some((a) => a.nat_src !== null)).toBe(true);
    },
    60_000,
  );

  test("the rollups have each packet once", async () => {
    const sums = "sum(fwd_packets)::int as sent, sum(rev_packets)::int as got, sum(fwd_bytes)::int as bytes";
    await until(
      "rollups agree with the rows that count",
      async () => {
        const [[rows], [rollup]] = await Promise.all([
          stack.query(`select ${sums} from flow_updates where counted`),
          stack.query(`select ${sums} from rollup_10s`),
        ]);
        return JSON.stringify(rows) === JSON.stringify(rollup);
      },
      { deadlineMs: 20_000, everyMs: 500 },
    );
  }, 60_000);

  test("the agents say that they can read it", async () => {
    expect(await conntrackOf(stack)).toEqual([
      { supported: true, reason: null },
      { supported: true, reason: null },
    ]);
  });
});

describe("without connection tracking", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await withPods("natblind", ["--no-conntrack"]);
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  test("each observer stands alone, both count, and the agents say why", async () => {
    const since = await now(stack);
    await talk(stack, { from: "client", proto: "udp", host: stack.lab.pod("server").ip4, port: 9001 });
    let seen: Account[] = [];
    await until(
      "both observers have told of it",
      async () => {
        seen = await accounts(stack, since);
        return seen.length === 2;
      },
      { deadlineMs: 20_000, everyMs: 200, explain: () => JSON.stringify(seen, null, 1) },
    );
    expect(seen.map((a) => [a.counted, a.nat_src])).toEqual([
      [true, null],
      [true, null],
    ]);
    expect(seen[0]?.key).not.toBe(seen[1]?.key);
    const off = { supported: false, reason: "switched off by --no-conntrack" };
    expect(await conntrackOf(stack)).toEqual([off, off]);
  }, 60_000);
});

const conntrackOf = (stack: Stack) =>
  stack.query(
    `select (c->>'supported')::boolean as supported, c->>'reason' as reason
     from hosts, jsonb_array_elements(hello->'capabilities') c where c->>'name' = 'conntrack' order by hosts.name`,
  );
