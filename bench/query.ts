/**
 * How long the operator API takes to answer over ten million flow updates: its own procedures, called as the
 * dashboard calls them, without HTTP. What misses its goal leaves its plans in bench/results/query-plans.txt.
 * `node --import tsx bench/query.ts [updates] [folder of a database to keep and use again]`.
 */
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { at } from "../tools/paths.mjs";
import { build, databaseClient } from "../tools/up/build.mjs";
import { Fleet } from "./fleet.ts";
import { FlowMix } from "./flow-mix.ts";
import { History, INTERVAL_US } from "./history.ts";
import { plansOf } from "./query-plan.ts";
import { Random } from "./random.ts";
import { type Finding, percentile, writeResult } from "./result.ts";
import { openDatabase } from "./stage.ts";

process.env.BETTER_AUTH_SECRET ??= randomBytes(24).toString("hex");
process.env.DATABASE_URL ??= "postgresql://set.by/useDatabase";
await build(databaseClient);
const { closeDatabase, pool, useDatabase } = await import("../apps/web/src/server/db.ts");
const { callerFor } = await import("../apps/web/src/server/root.ts");

const UPDATES = Number(process.argv[2] ?? 10_000_000);
const KEPT = process.argv[3];
const HOURS = 6;
/** So that questions can begin at different times. */
const MOST_HOURS = 5;
const RUNS = 30;
const WARM_UP_MS = 15_000;
/** Of this mix, so many updates come of one new flow: what the size is steered by. */
const UPDATES_A_FLOW = 5.4;
const PLANS = at("bench/results/query-plans.txt");
const HOUR_MS = 3_600_000;

const fleet = new Fleet({ hosts: 4, podsPerHost: 30, services: 40, externals: 20_000 });
const random = new Random(11);
const person = {
  id: "bench",
  name: "bench",
  email: "bench@localhost",
  role: "admin",
  via: "session",
} as const;
const api = callerFor({ me: person, refusal: null });
type Range = Parameters<typeof api.flows.facets>[0]["range"];

type Question = {
  name: string;
  /** Milliseconds at the 95th percentile; absent: nothing was promised. */
  goalMs?: number;
  ask: (end: number) => Promise<() => Promise<unknown>>;
};
/** No two questions are about the very same time. */
const last = (hours: number, end: number): Range => {
  const to = end - random.below(HOUR_MS / 1000) * 1000;
  return { from: to - hours * HOUR_MS, to } as Range;
};
const address = (): string => (random.chance(0.7) ? random.pick(fleet.pods) : fleet.external(random)).text;
const service = (): string => fleet.service(random).name;
const find = (hours: number, filter: () => string, more: object = {}): Question["ask"] => {
  return async (end) => {
    const input = { range: last(hours, end), filter: filter(), limit: 100, ...more };
    return () => api.flows.search(input);
  };
};

const QUESTIONS: Question[] = [
  { name: "last 100 flows of an address, 1 h", goalMs: 20, ask: find(1, () => `ip=${address()}`) },
  { name: "last 100 flows of an address, 5 h", goalMs: 20, ask: find(MOST_HOURS, () => `ip=${address()}`) },
  { name: "newest 200 flows, 1 h", ask: find(1, () => "", { limit: 200 }) },
  { name: "last 100 flows of a service, 1 h", ask: find(1, () => `service=${service()}`) },
  { name: "last 100 dropped flows, 1 h", ask: find(1, () => "verdict=dropped") },
  {
    name: "series of a service, 1 h",
    goalMs: 100,
    ask: async (end) => {
      const input = { range: last(1, end), filter: `service=${service()}` };
      return () => api.flows.histogram(input);
    },
  },
  {
    name: "series of everything, 5 h",
    goalMs: 100,
    ask: async (end) => {
      const range = last(MOST_HOURS, end);
      return () => api.flows.histogram({ range });
    },
  },
  {
    name: "overview with top talkers, 1 h",
    goalMs: 200,
    ask: async (end) => {
      const range = last(1, end);
      return () => api.overview.get({ range });
    },
  },
  {
    name: "overview with top talkers, 5 h",
    goalMs: 200,
    ask: async (end) => {
      const range = last(MOST_HOURS, end);
      return () => api.overview.get({ range });
    },
  },
  { name: "largest 100 flows, 1 h", ask: find(1, () => "", { sort: "bytes" }) },
  {
    name: "facets, 1 h",
    ask: async (end) => {
      const range = last(1, end);
      return () => api.flows.facets({ range });
    },
  },
  {
    name: "a flow's drawer",
    ask: async (end) => {
      const range = last(1, end);
      const page = await api.flows.search({ range, filter: `service=${service()}`, limit: 100 });
      const { id } = random.pick(page.rows);
      return () => api.flows.get({ id, range });
    },
  },
  {
    name: "drops by reason and place, 1 h",
    ask: async (end) => {
      const range = last(1, end);
      return () => api.drops.summary({ range });
    },
  },
];

