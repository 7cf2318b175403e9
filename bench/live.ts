/**
 * From packet to screen: how long after a container's first packet of a new flow its row is with a subscriber
 * of flows.tail, and on the flows page in Chromium, and where on the way the time goes: until the agent read the
 * flow, until its batch was committed, until the stream told of it. Whole stack, the shop's traffic beside it.
 * `node --import tsx bench/live.ts [flows]`; the result is written to bench/results/live.json.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { FlowTailOutput } from "@millrace/contract/flow";
import { NODE_IN_CONTAINER } from "@millrace/lab/shop";
import pg from "pg";
import type { Page } from "playwright-core";
import { until } from "../e2e/system/child.ts";
import { Stack } from "../e2e/system/stack.ts";
import { at } from "../tools/paths.mjs";
import { Random } from "./random.ts";
import { type Finding, percentile, writeResult } from "./result.ts";
import { buildPrograms } from "./stage.ts";
import { WebProcess } from "./web-process.ts";

const FLOWS = Number(process.argv[2] ?? 60);
/** Each flow goes to a port of its own, which tells it from all others wherever it is seen. */
const FIRST_PORT = 20_000;
const GOAL_MS = 1000;
const GIVE_UP_MS = 10_000;
/** Between flows: more than an agent's interval apart from each other, at no fixed distance. */
const GAP_MS = { from: 300, to: 1400 };

/** By port, when: in milliseconds of this machine's one clock. */
type Times = Map<number, number>;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const gateway = (stack: Stack): string => stack.lab.host(1).podNetwork4.replace(/0\/24$/, "1");

/** Sends one datagram a line of its input, and says the port and when. */
const SENDER = `
const dgram = require("node:dgram"), { createInterface } = require("node:readline");
createInterface({ input: process.stdin }).on("line", (port) => {
  const socket = dgram.createSocket("udp4");
  socket.connect(Number(port), process.argv[1], () => {
    console.log(port, Date.now());
    socket.send("new", () => socket.close());
  });
});`;

class Packets {
  readonly sent: Times = new Map();
  readonly #sink: ChildProcess;
  readonly #sender: ChildProcess;

