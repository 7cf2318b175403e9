/**
 * Flows whose source a NAT hides: the destination's observer sees the address of a host, and can't know that
 * another observer stands behind it and counts. The source's observer can, and says so in its batch; the destination's
 * updates that came first are uncounted afterwards. So which one counts doesn't depend on the order of batches.
 */
import type pg from "pg";
import { type Connection, transaction } from "../db.ts";
import { timestamp } from "../sql.ts";
import { holdAlone } from "./coverage-store.ts";
import type { Batch } from "./decode.ts";
import { type Names, UNTIL_COVERED } from "./enrich.ts";
import type { Budget } from "./names.ts";
import type { PairKeys } from "./pair-key.ts";
import { type PairLife, uncountPairs } from "./uncount.ts";

const SOURCE = 0;
const DESTINATION = 1;
const SECOND_US = 1e6;
/** Both ends' updates of one packet are this far apart at most: clocks, and when each end's agent reads. */
const EARLY_US = 15 * SECOND_US;
const LATE_US = 60 * SECOND_US;
/** A flow that goes on is written once in this time. */
const QUANTUM_US = 60 * SECOND_US;
const MOST_AT_ONCE = 5000;
/** The destination's batches that come later than this count beside the source's. */
const REMEMBERED = "1 day";
/** Of one host: 100,000 × 24 h × ~150 bytes with indexes = 360 MB. */
export const HIDDEN_PER_HOUR = 100_000;

/**
 * In the transaction of the source's batch. A flow that is claimed for the first time is a row for a day: beyond the
 * host's budget both observers count. Returns how many updates that is so for.
 */
export async function claimHidden(
  connection: Connection,
  batch: Batch,
  pairKeys: PairKeys,
  budget: Budget,
): Promise<number> {
  const claims = hiddenRows(batch).map((row) => claimOf(batch, pairKeys, row));
  if (claims.length === 0) return 0;
  const known = await knownAmong(connection, claims);
  const fresh = [...new Set(claims.map(nameOf))].filter((name) => !known.has(name));
  const refused = new Set(fresh.slice(budget.take(fresh.length)));
  const afforded = claims.filter((claim) => !refused.has(nameOf(claim)));
  const untilUs = Math.ceil(batch.head.to / QUANTUM_US) * QUANTUM_US + LATE_US;
  await connection.query(
    `insert into hidden_sources as h (pair_key, flow_id, from_at, until_at, settled)
     select n.pair_key, n.flow_id, n.from_at, $4, false
     from (select pair_key, flow_id, min(from_at) as from_at
       from unnest($1::bigint[], $2::uuid[], $3::timestamptz[]) as c (pair_key, flow_id, from_at) group by 1, 2) n
     where not exists (select from hidden_sources k where k.pair_key = n.pair_key and k.flow_id = n.flow_id
       and k.from_at <= n.from_at and k.until_at >= $4)
     on conflict (pair_key, flow_id) do update set settled = false,
       from_at = least(h.from_at, excluded.from_at), until_at = greatest(h.until_at, excluded.until_at)`,
    [...keysOf(afforded), afforded.map((claim) => timestamp(claim.fromUs)), timestamp(untilUs)],
  );
  return claims.length - afforded.length;
}

type Claim = { readonly pairKey: string; readonly flowId: string; readonly fromUs: number };
const nameOf = ({ pairKey, flowId }: Claim): string => `${pairKey} ${flowId}`;
const keysOf = (claims: readonly Claim[]) => [claims.map((c) => c.pairKey), claims.map((c) => c.flowId)];

function claimOf({ flows }: Batch, pairKeys: PairKeys, row: number): Claim {
  const flowId = Buffer.from(flows.flowId.subarray(row * 16, row * 16 + 16)).toString("hex");
  return { pairKey: keyText(pairKeys, row), flowId, fromUs: (flows.firstSeen[row] as number) - EARLY_US };
}

