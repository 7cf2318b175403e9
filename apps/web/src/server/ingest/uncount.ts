/**
 * Takes updates out of the sums that counted as long as nobody was known to cover the other end: the rows no
 * longer count, and the rollups lose what they had added. In the transaction of whoever learnt better, and only
 * there: see coverage-store.ts.
 */
import type { Connection } from "../db.ts";
import { addSample } from "../sketch.ts";
import { timestamp } from "../sql.ts";
import type { Life } from "./coverage.ts";
import { fastIn, NOTHING, openedIn, ROLLUP_WIDTHS, serverPort, tellsAlone } from "./rollup.ts";
import { type Deduction, deduct } from "./rollup-deduct.ts";

export type Window = Life & { readonly address: string };
export type PairLife = Life & { readonly pairKey: string };

/** Of an end's address that is compared with `w`: whose word an update waits for. */
const WAITS_FOR_SOURCE = "u.observer = 1 and u.src = w.address";
/** The same where the destination's own host knows what the source was before its NAT. */
const WAITS_FOR_HIDDEN = "u.observer = 1 and u.nat_src = w.address";
/** Of ends that don't know their side, the first in order counts: see enrich.ts. */
const WAITS_FOR_FIRST = `u.observer = 2
  and case when (u.src, u.src_port) <= (u.dst, u.dst_port) then u.src else u.dst end = w.address`;

const UNCOUNT = "update flow_updates u set counted = false";
const RETURNING = `returning u.host_id as "hostId", u.counted_src as src, u.counted_dst as dst,
    (date_part('epoch', u.ts) * 1000)::float8 as "atMs", u.dst_port as "dstPort", u.proto, u.verdict,
    u.opener_known as "openerKnown", u.opens, u.drops::float8 as drops, u.rtt_us as "rttUs",
    u.first_seen >= (select b.from_at from batches b where b.id = u.batch_id) as "isFirst",
    u.fwd_packets::float8 as "fwdPackets", u.fwd_bytes::float8 as "fwdBytes",
    u.rev_packets::float8 as "revPackets", u.rev_bytes::float8 as "revBytes",
    u.slow_packets::float8 as "slowPackets"`;
const statement = (waits: string): string => `${UNCOUNT}
  from unnest($1::inet[], $2::timestamptz[], $3::timestamptz[]) as w (address, from_at, until_at)
  where u.counted and u.counted_src is not null and ${waits} and u.ts >= w.from_at and u.ts <= w.until_at ${RETURNING}`;

type Uncounted = {
  hostId: number;
  src: number;
  dst: number;
  atMs: number;
  dstPort: number;
  proto: number;
  verdict: number;
  openerKnown: boolean;
  opens: number;
  drops: number;
  rttUs: number | null;
  isFirst: boolean | null;
  fwdPackets: number;
  fwdBytes: number;
  revPackets: number;
  revBytes: number;
  slowPackets: number | null;
};

/** Returns how many updates no longer count. */
export async function uncount(connection: Connection, windows: readonly Window[]): Promise<number> {
  const values = [
    windows.map((w) => w.address),
    windows.map((w) => timestamp(w.fromUs)),
    windows.map((w) => timestamp(w.untilUs)),
  ];
  const rows: Uncounted[] = [];
  for (const waits of [WAITS_FOR_SOURCE, WAITS_FOR_HIDDEN, WAITS_FOR_FIRST])
    rows.push(...(await connection.query<Uncounted>(statement(waits), values)).rows);
  return deductAll(connection, rows);
}

/** The same for flows by their pair keys: the destination's updates, whose source a NAT hid from it. */
export async function uncountPairs(connection: Connection, pairs: readonly PairLife[]): Promise<number> {
  const text = `${UNCOUNT}
    from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) as w (pair_key, from_at, until_at)
    where u.counted and u.counted_src is not null and u.observer = 1 and u.pair_key = w.pair_key
      and u.ts >= w.from_at and u.ts <= w.until_at ${RETURNING}`;
  const values = [
    pairs.map((p) => p.pairKey),
    pairs.map((p) => timestamp(p.fromUs)),
    pairs.map((p) => timestamp(p.untilUs)),
  ];
  return deductAll(connection, (await connection.query<Uncounted>(text, values)).rows);
}

async function deductAll(connection: Connection, rows: readonly Uncounted[]): Promise<number> {
  if (rows.length > 0)
    for (const { table, total, ms } of ROLLUP_WIDTHS)
      await deduct(connection, { table, total }, deductions(rows, ms));
  return rows.length;
}

function deductions(rows: readonly Uncounted[], widthMs: number): Deduction[] {
  const byKey = new Map<string, Deduction>();
  for (const row of rows) {
    const { hostId, src, dst, proto, verdict } = row;
    const bucketMs = Math.floor(row.atMs / widthMs) * widthMs;
    const dstPort = serverPort(proto, row.dstPort, row.openerKnown);
    const key = { bucketMs, hostId, src, dst, dstPort, proto, verdict };
    const text = Object.values(key).join(" ");
    const into = byKey.get(text) ?? { ...key, ...NOTHING, sketch: [] };
    byKey.set(text, into);
    addUncounted(into, row);
  }
  return [...byKey.values()];
}

/** Drops and retransmits are everybody's, counted or not; so is an update that tells what no other does. */
function addUncounted(into: Deduction, row: Uncounted): void {
  into.updates += tellsAlone(row.verdict, row.drops) ? 0 : 1;
  into.opened += openedIn(row.opens, row.isFirst ?? false);
  into.fwdPackets += row.fwdPackets;
  into.fwdBytes += row.fwdBytes;
  into.revPackets += row.revPackets;
  into.revBytes += row.revBytes;
  if (row.slowPackets !== null) {
    into.slowPackets += row.slowPackets;
    into.fastPackets += fastIn(row.fwdPackets + row.revPackets, row.slowPackets);
  }
  if (row.rttUs) addSample(into.sketch, row.rttUs);
}