type Answered = {
  name: string;
  goalMs: number | null;
  p50Ms: number;
  p95Ms: number;
  slowestMs: number;
  short: boolean;
};
type Timed = Answered & { slowest: () => Promise<unknown> };

const findingOf = ({ name, goalMs, p50Ms, p95Ms, short }: Answered): Finding => ({
  what: name,
  ...(goalMs === null ? {} : { goal: `≤ ${goalMs} ms at p95`, met: !short }),
  measured: `p50 ${p50Ms} ms, p95 ${p95Ms} ms`,
});

/** Each input once to warm up, as far as there is time, then once by the clock. */
async function measure({ name, goalMs, ask }: Question, end: number): Promise<Timed> {
  const calls: (() => Promise<unknown>)[] = [];
  for (let i = 0; i < RUNS; i++) calls.push(await ask(end));
  const until = performance.now() + WARM_UP_MS;
  for (const call of calls) if (performance.now() < until) await call();
  const times: number[] = [];
  for (const call of calls) {
    const started = performance.now();
    await call();
    times.push(performance.now() - started);
  }
  const p95Ms = percentile(times, 0.95);
  process.stderr.write(`${name}: p95 ${p95Ms} ms\n`);
  const timed = { p50Ms: percentile(times, 0.5), p95Ms, slowestMs: percentile(times, 1) };
  const slowest = calls[times.indexOf(Math.max(...times))] as () => Promise<unknown>;
  return { name, goalMs: goalMs ?? null, ...timed, short: goalMs !== undefined && p95Ms > goalMs, slowest };
}

async function fill(url: string): Promise<void> {
  await useDatabase(url);
  const toUs = Math.floor(Date.now() / 60_000) * 60_000_000;
  const fromUs = toUs - HOURS * 3_600_000_000;
  const intervals = (toUs - fromUs) / INTERVAL_US;
  const mix = new FlowMix(fleet, { newPerInterval: UPDATES / intervals / UPDATES_A_FLOW });
  const history = new History(pool(), fleet, mix);
  const filled = await history.fill(fromUs, toUs);
  process.stderr.write(`filled: ${JSON.stringify(filled)}\n`);
}

/** What the database holds, for the method. */
async function sizes(): Promise<{ updates: number; flows: number; endMs: number; gigabytes: number }> {
  const { rows } = await pool().query(
    `select count(*)::float8 as updates, count(distinct flow_id)::float8 as flows,
       (extract(epoch from max(ts)) * 1000)::float8 as "endMs",
       (select sum(pg_total_relation_size(inhrelid)) / 1e9 from pg_inherits
        where inhparent = 'flow_updates'::regclass)::float8 as gigabytes
     from flow_updates`,
  );
  return rows[0];
}

/** Of the slowest call of each question that missed its goal. */
async function keepPlans(url: string, timed: readonly Timed[]): Promise<void> {
  rmSync(PLANS, { force: true });
  const plans: string[] = [];
  for (const { name, slowest } of timed.filter((one) => one.short))
    for (const plan of await plansOf(url, slowest)) plans.push(`--- ${name}\n${plan}\n`);
  if (plans.length > 0) writeFileSync(PLANS, plans.join("\n"));
}

async function main(): Promise<void> {
  const database = await openDatabase(KEPT);
  try {
    if (!database.found) await fill(database.url);
    await useDatabase(database.url);
    const { updates, flows, endMs, gigabytes } = await sizes();
    const timed: Timed[] = [];
    for (const question of QUESTIONS) timed.push(await measure(question, endMs));
    await keepPlans(database.url, timed);
    const answers = timed.map(({ slowest, ...answered }): Answered => answered);
    writeResult("query", {
      question: "how long the operator API takes to answer over ten million flow updates",
      method:
        `${updates} updates of ${flows} flow ids over ${HOURS} h, 4 hosts of 30 pods, 40 services and 20,000 external peers by Zipf's law, ` +
        `${gigabytes.toFixed(1)} GB with indexes; the API's procedures in one process with Postgres on the same two cores, without HTTP; ` +
        `${RUNS} different inputs a question, each asked once to warm up and once by the clock`,
      findings: answers.map(findingOf),
      figures: answers,
    });
  } finally {
    await closeDatabase();
    await database.stop();
  }
}

await main();
