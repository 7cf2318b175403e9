/**
 * Which partition a moment falls into, and what it is called: pure arithmetic in UTC. The tables' rows say
 * how wide their partitions are and what limits their age.
 */
export type Width = "hour" | "6 hours" | "day" | "month";
/** raw: the setting's days, and its bytes. minutes, hours: rollups of that width. */
export type Keep = "raw" | "minutes" | "hours";
export type PartitionedTable = {
  readonly table: string;
  readonly column: "ts" | "bucket";
  readonly width: Width;
  readonly keep: Keep;
  /** Rows that are updated in place leave room for it on their page. */
  readonly fillfactor: number;
};

export const PARTITIONED = [
  { table: "flow_updates", column: "ts", width: "hour", keep: "raw", fillfactor: 100 },
  { table: "drop_updates", column: "ts", width: "6 hours", keep: "raw", fillfactor: 100 },
  { table: "endpoint_updates", column: "ts", width: "6 hours", keep: "raw", fillfactor: 100 },
  { table: "rollup_10s", column: "bucket", width: "day", keep: "raw", fillfactor: 80 },
  { table: "rollup_1m", column: "bucket", width: "day", keep: "minutes", fillfactor: 80 },
  { table: "rollup_1h", column: "bucket", width: "month", keep: "hours", fillfactor: 80 },
  { table: "total_10s", column: "bucket", width: "day", keep: "raw", fillfactor: 80 },
  { table: "total_1m", column: "bucket", width: "day", keep: "minutes", fillfactor: 80 },
  { table: "total_1h", column: "bucket", width: "month", keep: "hours", fillfactor: 80 },
] as const satisfies readonly PartitionedTable[];
export type TableName = (typeof PARTITIONED)[number]["table"];

export type Slot = { readonly name: string; readonly fromMs: number; readonly toMs: number };

const HOUR_MS = 3_600_000;
const FIXED: Record<Exclude<Width, "month">, number> = {
  hour: HOUR_MS,
  "6 hours": 6 * HOUR_MS,
  day: 24 * HOUR_MS,
};

export function slotAt({ table, width }: PartitionedTable, atMs: number): Slot {
  const [fromMs, toMs] = width === "month" ? monthAt(atMs) : fixedAt(FIXED[width], atMs);
  return { name: `${table}_${stamp(fromMs)}`, fromMs, toMs };
}

/** The slots from one moment to another, both included. */
export function slotsBetween(table: PartitionedTable, fromMs: number, toMs: number): Slot[] {
  const slots: Slot[] = [];
  for (let at = fromMs; at <= toMs; at = (slots.at(-1) as Slot).toMs) slots.push(slotAt(table, at));
  return slots;
}

/** The slot of a partition's name; undefined when it isn't one of ours. */
export function slotOf(table: PartitionedTable, name: string): Slot | undefined {
  const match = /^(\w+?)_(\d{4})(\d{2})(\d{2})(\d{2})$/.exec(name);
  if (!match || match[1] !== table.table) return undefined;
  const [year, month, day, hour] = match.slice(2).map(Number) as [number, number, number, number];
  const slot = slotAt(table, Date.UTC(year, month - 1, day, hour));
  return slot.name === name ? slot : undefined;
}

function fixedAt(width: number, atMs: number): [number, number] {
  const from = Math.floor(atMs / width) * width;
  return [from, from + width];
}
function monthAt(atMs: number): [number, number] {
  const at = new Date(atMs);
  const month = (offset: number) => Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + offset);
  return [month(0), month(1)];
}
/** 2026112313: to the hour, whatever the width. */
const stamp = (ms: number): string => new Date(ms).toISOString().slice(0, 13).replace(/\D/g, "");
