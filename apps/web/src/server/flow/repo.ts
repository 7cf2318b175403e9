/** Every statement over flow_updates that history and the live stream need. What they mean stands in the callers. */
import { type Connection, pool, type Queryable, transaction } from "../db.ts";
import { microseconds, type Statement, timestamp, Values } from "../sql.ts";
import { type Member, memberColumns, memberOf } from "./member.ts";

export type { Connection, Queryable };

/** All in it sees one state of the database, which `snapshot` names. */
export const readSnapshot = <T>(work: (on: Connection, snapshot: string) => Promise<T>): Promise<T> =>
  transaction(
    async (on) => {
      const { rows } = await on.query<{ snapshot: string }>("select pg_current_snapshot()::text as snapshot");
      return work(on, rows[0]?.snapshot as string);
    },
    { mode: "repeatable read read only" },
  );

/** The database that is read: what is kept of one must not answer for another. */
export const source = (): object => pool();
export const rowsOf = async <T extends object>(statement: Statement, on: Queryable = pool()): Promise<T[]> =>
  (await on.query<T>(statement.text, statement.values)).rows;

/** A range of update times: from is in it, to isn't. Microseconds. */
export type Span = { fromUs: number; toUs: number };
/** A condition over updates `alias`, with its values. */
export type Condition = (alias: string, values: Values) => string;
export type Candidate = { flowId: string; pairKey: string; key: number; firstSeenUs: number };
export type CandidateQuery = {
  window: Span;
  /** The search's whole range: what has a newer update in it that fits was found before. */
  range: Span;
  fits: Condition;
  /** The last one already seen. */
  after: { key: number; flowId: string } | null;
  limit: number;
};

/**
 * The time of the n-th newest update with this address at one of these ends; null when there are fewer. Each end is
 * walked backwards in its index, so that it costs the same for an address that is everywhere.
 */
export async function nthNewestOf(
  on: Connection,
  address: string,
  ends: readonly ("src" | "dst")[],
  span: Span,
  n: number,
): Promise<number | null> {
  const [from, to] = [timestamp(span.fromUs), timestamp(span.toUs)];
  const columns = ends.flatMap((end) => [end, `nat_${end}`]);
  const newest = columns.map(
    (end) => `(select u.ts from flow_updates u where u.${end} = $1 and u.ts >= $2 and u.ts < $3
      order by u.ts desc limit $4)`,
  );
  const [row] = await rowsOf<{ atUs: number }>(
    {
      text: `select ${microseconds("u.ts")} as "atUs" from (${newest.join(" union all ")}) u
        order by u.ts desc limit 1 offset $4 - 1`,
      values: [address, from, to, n],
    },
    on,
  );
  return row?.atUs ?? null;
}

const US = (column: string) => `round(date_part('epoch', ${column}) * 1e6) as`;

/** Flows by their newest fitting update, newest first. */
export function findCandidates(on: Connection, query: CandidateQuery): Promise<Candidate[]> {
  const { window, range } = query;
  const values = new Values();
  const from = values.add(timestamp(window.fromUs));
  const to = values.add(timestamp(window.toUs));
  const conditions: string[] = [];
  if (query.after) {
    const key = values.add(timestamp(query.after.key), "timestamptz");
    conditions.push(`(f.key, f.flow_id) < (${key}, ${values.add(query.after.flowId, "uuid")})`);
  }
  if (window.toUs < range.toUs)
    conditions.push(
      `not exists (select from flow_updates n where n.pair_key = f.pair_key and n.flow_id = f.flow_id
         and n.ts >= ${to} and n.ts < ${values.add(timestamp(range.toUs))} and ${query.fits("n", values)})`,
    );
  const text = `
    select f.flow_id as "flowId", f.pair_key as "pairKey", ${US("f.key")} key, ${US("f.first_seen")} "firstSeenUs"
    from (select u.flow_id, min(u.pair_key) as pair_key, max(u.ts) as key, min(u.first_seen) as first_seen
          from flow_updates u
          where u.ts >= ${from} and u.ts < ${to} and ${query.fits("u", values)}
          group by u.flow_id) f
    where ${conditions.join(" and ") || "true"}
    order by f.key desc, f.flow_id desc limit ${values.add(query.limit)}`;
  return rowsOf<Candidate>({ text, values: values.list }, on);
}