async function knownAmong(connection: Connection, claims: readonly Claim[]): Promise<Set<string>> {
  const { rows } = await connection.query<{ name: string }>({
    name: "known hidden sources",
    text: `select h.pair_key || ' ' || replace(h.flow_id::text, '-', '') as name
           from unnest($1::bigint[], $2::uuid[]) as n (pair_key, flow_id) join hidden_sources h using (pair_key, flow_id)`,
    values: keysOf(claims),
  });
  return new Set(rows.map((row) => row.name));
}

/** Rows of a source's observer whose source has another address on the other side. */
function hiddenRows({ flows, translations }: Batch): number[] {
  const rows: number[] = [];
  for (const [at, row] of translations.row.entries()) {
    if (flows.observer[row] !== SOURCE) continue;
    for (let i = 0; i < 16; i++)
      if (translations.src[at * 16 + i] !== flows.src[row * 16 + i]) {
        rows.push(row);
        break;
      }
  }
  return rows;
}

/** In the transaction of the destination's batch, which holds the coverage: what is said already isn't counted. */
export async function leaveHidden(
  connection: Connection,
  { head, flows }: Batch,
  names: Names,
): Promise<void> {
  const waiting = new Map<string, number[]>();
  for (let row = 0; row < head.flowRows; row++) {
    if (names.counted[row] !== UNTIL_COVERED || flows.observer[row] !== DESTINATION) continue;
    const key = keyText(names.pairKeys, row);
    waiting.set(key, [...(waiting.get(key) ?? []), row]);
  }
  if (waiting.size === 0) return;
  const { rows } = await connection.query<{ key: string }>({
    name: "hidden sources among",
    text: `select distinct pair_key::text as key from hidden_sources
           where pair_key = any($1::bigint[]) and from_at <= $2 and until_at >= $2`,
    values: [[...waiting.keys()], timestamp(head.to)],
  });
  for (const { key } of rows) for (const row of waiting.get(key) ?? []) names.counted[row] = 0;
}

const keyText = ({ high, low }: PairKeys, row: number): string =>
  ((BigInt(high[row] as number) << 32n) | BigInt(low[row] as number)).toString();

type Due = { pairKey: string; from: number; until: number };

/** Uncounts what was counted before it was known to be hidden; returns how many updates. */
export async function settleHidden(pool: pg.Pool): Promise<number> {
  let uncounted = 0;
  for (;;) {
    const { rows } = await pool.query("select from hidden_sources where not settled limit 1");
    if (rows.length === 0) return uncounted;
    uncounted += await transaction(settleSome, { pool });
  }
}

/** No batch is between its decision and its commit: what was decided without knowing is there to be uncounted. */
async function settleSome(connection: Connection): Promise<number> {
  await holdAlone(connection);
  const { rows } = await connection.query<Due>(
    `update hidden_sources set settled = true where (pair_key, flow_id) in
       (select pair_key, flow_id from hidden_sources where not settled limit ${MOST_AT_ONCE})
     returning pair_key::text as "pairKey", round(date_part('epoch', from_at) * 1e6) as "from",
       round(date_part('epoch', until_at) * 1e6) as until`,
  );
  const pairs = rows.map(({ pairKey, from, until }): PairLife => ({ pairKey, fromUs: from, untilUs: until }));
  return pairs.length > 0 ? await uncountPairs(connection, pairs) : 0;
}

/** The oldest first, by their index, some at a time. */
export async function forgetHidden(pool: pg.Pool): Promise<void> {
  for (;;) {
    const { rowCount } = await pool.query(
      `delete from hidden_sources where (pair_key, flow_id) in
         (select pair_key, flow_id from hidden_sources
          where settled and until_at < now() - interval '${REMEMBERED}' order by until_at limit ${MOST_AT_ONCE})`,
    );
    if ((rowCount ?? 0) < MOST_AT_ONCE) return;
  }
}
