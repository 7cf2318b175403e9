/** settings, and what the telemetry tables take up. Partitions are made and dropped by ingest/. */

import type { Transaction } from "../audit/service.ts";
import { prisma } from "../db.ts";
import type { Prisma } from "../generated/prisma/client.ts";

export async function findSetting(key: string, tx: Transaction = prisma()): Promise<unknown> {
  return (await tx.setting.findUnique({ where: { key }, select: { value: true } }))?.value;
}

export async function upsertSetting(tx: Transaction, key: string, json: object): Promise<void> {
  const value = json as Prisma.InputJsonObject;
  await tx.setting.upsert({
    where: { key },
    create: { key, value },
    update: { value },
    select: { key: true },
  });
}

const APPLIED_BYTES = "applied:raw-bytes";
export async function storeAppliedBytes(bytes: number): Promise<void> {
  await prisma().tally.upsert({
    where: { name: APPLIED_BYTES },
    create: { name: APPLIED_BYTES, value: BigInt(bytes) },
    update: { value: BigInt(bytes) },
    select: { name: true },
  });
}

export type Usage = {
  usedBytes: number;
  oldestMs: number | null;
  partitions: number;
  lateRows: number;
  /** What ingest keeps to, as it said last. */
  appliedBytes: number | null;
};
export async function telemetryUsage(): Promise<Usage> {
  const [row] = await prisma().$queryRaw<Usage[]>`
    with parts as (
      select i.inhrelid as part, pg_get_expr(c.relpartbound, c.oid) as bound
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent in (to_regclass('flow_updates'), to_regclass('drop_updates'), to_regclass('endpoint_updates')))
    select
      coalesce(sum(pg_total_relation_size(part)), 0)::float8 as "usedBytes",
      (select extract(epoch from min(from_at))::float8 * 1000 from batches) as "oldestMs",
      count(*)::int as partitions,
      (select coalesce(sum(value), 0)::float8 from tallies where name like 'late%') as "lateRows",
      (select value::float8 from tallies where name = ${APPLIED_BYTES}) as "appliedBytes"
    from parts`;
  return row as Usage;
}