  constructor(stack: Stack) {
    const inside = (netns: string, ...argv: string[]) =>
      spawn("nsenter", [`--net=${netns}`, "setpriv", "--pdeathsig", "KILL", ...argv], {
        stdio: ["pipe", "pipe", "inherit"],
      });
    const ports = [String(FIRST_PORT), String(FIRST_PORT + FLOWS)];
    this.#sink = inside(stack.lab.host(1).netns, at("bench/traffic/build/sink"), gateway(stack), ...ports);
    this.#sender = inside(stack.lab.pod("sender").netns, process.execPath, "-e", SENDER, gateway(stack));
    if (!this.#sender.stdout) throw new Error("the sender has no output");
    createInterface({ input: this.#sender.stdout }).on("line", (line) => {
      const [port = 0, ms = 0] = line.split(" ").map(Number);
      this.sent.set(port, ms);
    });
  }
  async one(port: number): Promise<void> {
    this.#sender.stdin?.write(`${port}\n`);
    await until(`a datagram to port ${port}`, () => this.sent.has(port), { deadlineMs: 5000, everyMs: 5 });
  }
  end(): void {
    this.#sender.kill();
    this.#sink.kill();
  }
}

async function watchStream(web: WebProcess, filter: string, signal: AbortSignal): Promise<Times> {
  const seen: Times = new Map();
  await web.subscribe("flows.tail", { filter }, signal, (message) => {
    const now = Date.now();
    const { rows } = message as FlowTailOutput;
    for (const { dst } of rows) if (!seen.has(dst.port)) seen.set(dst.port, now);
  });
  return seen;
}

/** The page tells of each of our ports when it is in the table; undefined where there is no browser. */
async function watchPage(web: WebProcess, filter: string): Promise<Times | undefined> {
  const page: Page | undefined = await web.page();
  if (!page) return undefined;
  const seen: Times = new Map();
  await page.exposeFunction("flowSeen", (port: number, ms: number) => seen.set(port, ms));
  await page.goto(`${web.url}/flows?q=${encodeURIComponent(filter)}`);
  await page
    .getByText(/No flows/)
    .first()
    .waitFor(); // of that container yet: the page is there
  await page.evaluate(() => {
    const told = new Set<string>();
    const tell = (globalThis as unknown as { flowSeen: (port: number, ms: number) => void }).flowSeen;
    new MutationObserver(() => {
      const text = document.querySelector('[role="grid"]')?.textContent ?? "";
      for (const [, port] of text.matchAll(/:(2\d{4})/g)) {
        if (port === undefined || told.has(port)) continue;
        told.add(port);
        tell(Number(port), Date.now());
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  return seen;
}

/** When each batch was told of after its commit, by its id. */
class Commits {
  readonly #client: pg.Client;
  readonly #at = new Map<number, number>();

  constructor(databaseUrl: string) {
    this.#client = new pg.Client(databaseUrl);
  }
  async start(): Promise<void> {
    await this.#client.connect();
    this.#client.on("notification", ({ payload }) => this.#at.set(Number(payload), Date.now()));
    await this.#client.query("listen millrace_batches");
  }
  /** When the agent's interval that has the flow ended, and when its batch was committed. */
  async legs(): Promise<{ read: Times; committed: Times }> {
    const { rows } = await this.#client.query<{ port: number; batch: number; read: number }>(
      `select u.dst_port as port, min(u.batch_id)::float8 as batch, (extract(epoch from min(u.ts)) * 1000)::float8 as read
       from flow_updates u where u.dst_port between $1 and $2 and u.proto = 17 group by u.dst_port`,
      [FIRST_PORT, FIRST_PORT + FLOWS],
    );
    return {
      read: new Map(rows.map(({ port, read }) => [port, read])),
      committed: new Map(rows.map(({ port, batch }) => [port, this.#at.get(batch) ?? Number.NaN])),
    };
  }
  end(): Promise<void> {
    return this.#client.end();
  }
}

function distribution(sent: Times, seen: Times) {
  const delays = [...sent].flatMap(([port, ms]) => {
    const at = seen.get(port);
    return at === undefined ? [] : [at - ms];
  });
  const q = (share: number) => percentile(delays, share);
  return {
    flows: sent.size,
    missing: sent.size - delays.length,
    ...{ leastMs: q(0), p50Ms: q(0.5), p95Ms: q(0.95), mostMs: q(1) },
  };
}

async function measure(stack: Stack, web: WebProcess) {
  const random = new Random(13);
  const packets = new Packets(stack);
  const commits = new Commits(stack.databaseUrl);
  const ending = new AbortController();
  try {
    const filter = `ip=${stack.lab.pod("sender").ip4}`;
    const inStream = await watchStream(web, filter, ending.signal);
    const onPage = await watchPage(web, filter);
    await commits.start();
    await pause(3000); // all begin in a settled system
    for (let i = 0; i < FLOWS; i++) {
      await packets.one(FIRST_PORT + i);
      await pause(random.between(GAP_MS.from, GAP_MS.to));
    }
    const all = (seen: Times | undefined) => !seen || seen.size >= FLOWS;
    await until("every flow is seen", () => all(inStream) && all(onPage), { deadlineMs: GIVE_UP_MS }).catch(
      () => undefined, // what is missing is in the figures
    );
    const { read, committed } = await commits.legs();
    const legs = {
      "packet to the agent's reading": distribution(packets.sent, read),
      "reading to the commit": distribution(read, committed),
      "commit to the stream": distribution(committed, inStream),
      ...(onPage ? { "stream to the page": distribution(inStream, onPage) } : {}),
    };
    const whole = {
      "packet to the stream": distribution(packets.sent, inStream),
      ...(onPage ? { "packet to the page": distribution(packets.sent, onPage) } : {}),
    };
    return { whole, legs };
  } finally {
    ending.abort();
    await commits.end();
    packets.end();
  }
}

type Distribution = ReturnType<typeof distribution>;

function findingOf([what, { flows, missing, p50Ms, p95Ms, mostMs }]: [string, Distribution]): Finding {
  const measured = `p50 ${p50Ms} ms, p95 ${p95Ms} ms, most ${mostMs} ms; ${missing} of ${flows} not seen`;
  return { what, goal: `≤ ${GOAL_MS} ms at p95`, measured, met: p95Ms <= GOAL_MS && missing === 0 };
}
const legOf = ([what, { p50Ms, p95Ms, mostMs }]: [string, Distribution]): Finding => ({
  what: `of that, ${what}`,
  measured: `p50 ${p50Ms} ms, p95 ${p95Ms} ms, most ${mostMs} ms`,
});

async function main(): Promise<void> {
  await buildPrograms("agent", "ingest", "setup");
  execFileSync("make", ["-s", "-C", at("bench/traffic")], { stdio: "inherit" });
  const stack = await Stack.up({ name: "benchlive", hosts: 2, shop: true });
  let web: WebProcess | undefined;
  try {
    await stack.lab.addPod({
      ...{ name: "sender", namespace: "bench", hostNumber: 1, labels: { app: "sender" } },
      containers: [
        { name: "sender", argv: [NODE_IN_CONTAINER, "-e", "setInterval(() => {}, 1 << 30)"], restart: false },
      ],
    });
    await stack.allCovered();
    web = await WebProcess.start(stack.databaseUrl);
    const { whole, legs } = await measure(stack, web);
    writeResult("live", {
      question: "from a flow's first packet to its row in the live stream, and on the flows page in Chromium",
      method:
        `${FLOWS} new UDP flows of a lab container at random distances of ${GAP_MS.from} to ${GAP_MS.to} ms; two hosts' agents, ingest, ` +
        "Postgres, the dashboard's server, Chromium and the shop's traffic on the same two cores; one clock; on the page: the row is in the document",
      findings: [...Object.entries(whole).map(findingOf), ...Object.entries(legs).map(legOf)],
      figures: { ...whole, ...legs },
    });
  } finally {
    await web?.stop();
    await stack.down();
  }
}

await main();
