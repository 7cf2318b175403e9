/**
 * The walk through history that fills one page: by time in windows that widen while little is found, by any
 * other measure over the whole range at once. Bounded in time: what isn't reached is left to the next page.
 */

import type { Filter } from "@millrace/contract/filter";
import type { FLOW_SORTS, FlowRow } from "@millrace/contract/flow";
import type { Values } from "../sql.ts";
import { namesFor } from "../workload/service.ts";
import { columnsOf, filterSql } from "./filter-sql.ts";
import { matches } from "./match.ts";
import type { Member } from "./member.ts";
import { type Pair, pairMembers, seeksNat } from "./pair.ts";
import * as repo from "./repo.ts";
import { rowOf, wantedBy } from "./row.ts";
import { soleAddress, weakened, witnessTerms } from "./witness.ts";

/** Where a page ended; `fromUs` when not the whole range was looked at. */
export type Position = { key: number; flowId: string; fromUs?: number | undefined };
export type Search = {
  filter: Filter;
  range: repo.Span;
  sort: (typeof FLOW_SORTS)[number];
  descending: boolean;
  limit: number;
  after: Position | null;
  /** Of the request, by performance.now(). */
  started: number;
  signal?: AbortSignal | undefined;
};
/** `orderedFromUs`: updates of the range before it were left out; null when none were. */
export type Page = { rows: FlowRow[]; next: Position | null; orderedFromUs: number | null };

const BUDGET_MS = 1500;
const FIRST_WINDOW_US = 2_000_000;
const WIDEST = 12;
/** Openings on both sides of a NAT are looked for within this. */
const NAT_SPAN_US = 30_000_000;
const MINUTE_US = 60_000_000;

export async function collectPage(on: repo.Connection, search: Search): Promise<Page> {
  const terms = witnessTerms(search.filter.terms).map(weakened);
  const fits: repo.Condition = (alias, values: Values) => filterSql(terms, columnsOf(alias), values);
  const byTime = search.sort === "lastSeen" && search.descending;
  return byTime ? pageByTime(on, search, fits) : pageByMetric(on, search, search.sort, fits);
}

async function pageByTime(on: repo.Connection, search: Search, fits: repo.Condition): Promise<Page> {
  const { range, limit } = search;
  const rows: FlowRow[] = [];
  let after = search.after;
  // An update at the cursor's own microsecond may still be to come.
  let toUs = after ? Math.min(after.key + 1, range.toUs) : range.toUs;
  let width = await firstWidth(on, search, toUs);
  while (toUs > range.fromUs) {
    if (outOfTime(search))
      return { rows, next: after ?? { key: toUs, flowId: NO_FLOW }, orderedFromUs: null };
    const window = { fromUs: Math.max(range.fromUs, toUs - width), toUs };
    const most = chunkFor(limit - rows.length);
    const candidates = await repo.findCandidates(on, { window, range, fits, after, limit: most });
    const found = firstPairs(candidates, limit - rows.length + SPARE_PAIRS);
    for (const { row, at } of await rowsAt(on, found, search, fits)) {
      if (rows.length === limit) return { rows, next: after, orderedFromUs: null };
      after = at;
      if (row) rows.push(row);
    }
    if (found.length < candidates.length || found.length === most) {
      toUs = (found.at(-1) as repo.Candidate).key + 1;
      continue;
    }
    toUs = window.fromUs;
    after = { key: toUs, flowId: NO_FLOW };
    width = Math.round(width * widening(found.length, limit - rows.length));
  }
  return { rows, next: null, orderedFromUs: null };
}
/** An updates' index tells how far back a page of an address reaches; elsewhere one looks. */
async function firstWidth(on: repo.Connection, search: Search, toUs: number): Promise<number> {
  const sole = soleAddress(witnessTerms(search.filter.terms));
  if (!sole) return FIRST_WINDOW_US;
  const span = { fromUs: search.range.fromUs, toUs };
  const wanted = UPDATES_A_ROW * search.limit;
  const reachedUs = await repo.nthNewestOf(on, sole.address, sole.ends, span, wanted);
  return toUs - (reachedUs ?? span.fromUs);
}
/** Of both observers, while a flow goes on: fewer means a second look, more a longer first one. */
const UPDATES_A_ROW = 8;