/** What a flow's updates in a span add up to, for ordering by it. Not by time: that is findCandidates. */
export const METRICS = {
  lastSeen: "round(date_part('epoch', max(u.last_seen)) * 1e6)",
  firstSeen: "round(date_part('epoch', min(u.first_seen)) * 1e6)",
  bytes: "sum(u.fwd_bytes + u.rev_bytes)::float8",
  packets: "sum(u.fwd_packets + u.rev_packets)::float8",
  rtt: `coalesce(max((floor(date_part('epoch', u.ts))::bigint << 32) | u.rtt_us::bigint)
    filter (where u.rtt_us is not null) & 4294967295, -1)::float8`,
  retransmits: "sum(u.retransmits)::float8",
  drops: "sum(u.drops)::float8",
} as const;
export type Metric = keyof typeof METRICS;
export type MetricQuery = {
  span: Span;
  fits: Condition;
  metric: Metric;
  descending: boolean;
  after: { key: number; flowId: string } | null;
  limit: number;
};

/** Flows by a sum over their updates in the span, of those with a fitting update there. */
export async function findByMetric(on: Connection, query: MetricQuery): Promise<Candidate[]> {
  // Room for half a million flows in a hash: with less the planner reads whole partitions in the order of flow ids.
  await on.query("set local work_mem = '128MB'");
  const values = new Values();
  const span = `u.ts >= ${values.add(timestamp(query.span.fromUs))} and u.ts < ${values.add(timestamp(query.span.toUs))}`;
  const fits = query.fits("u", values);
  const chosen =
    fits === "true"
      ? ""
      : `and u.flow_id in (select u.flow_id from flow_updates u where ${span} and ${fits})`;
  const [way, order] = query.descending ? ["<", "desc"] : [">", "asc"];
  const after = query.after
    ? `where (f.key, f.flow_id) ${way} (${values.add(query.after.key, "float8")}, ${values.add(query.after.flowId, "uuid")})`
    : "";
  const text = `
    select f.flow_id as "flowId", f.pair_key as "pairKey", f.key, ${US("f.first_seen")} "firstSeenUs"
    from (select u.flow_id, min(u.pair_key) as pair_key, min(u.first_seen) as first_seen, ${METRICS[query.metric]} as key
          from flow_updates u where ${span} ${chosen} group by u.flow_id) f
    ${after} order by f.key ${order}, f.flow_id ${order} limit ${values.add(query.limit)}`;
  return rowsOf<Candidate>({ text, values: values.list }, on);
}

export type SummedUp = { found: Candidate[]; span: Span };
const SUM_BUDGET_MS = 2000;
const FIRST_SUM_US = 300_000_000;
/** So much of the time that is left is planned with; a look that takes all of it is lost. */
const PLANNED = 0.7;

/**
 * findByMetric over the longest end of the span that is summed up in time: the first look tells how much that is.
 * What would be less than twice as long isn't worth another.
 */
export async function findWithinTime(on: Connection, query: MetricQuery): Promise<SummedUp> {
  const endMs = performance.now() + SUM_BUDGET_MS;
  let best: SummedUp = { found: [], span: { ...query.span, fromUs: query.span.toUs } };
  for (let width = FIRST_SUM_US, longer = 1; ; width *= longer) {
    const startedMs = performance.now();
    const fromUs = Math.max(query.span.fromUs, Math.round(query.span.toUs - width));
    const span = { ...query.span, fromUs };
    const found = await inTime(on, endMs - startedMs, () => findByMetric(on, { ...query, span }));
    if (!found) return best;
    best = { found, span };
    longer = (PLANNED * (endMs - performance.now())) / (performance.now() - startedMs);
    if (fromUs === query.span.fromUs || longer < 2) return best;
  }
}

