/**
 * What the agent costs its host: CPU and memory at 0, 1,000 and 10,000 new flows a second of real packets from
 * a real container, with ingest and Postgres behind it, and whether every packet is told of in the end.
 * `node --import tsx bench/agent.ts [seconds]`; the result is written to bench/results/agent.json.
 */
import { execFileSync, spawn } from "node:child_process";
import { NODE_IN_CONTAINER } from "@millrace/lab/shop";
import { until } from "../e2e/system/child.ts";
import { Stack } from "../e2e/system/stack.ts";
import { at } from "../tools/paths.mjs";
import { cpuSeconds, residentBytes } from "./process-time.ts";
import { type Finding, writeResult } from "./result.ts";
import { buildPrograms } from "./stage.ts";

/** Long enough that flows are closed (30 s after their last packet) as fast as others open. */
const SECONDS = Number(process.argv[2] ?? 50);
const STEADY_SECONDS = 15;
const RATES = [0, 1000, 10_000];
/** Of CPU, by rate. */
const GOALS = [0.01, undefined, 0.05];
const RESIDENT_MIB = 120;
const IDLE_SECONDS = 25;
const CATCH_UP_MS = 240_000;
const FLOW_TABLE = 524_288;
/** flowgen's first destination port, and as many as its flows of one run need. */
const FIRST_PORT = 10_000;
const LAST_PORT = FIRST_PORT + 40;

type Sample = { at: number; cpu: number; resident: number };

function sample(pid: number): Sample {
  return { at: performance.now() / 1000, cpu: cpuSeconds(pid), resident: residentBytes(pid) };
}
const share = (from: Sample, to: Sample): number =>
  Number(((to.cpu - from.cpu) / (to.at - from.at)).toFixed(4));

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Takes a sample a second until the work is done. */
async function sampled(pid: number, work: Promise<unknown>): Promise<Sample[]> {
  const samples = [sample(pid)];
  let done = false;
  const end = work.finally(() => {
    done = true;
  });
  while (!done) {
    await Promise.race([pause(1000), end]);
    samples.push(sample(pid));
  }
  await end;
  return samples;
}

class Traffic {
  readonly #stack: Stack;
  readonly #sink;