/** As much wider as it takes to find the rest where it is as dense as here, and some. */
const widening = (found: number, wanted: number): number =>
  Math.min(WIDEST, Math.max(2, (1.5 * wanted) / Math.max(1, found)));

/** Below every flow id: a position just under a time. */
const NO_FLOW = "00000000-0000-0000-0000-000000000000";

/** Over the whole range, or as much of its end as can be summed up in time; later pages look at the same. */
async function pageByMetric(
  on: repo.Connection,
  search: Search,
  metric: repo.Metric,
  fits: repo.Condition,
): Promise<Page> {
  const rows: FlowRow[] = [];
  let after = search.after;
  let span: repo.Span | null = after?.fromUs ? { ...search.range, fromUs: after.fromUs } : null;
  for (;;) {
    if (outOfTime(search)) return { rows, next: after, orderedFromUs: span?.fromUs ?? search.range.toUs };
    const limit = chunkFor(search.limit - rows.length);
    const query = { fits, metric, descending: search.descending, after, limit };
    const look: repo.SummedUp = await (span
      ? repo.findByMetric(on, { ...query, span }).then((found) => ({ found, span: span as repo.Span }))
      : repo.findWithinTime(on, { ...query, span: search.range }));
    span = look.span;
    const orderedFromUs = span.fromUs > search.range.fromUs ? span.fromUs : null;
    for (const { row, at } of await rowsAt(on, look.found, { ...search, range: span }, fits)) {
      if (rows.length === search.limit) return { rows, next: after, orderedFromUs };
      after = { ...at, fromUs: span.fromUs };
      if (row) rows.push(row);
    }
    if (look.found.length < limit) return { rows, next: null, orderedFromUs };
  }
}

/** As many from the start as have so many pair keys: what both observers saw is one row, what one saw one as well. */
function firstPairs(candidates: repo.Candidate[], most: number): repo.Candidate[] {
  const seen = new Set<string>();
  const end = candidates.findIndex(({ pairKey }) => seen.add(pairKey).size > most);
  return end < 0 ? candidates : candidates.slice(0, end);
}
/** Rows that won't match are few. */
const SPARE_PAIRS = 10;

/** Both observers of a flow are candidates, and some rows won't match: look a little further than asked. */
const chunkFor = (wanted: number): number => Math.min(2000, Math.max(50, Math.ceil(wanted * 2.1) + 10));

function outOfTime(search: Search): boolean {
  search.signal?.throwIfAborted();
  return performance.now() - search.started > BUDGET_MS;
}

type Found = { row: FlowRow | null; at: Position };

/** A row stands where the first of its observers comes in the order; the other one has no row. */
async function rowsAt(
  on: repo.Connection,
  candidates: repo.Candidate[],
  search: Search,
  fits: repo.Condition,
): Promise<Found[]> {
  const pairs = await pairsOf(on, candidates, search.range, fits);
  const members = pairs.flatMap((p) => (p.other ? [p.primary, p.other] : [p.primary]));
  const names = await namesFor(wantedBy(members), on);
  const position = new Map(candidates.map((c, index) => [c.flowId, index]));
  const byFlow = new Map<string, Pair>();
  for (const pair of pairs) for (const m of [pair.primary, pair.other]) if (m) byFlow.set(m.flowId, pair);
  return candidates.map((candidate) => {
    const pair = byFlow.get(candidate.flowId);
    const at = { key: candidate.key, flowId: candidate.flowId };
    if (!pair || !isFirst(pair, candidate, position, search)) return { row: null, at };
    const row = rowOf(pair, names);
    return { row: matches(search.filter, row) ? row : null, at };
  });
}