/** Null when the statement takes longer than this; the transaction goes on either way. */
async function inTime<T>(on: Connection, budgetMs: number, run: () => Promise<T>): Promise<T | null> {
  await on.query("savepoint in_time");
  await on.query(`set local statement_timeout = ${Math.max(1, Math.round(budgetMs))}`);
  try {
    return await run();
  } catch (error) {
    if ((error as { code?: string }).code !== CANCELLED) throw error;
    return null;
  } finally {
    await on.query("rollback to savepoint in_time");
  }
}

export type PairQuery = { pairKey: string; sinceUs: number };

/** Every observer's account of the flows with these pair keys, over the span. */
export async function findMembers(
  on: Queryable,
  pairs: PairQuery[],
  span: Span,
  key: Condition,
): Promise<Member[]> {
  if (pairs.length === 0) return [];
  const values = new Values();
  const keys = values.add(
    pairs.map((p) => p.pairKey),
    "bigint[]",
  );
  const since = values.add(
    pairs.map((p) => timestamp(Math.max(p.sinceUs, span.fromUs))),
    "timestamptz[]",
  );
  // The least of them again, as one value: by it the planner leaves partitions out, of which there are a week's.
  const least = values.add(timestamp(Math.max(span.fromUs, Math.min(...pairs.map((p) => p.sinceUs)))));
  const text = `
    select m.* from unnest(${keys}, ${since}) p(pair_key, since) cross join lateral (
      select ${memberColumns(key("u", values))} from flow_updates u
      where u.pair_key = p.pair_key and u.ts >= p.since and u.ts >= ${least}
        and u.ts < ${values.add(timestamp(span.toUs))}
      group by u.flow_id) m`;
  return membersBy(on, text, values.list);
}

/** Accounts that share a TCP opening across a NAT: same initial sequence number, opened about then. */
export async function findByOpening(
  on: Queryable,
  isns: number[],
  span: Span,
  key: Condition,
): Promise<Member[]> {
  if (isns.length === 0) return [];
  const values = new Values();
  const text = `
    select ${memberColumns(key("u", values))} from flow_updates u
    where u.isn = any(${values.add(isns, "bigint[]")}) and u.isn <> 0 and u.opens > 0 and u.proto = 6
      and u.ts >= ${values.add(timestamp(span.fromUs))} and u.ts < ${values.add(timestamp(span.toUs))}
    group by u.flow_id`;
  return membersBy(on, text, values.list);
}

export async function membersBy(on: Queryable, text: string, values: unknown[]): Promise<Member[]> {
  const { rows } = await on.query({ text, values, rowMode: "array" });
  return (rows as unknown[][]).map(memberOf);
}

/** The pair key and opening of a flow by its id, when any update of it is still there. */
export async function findFlow(
  id: string,
  span: Span,
): Promise<(PairQuery & { lastUs: number }) | undefined> {
  const [row] = await rowsOf<PairQuery & { lastUs: number }>({
    text: `select min(pair_key) as "pairKey", ${US("min(first_seen)")} "sinceUs", ${US("max(ts)")} "lastUs"
           from flow_updates where flow_id = $1 and ts >= $2 and ts < $3 having count(*) > 0`,
    values: [id, timestamp(span.fromUs), timestamp(span.toUs)],
  });
  return row;
}

/** Reads in a transaction of its own for no longer than this in all; what was read till then stays read. */
export async function readWithin(
  budgetMs: number,
  read: (rowsOf: <T extends object>(statement: Statement) => Promise<T[]>) => Promise<void>,
): Promise<void> {
  const started = performance.now();
  try {
    await transaction((on) =>
      read(async <T extends object>(statement: Statement) => {
        const left = Math.round(budgetMs - (performance.now() - started));
        if (left < 1) throw Object.assign(new Error("no time is left"), { code: CANCELLED });
        await on.query(`set local statement_timeout = ${left}`);
        return rowsOf<T>(statement, on);
      }),
    );
  } catch (error) {
    if ((error as { code?: string }).code !== CANCELLED) throw error;
  }
}
/** query_canceled, by the statement's timeout. */
const CANCELLED = "57014";
