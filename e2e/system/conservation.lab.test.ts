/**
 * Nothing lost silently: from the attach on, what Postgres says of each container's interface adds up to what
 * the interface counted, to the packet and the byte, for a known mix of real traffic.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Books } from "./books.ts";
import { until } from "./child.ts";
import { accounted, balances, same } from "./ledger.ts";
import { Stack } from "./stack.ts";
import { addPeers, sendMix, setOffload } from "./traffic.ts";

const PODS = ["sender", "peer"] as const;

describe("conservation", () => {
  let stack: Stack;
  let books: Books;
  beforeAll(async () => {
    stack = await Stack.up({ name: "conserve" });
    await addPeers(stack.lab);
    await stack.allCovered();
    books = await Books.open(stack, PODS);
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  test("a known mix over IPv4 and IPv6, with segmentation offload, balances exactly", async () => {
    await sendMix(stack.lab, { connections: 5000, megabytes: 8, datagrams: 500, pings: 50 });
    for (const pod of PODS)
      for (const b of await books.settled(pod)) {
        expect(b.total.packets, `${pod} ${b.direction}`).toBeGreaterThan(20_000n);
        expect(b.tableFull.packets + b.overBudget.packets).toBe(0n);
      }
  }, 240_000);

  test("without segmentation offload too", async () => {
    await setOffload(stack.lab, false);
    await sendMix(stack.lab, { connections: 200, megabytes: 8, datagrams: 100, pings: 20 });
    for (const pod of PODS) await books.settled(pod);
  }, 240_000);

  test("each of the short connections is a flow of its own, seen by both ends", async () => {
    const [row] = await stack.query<{ flows: string }>(
      "select count(distinct flow_id)::text as flows from flow_updates where proto = 6 and dst_port = 9000",
    );
    expect(Number(row?.flows)).toBe(2 * 2 * (5000 + 8 + 200 + 8));
  });
});

describe("conservation with a flow table far too small", () => {
  let stack: Stack;
  let books: Books;
  beforeAll(async () => {
    stack = await Stack.up({ name: "conservesmall", agentFlags: ["--flow-table", "64"] });
    await addPeers(stack.lab);
    await stack.allCovered();
    books = await Books.open(stack, PODS);
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  test("what has no room is unattributed, and the books still balance", async () => {
    await sendMix(stack.lab, { connections: 1000, megabytes: 2, datagrams: 50, pings: 10 });
    const all = [...(await books.settled("sender")), ...(await books.settled("peer"))];
    expect(all.some((b) => b.tableFull.packets + b.overBudget.packets > 0n)).toBe(true);
  }, 240_000);
});

describe("a broken counter", () => {
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.up({ name: "conservebroken", agentFlags: ["--break-counter"] });
    await addPeers(stack.lab);
    await stack.allCovered();
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  test("is noticed: flows no longer add up to the total", async () => {
    await sendMix(stack.lab, { connections: 200, megabytes: 1, datagrams: 50, pings: 5 });
    await until(
      "the device's traffic is in the database and the flows fall short of it",
      async () => {
        const all = await balances(stack, stack.lab.pod("sender").ip4);
        return all.every(
          (b) => b.total.packets > 500n && same(b.device, b.total) && !same(accounted(b), b.total),
        );
      },
      { deadlineMs: 30_000, everyMs: 500 },
    );
  }, 120_000);
});
