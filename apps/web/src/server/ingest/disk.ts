/**
 * The safe default on a small disk: as long as nobody has chosen, telemetry takes a quarter of what is free at
 * most. Only for a database on this machine whose directory we can see; it deletes nothing.
 */
import { statfs } from "node:fs/promises";
import type { Retention } from "@millrace/contract/setting";
import { isLoopback } from "../../env.ts";
import { databaseUrl, pool } from "../db.ts";

const SHARE = 0.25;
const LEAST_BYTES = 100_000_000;

export async function affordable(retention: Retention, byDefault: Retention): Promise<Retention> {
  if (retention.rawBytes !== byDefault.rawBytes || !isLoopback(new URL(databaseUrl()).hostname))
    return retention;
  const { rows } = await pool().query<{ dir: string; used: number }>(
    `select current_setting('data_directory') as dir, pg_database_size(current_database())::float8 as used`,
  );
  const [row] = rows;
  const free = row && (await freeBytes(row.dir));
  if (free === undefined) return retention;
  return { ...retention, rawBytes: capped(retention.rawBytes, free, row?.used ?? 0) };
}

/** What we take already was free before. */
export function capped(rawBytes: number, freeBytes: number, usedBytes: number): number {
  return Math.min(rawBytes, Math.max(LEAST_BYTES, Math.floor((freeBytes + usedBytes) * SHARE)));
}

async function freeBytes(dir: string): Promise<number | undefined> {
  try {
    const disk = await statfs(dir);
    return disk.bavail * disk.bsize;
  } catch {
    return undefined; // not on this machine, or not ours to look into
  }
}
