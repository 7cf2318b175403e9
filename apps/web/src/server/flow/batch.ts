/**
 * The stream of committed batches, read between two snapshots of the database: what lets the live stream go on
 * from a page of history without a gap. Ids and times are not in the order of commits; only snapshots tell.
 */
import { microseconds } from "../sql.ts";
import { type Member, memberColumns } from "./member.ts";
import * as repo from "./repo.ts";

export type BatchRef = {
  id: string;
  hostId: number;
  from: string;
  to: string;
  fromUs: number;
  flowRows: number;
};
export type BatchSpan = { batches: BatchRef[]; skippedRows: number };

/**
 * Batches committed after `since`, up to `until` when given: those one snapshot sees and the other doesn't.
 * Ids and times are not in the order of commits; transaction ids and snapshots are what tells. The newest come
 * first; what goes beyond the limits is only counted.
 */
export async function findBatches(
  on: repo.Queryable,
  since: string,
  until: string | null,
  most: { batches: number; rows: number },
): Promise<BatchSpan> {
  const found = await repo.rowsOf<BatchRef & { total: number }>(
    {
      text: `
        select id, host_id as "hostId", from_at::text as "from", to_at::text as "to",
               ${microseconds("from_at")} as "fromUs", flow_rows as "flowRows",
               (sum(flow_rows) over ())::float8 as total
        from batches
        where xid >= pg_snapshot_xmin($1::pg_snapshot) and not pg_visible_in_snapshot(xid, $1::pg_snapshot)
          and ($2::pg_snapshot is null or pg_visible_in_snapshot(xid, $2::pg_snapshot))
        order by id desc limit $3`,
      values: [since, until, most.batches],
    },
    on,
  );
  let rows = 0;
  const batches: BatchRef[] = [];
  for (const batch of found) {
    if (batches.length > 0 && rows + batch.flowRows > most.rows) break;
    batches.push(batch);
    rows += batch.flowRows;
  }
  return { batches, skippedRows: (found[0]?.total ?? 0) - rows };
}

/** What the flows of these batches counted in them, one account per batch and flow. */
export async function findBatchMembers(on: repo.Queryable, batches: BatchRef[]): Promise<Member[]> {
  if (batches.length === 0) return [];
  const text = `
    select m.* from unnest($1::bigint[], $2::int[], $3::timestamptz[], $4::timestamptz[]) b(id, host_id, from_at, to_at)
    cross join lateral (
      select ${memberColumns("true")} from flow_updates u
      where u.host_id = b.host_id and u.ts >= b.from_at and u.ts <= b.to_at and u.batch_id = b.id
      group by u.flow_id) m`;
  const column = <K extends keyof BatchRef>(key: K) => batches.map((batch) => batch[key]);
  return repo.membersBy(on, text, [column("id"), column("hostId"), column("from"), column("to")]);
}

/** Is it a snapshot of this database's past? Not one that was made up, nor of another database. */
export async function isPast(on: repo.Queryable, snapshot: string): Promise<boolean> {
  try {
    const [row] = await repo.rowsOf<{ past: boolean }>(
      {
        text: "select pg_snapshot_xmax($1::pg_snapshot) <= pg_snapshot_xmax(pg_current_snapshot()) as past",
        values: [snapshot],
      },
      on,
    );
    return row?.past ?? false;
  } catch (error) {
    if ((error as { code?: string }).code === "22P02") return false; // invalid_text_representation
    throw error;
  }
}