  private constructor(stack: Stack) {
    this.#stack = stack;
    const { netns } = stack.lab.host(1);
    this.#sink = spawn(
      "nsenter",
      [
        `--net=${netns}`,
        at("bench/traffic/build/sink"),
        gateway(stack),
        String(FIRST_PORT),
        String(LAST_PORT),
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
  }
  static async start(stack: Stack): Promise<Traffic> {
    const traffic = new Traffic(stack);
    await new Promise((resolve, reject) => {
      traffic.#sink.stdout.once("data", resolve);
      traffic.#sink.once("exit", () => reject(new Error("the sink ended at once")));
    });
    return traffic;
  }
  /** Datagrams sent, each of a flow of its own. */
  async send(flowsPerSecond: number, seconds: number): Promise<number> {
    const { lab } = this.#stack;
    const from = lab.pod("sender");
    const argv = [at("bench/traffic/build/flowgen"), from.ip4, gateway(this.#stack)];
    const outcome = await lab.execInNetns(from, [...argv, String(flowsPerSecond), String(seconds)], {
      timeoutMs: (seconds + 60) * 1000,
    });
    const [sent, failed] = outcome.stdout.split(" ").map(Number);
    if (outcome.code !== 0 || failed !== 0 || !sent) throw new Error(`flowgen: ${JSON.stringify(outcome)}`);
    return sent;
  }
  stop(): void {
    this.#sink.kill();
  }
}

const gateway = (stack: Stack): string => stack.lab.host(1).podNetwork4.replace(/0\/24$/, "1");

type Accounts = { flows: number; packets: number; updates: number; unattributed: number; lost: number };

/** What Postgres knows of everything sent so far. */
async function accounts(stack: Stack): Promise<Accounts> {
  const [row] = await stack.query<Accounts>(
    `select count(distinct flow_id)::float8 as flows, coalesce(sum(fwd_packets), 0)::float8 as packets,
       count(*)::float8 as updates,
       (select coalesce(sum(egress[10] + egress[13]), 0) from endpoint_updates)::float8 as unattributed,
       (select coalesce(sum(count), 0) from losses)::float8 as lost
     from flow_updates where proto = 17 and dst_port between ${FIRST_PORT} and ${LAST_PORT}`,
  );
  return row as Accounts;
}

const minus = (a: Accounts, b: Accounts): Accounts =>
  Object.fromEntries(Object.entries(a).map(([key, n]) => [key, n - b[key as keyof Accounts]])) as Accounts;

/** Waits until all packets are accounted for, or gives what is known at the end. */
async function settled(stack: Stack, before: Accounts, sent: number) {
  const started = performance.now();
  let now = before;
  const complete = await until(
    "all is told",
    async () => {
      now = minus(await accounts(stack), before);
      return now.packets + now.unattributed >= sent;
    },
    { deadlineMs: CATCH_UP_MS, everyMs: 1000 },
  ).catch(() => false);
  return { ...now, complete, secondsUntilTold: Math.round((performance.now() - started) / 100) / 10 };
}

/** The largest fill of the flow table that the agent told of. */
async function tableUsed(stack: Stack): Promise<number> {
  const [row] = await stack.query<{ used: number | null }>(
    `select max((m ->> 'used')::float8) as used from hosts, jsonb_array_elements(heartbeat -> 'maps') m
     where m ->> 'name' = 'flows'`,
  );
  return row?.used ?? 0;
}

/** flowgen's tuples are the same each time: they are new flows once the last run's are closed. */
async function allClosed(stack: Stack): Promise<void> {
  await until("the last flows are closed", async () => (await tableUsed(stack)) < 100, {
    deadlineMs: CATCH_UP_MS,
    everyMs: 1000,
  });
}

async function measure(stack: Stack, traffic: Traffic, rate: number) {
  const pid = stack.agents[0]?.pid;
  if (pid === undefined) throw new Error("the agent doesn't run");
  const before = await accounts(stack);
  let most = 0;
  const watch = setInterval(async () => {
    most = Math.max(most, await tableUsed(stack).catch(() => 0));
  }, 5000);
  const work = rate === 0 ? pause(IDLE_SECONDS * 1000) : traffic.send(rate, SECONDS);
  const samples = await sampled(pid, work);
  clearInterval(watch);
  const sent = rate === 0 ? 0 : Number(await work);
  const [first, last] = [samples[0] as Sample, samples.at(-1) as Sample];
  const steady = samples.find((s) => s.at >= last.at - STEADY_SECONDS) as Sample;
  const told = await settled(stack, before, sent);
  return {
    newFlowsPerSecond: Math.round(sent / (last.at - first.at)),
    cpuShareOfOneCore: share(first, last),
    cpuShareInSteadyState: share(steady, last),
    residentMiB: Math.round(Math.max(...samples.map((s) => s.resident)) / 2 ** 20),
    flowTableUsed: Math.max(most, await tableUsed(stack)),
    sent,
    told,
  };
}

type Measured = Awaited<ReturnType<typeof measure>>;

function findingsOf(name: string, measured: Measured, cpuGoal: number | undefined): Finding[] {
  const { cpuShareOfOneCore: whole, cpuShareInSteadyState: steady, residentMiB, sent, told } = measured;
  const cpu: Finding = {
    what: `${name}: CPU of one core`,
    measured: `${steady} steady, ${whole} over the run`,
  };
  const findings: Finding[] = [
    cpuGoal === undefined ? cpu : { ...cpu, goal: `≤ ${cpuGoal}`, met: steady <= cpuGoal },
    {
      what: `${name}: resident memory`,
      goal: `≤ ${RESIDENT_MIB} MiB`,
      measured: `${residentMiB} MiB, ${measured.flowTableUsed} flows in the table`,
      met: residentMiB <= RESIDENT_MIB,
    },
  ];
  const missing = sent - told.packets - told.unattributed;
  const counted = `${told.unattributed} unattributed, ${told.lost} told as lost, ${missing} unaccounted for`;
  if (sent > 0)
    findings.push({
      what: `${name}: packets accounted for`,
      goal: "all",
      measured: `${told.packets} of ${sent} in ${told.flows} flows, ${counted}; ${told.secondsUntilTold} s after the last`,
      met: missing === 0,
    });
  return findings;
}

async function main(): Promise<void> {
  await buildPrograms("agent", "ingest", "setup");
  execFileSync("make", ["-s", "-C", at("bench/traffic")], { stdio: "inherit" });
  const stack = await Stack.up({ name: "bench", agentFlags: ["--flow-table", String(FLOW_TABLE)] });
  let traffic: Traffic | undefined;
  try {
    const idle = { name: "sender", argv: [NODE_IN_CONTAINER, "-e", "setInterval(() => {}, 1 << 30)"] };
    await stack.lab.addPod({
      ...{ name: "sender", namespace: "bench", hostNumber: 1, labels: { app: "sender" } },
      containers: [{ ...idle, restart: false }],
    });
    await stack.allCovered();
    traffic = await Traffic.start(stack);
    await pause(5000); // its start is not what is asked
    const figures: Record<string, Measured> = {};
    for (const rate of RATES) {
      figures[`${rate} new flows/s`] = await measure(stack, traffic, rate);
      await allClosed(stack);
    }
    writeResult("agent", {
      question: "the agent's CPU, of one core, and memory at 0, 1,000 and 10,000 new flows a second",
      method:
        `one container of the lab sends UDP datagrams to its host, each opening a flow of its own, for ${SECONDS} s; agent, ingest ` +
        `and Postgres on the same two cores; flow table of ${FLOW_TABLE} entries; CPU from /proc over the whole run and over its last ` +
        `${STEADY_SECONDS} s, in which flows close as fast as they open; resident: the most seen. Told: what Postgres has in the end`,
      findings: Object.entries(figures).flatMap(([name, measured], at) =>
        findingsOf(name, measured, GOALS[at]),
      ),
      figures,
    });
  } finally {
    traffic?.stop();
    await stack.down();
  }
}

await main();
