/**
 * The first and the last statement of a batch's transaction: the key that makes it exactly once, and the
 * watermark. Each is one round trip, because on a busy machine a batch costs what its round trips cost. The rows
 * between them are store.ts's.
 */
import type { BatchHead, Loss } from "@millrace/contract/batch";
import { AppError } from "@millrace/contract/error";
import type { Connection } from "../db.ts";
import type { Reporter } from "./endpoints.ts";
import { advance } from "./watermark.ts";

/** More settled sequences than this beyond a gap are looked at when the gap has moved. */
const LOOK_AHEAD = 10_000;

export type Opened = {
  readonly acknowledged: number;
  /** undefined: the batch is there already, or was said to be lost. */
  readonly id: number | undefined;
};

const OPEN = `with host as (select id from hosts where id = $1 and revoked_at is null for key share),
  life as (
    insert into incarnations as i (host_id, id) select id, $2::uuid from host
    on conflict (host_id, id) do update set acknowledged = i.acknowledged returning acknowledged),
  key as (
    insert into batches (host_id, incarnation, sequence, from_at, to_at, flow_rows, drop_rows, late_rows)
    select $1, $2::uuid, $3::int8, 'epoch'::timestamptz + $4 * interval '1 microsecond',
      'epoch'::timestamptz + $5 * interval '1 microsecond', $6, $7, $8
    from life where $3::int8 > acknowledged
    on conflict (host_id, incarnation, sequence) do nothing returning id)
  select (select acknowledged from life) as acknowledged, (select id from key) as id`;

/** Locks what only one batch of an incarnation may change at a time; a revoked host gets no further. */
export async function openBatch(
  connection: Connection,
  head: BatchHead,
  from: Reporter,
  lateRows: number,
): Promise<Opened> {
  const { rows } = await connection.query<{ acknowledged: string | null; id: string | null }>({
    name: "open a batch",
    text: OPEN,
    values: [
      ...[from.hostId, head.incarnation, head.sequence, head.from, head.to],
      ...[head.flowRows, head.dropRows, lateRows],
    ],
  });
  const acknowledged = rows[0]?.acknowledged ?? null;
  if (acknowledged === null)
    throw new AppError("UNAUTHENTICATED", `host ${from.hostName} is revoked or unknown`);
  const id = rows[0]?.id ?? null;
  return { acknowledged: Number(acknowledged), id: id === null ? undefined : Number(id) };
}

/** In order and with nothing beyond: the watermark is this batch's number. Tells of the batch either way. */
const CLOSE = `with moved as (
    update incarnations set acknowledged = $3 where host_id = $1 and id = $2 and acknowledged = $3 - 1
      and not exists (select from batches where host_id = $1 and incarnation = $2 and sequence > $3)
      and not exists (select from losses where host_id = $1 and incarnation = $2 and last_sequence >= $3)
    returning acknowledged)
  select (select acknowledged from moved) as acknowledged, pg_notify('millrace_batches', $4)`;

export async function closeBatch(
  connection: Connection,
  head: BatchHead,
  hostId: number,
  opened: Opened,
): Promise<number> {
  const { rows } = await connection.query<{ acknowledged: string | null }>({
    name: "close a batch",
    text: CLOSE,
    values: [hostId, head.incarnation, head.sequence, String(opened.id)],
  });
  const moved = rows[0]?.acknowledged ?? null;
  return moved === null ? moveWatermark(connection, head, hostId, opened.acknowledged) : Number(moved);
}

/** Beside a gap: looks at all that is settled beyond the watermark. */
async function moveWatermark(
  connection: Connection,
  head: BatchHead,
  hostId: number,
  acknowledged: number,
): Promise<number> {
  const key = [hostId, head.incarnation, acknowledged];
  const stored = await connection.query<{ sequence: string }>(
    `select sequence from batches where host_id = $1 and incarnation = $2 and sequence > $3
     order by sequence limit ${LOOK_AHEAD}`,
    key,
  );
  const lost = await connection.query<{ first: string; last: string }>(
    `select first_sequence as first, last_sequence as last from losses
     where host_id = $1 and incarnation = $2 and last_sequence > $3 limit ${LOOK_AHEAD}`,
    key,
  );
  const reached = advance(
    acknowledged,
    stored.rows.map((row) => Number(row.sequence)),
    lost.rows.map((row) => ({ first: Number(row.first), last: Number(row.last) })),
  );
  if (reached > acknowledged)
    await connection.query("update incarnations set acknowledged = $3 where host_id = $1 and id = $2", [
      ...[hostId, head.incarnation, reached],
    ]);
  return reached;
}

/** A range of lost batches counts for the watermark if it lies before the batch that tells of it. */
const isGap = (loss: Loss, sequence: number): boolean =>
  loss.what === "batches" && loss.lastSequence !== null && loss.lastSequence < sequence;

export async function insertLosses(connection: Connection, head: BatchHead, hostId: number): Promise<void> {
  const lost = head.lost.filter((loss) => loss.count > 0);
  if (lost.length === 0) return;
  const rows = lost.map((loss) => {
    const range = isGap(loss, head.sequence)
      ? { first: loss.firstSequence, last: loss.lastSequence }
      : { first: null, last: null };
    return { what: loss.what, count: loss.count, ...range };
  });
  await connection.query(
    `insert into losses (host_id, incarnation, at, what, count, first_sequence, last_sequence)
     select $1, $2, to_timestamp($3::float8 / 1e6), what, count, first, last
     from jsonb_to_recordset($4::jsonb) as l (what text, count int8, first int8, last int8)`,
    [hostId, head.incarnation, head.to, JSON.stringify(rows)],
  );
}

/** Ours, not the agent's: updates that both observers count, because the host had no claims left (hidden-sources.ts). */
export async function insertRefused(
  connection: Connection,
  head: BatchHead,
  hostId: number,
  count: number,
): Promise<void> {
  await connection.query(
    `insert into losses (host_id, incarnation, at, what, count)
     values ($1, $2, to_timestamp($3::float8 / 1e6), 'hidden-source-claims', $4)`,
    [hostId, head.incarnation, head.to, count],
  );
}
