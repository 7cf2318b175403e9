/**
 * Millrace carries the packets: the lab's pods are wired by the CNI plugin and the agents' dataplane, with no bridge
 * in between. What holds in observe mode holds here, and no connection notices that an agent or the control plane goes.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Books } from "./books.ts";
import { until } from "./child.ts";
import { accounted, same } from "./ledger.ts";
import { Stack } from "./stack.ts";
import { addPeers, sendMix, steadyTraffic } from "./traffic.ts";

const SOAK = process.env.MILLRACE_SOAK === "1";
/** In each mode. */
const AGENT_KILLS = SOAK ? 25 : 4;
const OUTAGE_S = SOAK ? 60 : 6;
const PODS = ["sender", "peer"] as const;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(["direct", "overlay"] as const)("pods on two hosts, %s", (mode) => {
  let stack: Stack;
  let books: Books;
  beforeAll(async () => {
    stack = await Stack.up({ name: `dp${mode}`, hosts: 2, dataplane: mode });
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
