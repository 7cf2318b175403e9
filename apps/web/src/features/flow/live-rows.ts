/**
 * The rows of a live table: history underneath, the stream's updates over it. Known flows are updated where
 * they stand; new ones are put on top, so many a draw and no more, and the rest is counted. Pure; the timer
 * and the stream are use-flow-rows'.
 */
import type { FlowRow } from "@millrace/contract/flow";
import type { FlowSort } from "./flow-params.ts";
import { totalBytes, totalPackets } from "./flow-sum.ts";

/** New rows a second: more can't be read, and the table stays calm. */
export const NEW_ROWS_A_SECOND = 160;
export const DRAW_MS = 250;
/** However long nothing came: agents report once a second, so a second's worth comes at once. */
export const ROOM_MAX = 400;
/** While paused, changes wait; beyond this many they are counted instead. */
export const WAITING_MAX = 5000;
/** New rows kept above the history; the oldest leave first. */
export const ON_TOP_MAX = 5000;

export type LiveRows = {
  /** Latest state by id, of new rows and of history's rows that changed. */
  readonly latest: ReadonlyMap<string, FlowRow>;
  /** Ids of rows put on top, newest first. */
  readonly onTop: readonly string[];
  /** New rows of the last draw. */
  readonly added: number;
  readonly notDrawn: number;
};
export const NO_LIVE_ROWS: LiveRows = { latest: new Map(), onTop: [], added: 0, notDrawn: 0 };

/** Adds a tick's rows to those that wait; gives how many were left out for want of room. */
export function wait(waiting: Map<string, FlowRow>, rows: readonly FlowRow[]): number {
  for (const row of rows) {
    // Taken out first, so that the latest change stands last.
    waiting.delete(row.id);
    if (row.otherId) waiting.delete(row.otherId);
    waiting.set(row.id, row);
  }
  let left = 0;
  for (const id of waiting.keys()) {
    if (waiting.size <= WAITING_MAX) break;
    waiting.delete(id);
    left++;
  }
  return left;
}

/** The batches of both ends' agents come within this. */
export const SETTLE_MS = 1000;
/** Its source may stand behind a NAT, and that one's word be on its way: the row would be drawn and become another. */
const mayJoin = ({ join, observers, src }: FlowRow): boolean =>
  join === "single" &&
  observers.every(({ side }) => side === "destination") &&
  (src.kind === "unknown" || src.kind === "host");

type Waiting = ReadonlyMap<string, FlowRow>;
/** Parts what waits: new rows that may yet join stay for a moment. `since` is when each of those that stayed came. */
export function settle(
  waiting: Waiting,
  since: ReadonlyMap<string, number>,
  hasPlace: (id: string) => boolean,
  nowMs: number,
): { ready: Map<string, FlowRow>; held: Map<string, FlowRow>; since: Map<string, number> } {
  const parts = { ready: new Map(), held: new Map(), since: new Map<string, number>() };
  for (const [id, row] of waiting) {
    const at = since.get(id) ?? nowMs;
    const stays = nowMs - at < SETTLE_MS && !hasPlace(id) && mayJoin(row);
    (stays ? parts.held : parts.ready).set(id, row);
    if (stays) parts.since.set(id, at);
  }
  return parts;
}

/** How many new rows may be drawn: what was not used before, and what has come with time since. */
export const roomAfter = (left: number, ms: number): number =>
  Math.min(ROOM_MAX, left + (NEW_ROWS_A_SECOND * ms) / 1000);

export type Draw = {
  readonly waiting: ReadonlyMap<string, FlowRow>;
  /** Tells rows that have a place already. */
  readonly inHistory: (id: string) => boolean;
  readonly room: number;
  /** What was left out before it came here. */
  readonly leftOut?: number;
};

/** Everything that waits, drawn or counted. */
export function draw(live: LiveRows, { waiting, inHistory, room, leftOut = 0 }: Draw): LiveRows {
  const latest = new Map(live.latest);
  const fresh: FlowRow[] = [];
  const byTime = [...waiting.values()].sort((a, b) => a.lastSeen - b.lastSeen);
  for (const row of byTime) {
    const place = [row.id, row.otherId].find((id) => id !== null && (latest.has(id) || inHistory(id)));
    if (place) latest.set(place, row);
    else fresh.push(row);
  }
  const drawn = room >= 1 ? fresh.slice(-Math.floor(room)).reverse() : [];
  for (const row of drawn) latest.set(row.id, row);
  const onTop = [...drawn.map((row) => row.id), ...live.onTop];
  for (const id of onTop.slice(ON_TOP_MAX)) latest.delete(id);
  return {
    latest,
    onTop: onTop.slice(0, ON_TOP_MAX),
    added: drawn.length,
    notDrawn: live.notDrawn + leftOut + fresh.length - drawn.length,
  };
}

/** New rows above history's, each flow once, none that has left the time shown. */
export function merge(live: LiveRows, history: readonly FlowRow[], from: number): FlowRow[] {
  const rows: FlowRow[] = [];
  const seen = new Set<string>();
  const put = (row: FlowRow) => {
    if (seen.has(row.id) || (row.otherId !== null && seen.has(row.otherId))) return;
    seen.add(row.id);
    if (row.otherId !== null) seen.add(row.otherId);
    if (row.lastSeen >= from) rows.push(row);
  };
  for (const id of live.onTop) {
    const row = live.latest.get(id);
    if (row) put(row);
  }
  for (const row of history) {
    const other = row.otherId === null ? undefined : live.latest.get(row.otherId);
    put(live.latest.get(row.id) ?? other ?? row);
  }
  return rows;
}

/** The id that a flow's row goes by now: once both observers' words are one row, that may be the other's. */
export const rowIdOf = (rows: readonly FlowRow[], flowId: string | null): string | null =>
  flowId && (rows.find((row) => row.id === flowId || row.otherId === flowId)?.id ?? flowId);

type Order = { key: FlowSort; descending: boolean };
const VALUE: Record<FlowSort, (row: FlowRow) => number> = {
  lastSeen: (row) => row.lastSeen,
  firstSeen: (row) => row.firstSeen,
  bytes: totalBytes,
  packets: totalPackets,
  rtt: (row) => row.rttUs ?? -1,
  retransmits: (row) => row.retransmits,
  drops: (row) => row.drops,
};

/** The order of a live table that nobody sorted: new rows on top. Sorting by time would make busy flows jump. */
export const isByArrival = ({ key, descending }: Order): boolean => key === "lastSeen" && descending;

export function ordered(rows: FlowRow[], sort: Order): FlowRow[] {
  if (isByArrival(sort)) return rows;
  const value = VALUE[sort.key];
  const sign = sort.descending ? -1 : 1;
  return rows.toSorted((a, b) => sign * (value(a) - value(b)));
}