/** Would the other observer have come before this one, here or on a page before? */
function isFirst(
  pair: Pair,
  candidate: repo.Candidate,
  position: Map<string, number>,
  search: Search,
): boolean {
  const other = pair.primary.flowId === candidate.flowId ? pair.other : pair.primary;
  if (!other) return true;
  const there = position.get(other.flowId);
  if (there !== undefined) return (position.get(candidate.flowId) as number) < there;
  const key = keyOf(other, search.sort, search.descending);
  if (key === null) return true;
  const before = key === candidate.key ? other.flowId > candidate.flowId : key > candidate.key;
  return search.descending ? !before : before;
}

function keyOf(member: Member, sort: Search["sort"], descending: boolean): number | null {
  if (member.keyUs === null) return null;
  switch (sort) {
    case "lastSeen":
      return descending ? member.keyUs : member.lastSeenUs;
    case "firstSeen":
      return member.firstSeenUs;
    case "bytes":
      return member.forward.bytes + member.reverse.bytes;
    case "packets":
      return member.forward.packets + member.reverse.packets;
    case "rtt":
      return member.rtt?.[1] ?? -1;
    default:
      return member[sort];
  }
}

async function pairsOf(
  on: repo.Connection,
  candidates: repo.Candidate[],
  range: repo.Span,
  fits: repo.Condition,
): Promise<Pair[]> {
  const since = new Map<string, number>();
  for (const c of candidates)
    since.set(c.pairKey, Math.min(since.get(c.pairKey) ?? Infinity, c.firstSeenUs - MINUTE_US));
  const queries = [...since].map(([pairKey, sinceUs]) => ({ pairKey, sinceUs }));
  const members = await wholeMembers(on, queries, range, fits);
  const pairs = pairMembers(members);
  const more = await natPartners(on, pairs, range, fits);
  return more.length === 0 ? pairs : pairMembers([...members, ...more]);
}

/** A partner that began long before the candidate has older updates than were asked for: ask again. */
async function wholeMembers(
  on: repo.Connection,
  queries: repo.PairQuery[],
  range: repo.Span,
  fits: repo.Condition,
): Promise<Member[]> {
  const found = await repo.findMembers(on, queries, range, fits);
  const asked = new Map(queries.map((q) => [q.pairKey, q.sinceUs]));
  const since = (m: Member) => asked.get(m.pairKey) as number;
  const older = new Set(
    found.filter((m) => m.firstSeenUs < since(m) && since(m) > range.fromUs).map((m) => m.pairKey),
  );
  if (older.size === 0) return found;
  const again = [...older].map((pairKey) => ({ pairKey, sinceUs: range.fromUs }));
  const whole = await repo.findMembers(on, again, range, fits);
  return [...found.filter((m) => !older.has(m.pairKey)), ...whole];
}

/** Only where openings lie close together: without an index by sequence number the span is what it costs. */
async function natPartners(
  on: repo.Connection,
  pairs: Pair[],
  range: repo.Span,
  fits: repo.Condition,
): Promise<Member[]> {
  const seeking = pairs.filter(seeksNat).map((pair) => pair.primary);
  if (seeking.length === 0) return [];
  const newest = Math.max(...seeking.map((m) => m.firstSeenUs));
  const near = seeking.filter((m) => newest - m.firstSeenUs < NAT_SPAN_US);
  const oldest = Math.min(...near.map((m) => m.firstSeenUs));
  const span = {
    fromUs: Math.max(range.fromUs, oldest - 5_000_000),
    toUs: Math.min(range.toUs, newest + 10_000_000),
  };
  const known = new Set(pairs.flatMap((p) => [p.primary.flowId, p.other?.flowId]));
  const opened = await repo.findByOpening(on, [...new Set(near.map((m) => m.isn))], span, fits);
  const strange = opened.filter((m) => !known.has(m.flowId));
  const keys = [...new Set(strange.map((m) => m.pairKey))];
  const queries = keys.map((pairKey) => ({ pairKey, sinceUs: range.fromUs }));
  return (await wholeMembers(on, queries, range, fits)).filter((m) => !known.has(m.flowId));
}
