/**
 * Whatever dies, nothing is lost but what is counted as lost, nothing counts twice, nobody stays down, and the
 * containers' traffic goes on untouched. `npm run soak` runs the full counts; here a stated fraction of them.
 */
import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Books } from "./books.ts";
import { Stack } from "./stack.ts";
import { addPeers, type Steady, sendMix, steadyTraffic } from "./traffic.ts";

const SOAK = process.env.MILLRACE_SOAK === "1";
/** Full counts under soak; the fraction `npm test` runs is here and nowhere else. */
const OUTAGE_S = SOAK ? 60 : 8;
const AGENT_KILLS = SOAK ? 50 : 8;

const PODS = ["sender", "peer"] as const;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function untouched(
  stack: Stack,
  books: Books,
  seconds: number,
  breakIt: () => Promise<void>,
): Promise<Steady> {
  const traffic = steadyTraffic(stack.lab, seconds);
  await Promise.all([traffic, breakIt()]);
  const met = await traffic;
  expect(met.errors).toEqual([]);
  expect(met.exchanges).toBeGreaterThan(seconds * 20);
  for (const pod of PODS) await books.settled(pod);
  expect(await stack.query("select what, count from losses")).toEqual([]);
  return met;
}

describe("a fault in the control plane or an agent", () => {
  let stack: Stack;
  let books: Books;
  beforeAll(async () => {
    stack = await Stack.up({ name: "fault" });
    await addPeers(stack.lab);
    await stack.allCovered();
    books = await Books.open(stack, PODS);
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  test("the database away, then back: everything arrives, once", async () => {
    await untouched(stack, books, OUTAGE_S + 4, async () => {
      await stack.stopDatabase();
      await pause(OUTAGE_S * 1000);
      await stack.startDatabase();
    });
    expect(stack.ingest.alive).toBe(true);
  }, 300_000);

  test("the database killed with -9: what was acknowledged is there, the rest is sent again", async () => {
    await untouched(stack, books, 10, async () => {
      for (let i = 0; i < 2; i++) {
        await pause(1500);
        await stack.killDatabase();
        await stack.startDatabase();
      }
    });
    expect(stack.ingest.alive).toBe(true);
  }, 300_000);

  test("ingest killed with -9, again and again", async () => {
    await untouched(stack, books, 10, async () => {
      for (let i = 0; i < 4; i++) {
        await pause(700 + Math.random() * 800);
        await stack.ingest.end("SIGKILL");
        stack.ingest.start();
        await stack.ingestReady();
      }
    });
  }, 300_000);

  test("the control plane unreachable but not refusing: the agent spools and catches up in order", async () => {
    await untouched(stack, books, OUTAGE_S + 4, async () => {
      process.kill(stack.ingest.pid as number, "SIGSTOP");
      await pause(OUTAGE_S * 1000);
      process.kill(stack.ingest.pid as number, "SIGCONT");
    });
    const gaps = await stack.query(
      `select * from (select sequence - lag(sequence) over (partition by host_id, incarnation order by sequence) as step
       from batches) s where step <> 1`,
    );
    expect(gaps).toEqual([]);
  }, 300_000);

  test(`the agent killed with -9 at ${AGENT_KILLS} random moments: nothing lost, nothing twice`, async () => {
    const agent = stack.agents[0];
    if (!agent) throw new Error("no agent");
    await untouched(stack, books, AGENT_KILLS * 2 + 5, async () => {
      for (let i = 0; i < AGENT_KILLS; i++) {
        await pause(300 + Math.random() * 1500);
        await agent.end("SIGKILL");
        agent.start();
      }
    });
    await sendMix(stack.lab, { connections: 100, megabytes: 1, datagrams: 20, pings: 5 });
    for (const pod of PODS) await books.settled(pod);
  }, 900_000);
});

function fillDisk(file: string): void {
  const chunk = Buffer.alloc(64 << 10);
  try {
    for (;;) writeFileSync(file, chunk, { flag: "a" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

describe("a spool's disk that is full", () => {
  let stack: Stack;
  let books: Books;
  beforeAll(async () => {
    stack = await Stack.up({ name: "faultdisk", stateDiskBytes: 8 << 20 });
    await addPeers(stack.lab);
    await stack.allCovered();
    books = await Books.open(stack, PODS);
  }, 120_000);
  afterAll(() => stack?.down(), 60_000);

  test("moves no baseline: with room again, the books balance", async () => {
    const traffic = steadyTraffic(stack.lab, 14);
    const filler = path.join(stack.stateFolder(1), "filler");
    fillDisk(filler);
    await sendMix(stack.lab, { connections: 2000, megabytes: 1, datagrams: 100, pings: 5 });
    expect((await traffic).errors).toEqual([]);
    expect(stack.agents[0]?.alive).toBe(true);
    expect(stack.agents[0]?.output).toMatch(/the spool can't be written/);
    rmSync(filler);
    for (const pod of PODS) await books.settled(pod);
    expect(await stack.query("select what, count from losses")).toEqual([]);
  }, 300_000);
});
