/**
 * The live stream's one reader a process: while anybody watches, it reads what was committed since its last
 * snapshot, at most every TICK_MS, writes the moved flows' rows once, and hands them to every feed. Filters
 * and what a client missed are tail.ts's. Feeds are bounded: who is too slow is told to catch up.
 */

import type { FlowRow } from "@millrace/contract/flow";
import { bus } from "../bus.ts";
import { systemClock } from "../clock.ts";
import { log } from "../log.ts";
import { metrics } from "../metrics.ts";
import { namesFor } from "../workload/service.ts";
import { type BatchRef, findBatches, findBatchMembers } from "./batch.ts";
import { LiveFlows } from "./live-flows.ts";
import type { Member } from "./member.ts";
import * as repo from "./repo.ts";
import { rowOf, wantedBy } from "./row.ts";

/** `skipped`: updates that are in no row, because a tick's bounds were reached. */
export type Tick = { snapshot: string; rows: FlowRow[]; skipped: number };

const TICK_MS = 250;
/** Without a notification, all the same. */
const IDLE_MS = 2000;
const RETRY_MS = 1000;
const MOST = { batches: 500, rows: 20_000 };
const MOST_RESOLVED = 2000;
const CLOCKS_APART_MS = 2000;
const MINUTE_US = 60_000_000;
/** As far back as the live view shows: a connection of weeks isn't summed up from its beginning to draw one row. */
const LOOK_BACK_US = 5 * MINUTE_US;
const ANY_TIME: repo.Span = { fromUs: 0, toUs: 8e15 };

export class Live {
  readonly #feeds = new Set<Feed>();
  readonly #flows: LiveFlows;
  #snapshot: string | null = null;
  #running = false;
  /** Of flows that open later nothing is missing here. */
  #wholeFromUs = 0;
  #wake: (() => void) | null = null;
  #dirty = false;

  constructor(mostFlows?: number) {
    this.#flows = new LiveFlows(mostFlows);
  }

  /** From the present on; `snapshot` is known at the first tick. */
  join(): Feed {
    const feed = new Feed(() => this.#feeds.delete(feed));
    this.#feeds.add(feed);
    if (this.#snapshot !== null) feed.begin(this.#snapshot);
    if (!this.#running) void this.#run();
    return feed;
  }

  async #run(): Promise<void> {
    this.#running = true;
    const stop = bus().listen("millrace_batches", () => {
      this.#dirty = true;
      this.#wake?.();
    });
    while (this.#feeds.size > 0) {
      const ok = await this.#tickSafely();
      await pause(ok ? TICK_MS : RETRY_MS);
      if (ok && !this.#dirty) await this.#idle();
      this.#dirty = false;
    }
    stop();
    this.#snapshot = null;
    this.#running = false;
    if (this.#feeds.size > 0) void this.#run(); // somebody joined in the last breath
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, IDLE_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** When the database is away the snapshot stays: the next tick covers the time between. */
  async #tickSafely(): Promise<boolean> {
    const timed = metrics().liveTicks.startTimer();
    try {
      const tick = await this.#tick();
      timed();
      this.#snapshot = tick.snapshot;
      for (const feed of this.#feeds) feed.push(tick);
      return true;
    } catch (error) {
      this.#forget();
      log().warn({ err: error }, "the live stream could not read; it goes on from where it was");
      return false;
    }
  }

  async #tick(): Promise<Tick> {
    const since = this.#snapshot;
    if (since === null) this.#forget();
    if (since === null) return repo.readSnapshot(async (_, snapshot) => ({ snapshot, rows: [], skipped: 0 }));
    return repo.readSnapshot(async (on, snapshot) => {
      const { batches, skippedRows } = await findBatches(on, since, null, MOST);
      if (skippedRows > 0) this.#forget(); // what it knew would miss the skipped
      const deltas = await findBatchMembers(on, batches);
      const unresolved = await this.#takeIn(on, deltas, beginsOf(batches));
      const rows = await rowsFor(on, this.#flows, new Set(deltas.map((d) => d.flowId)));
      return { snapshot, rows, skipped: skippedRows + unresolved };
    });
  }

  /** From here on; a flow that opens now may have a partner that was reported just before. */
  #forget(): void {
    this.#flows.clear();
    this.#wholeFromUs = (systemClock.now() + CLOCKS_APART_MS) * 1000;
  }

  /** Adds up; of flows that began before the last minutes are read, as many as a tick may. Returns how many were not. */
  async #takeIn(on: repo.Connection, deltas: Member[], begins: Begins): Promise<number> {
    const strange: Member[] = [];
    for (const delta of deltas) {
      const fromUs = Math.max(begins.get(delta.hostId) ?? Infinity, this.#wholeFromUs);
      if (this.#flows.has(delta.flowId) || delta.firstSeenUs >= fromUs) this.#flows.add(delta);
      else strange.push(delta);
    }
    const taken = strange.slice(0, MOST_RESOLVED);
    for (const member of await findLately(on, taken)) this.#flows.put(member);
    return strange.length - taken.length;
  }
}

type Begins = ReadonlyMap<number, number>;
/**
 * When each host's first of these batches begins: of what it saw open later they tell all. Another host's may be from
 * long ago, and tell nothing of a flow that was thrown out since.
 */
function beginsOf(batches: readonly BatchRef[]): Begins {
  const begins = new Map<number, number>();
  for (const { hostId, fromUs } of batches)
    begins.set(hostId, Math.min(begins.get(hostId) ?? Infinity, fromUs));
  return begins;
}
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What these flows and their partners counted up to five minutes before these moves of theirs, and since. */
export function findLately(on: repo.Connection, moves: readonly Member[]): Promise<Member[]> {
  const since = new Map<string, number>();
  for (const m of moves) {
    // Partners may have begun a little earlier.
    const fromUs = Math.max(m.firstSeenUs - MINUTE_US, (m.keyUs ?? m.lastSeenUs) - LOOK_BACK_US);
    since.set(m.pairKey, Math.min(since.get(m.pairKey) ?? Infinity, fromUs));
  }
  const pairs = [...since].map(([pairKey, sinceUs]) => ({ pairKey, sinceUs }));
  return repo.findMembers(on, pairs, ANY_TIME, () => "true");
}

/** Newest first. */
export async function rowsFor(on: repo.Connection, flows: LiveFlows, moved: Set<string>): Promise<FlowRow[]> {
  const pairs = flows.pairsOf(moved);
  const members = pairs.flatMap((p) => (p.other ? [p.primary, p.other] : [p.primary]));
  const names = await namesFor(wantedBy(members), on);
  return pairs.map((pair) => rowOf(pair, names)).sort((a, b) => b.lastSeen - a.lastSeen);
}

/** One watcher's queue of ticks. */
export class Feed {
  static readonly MOST_QUEUED = 8;
  readonly leave: () => void;
  #queue: Tick[] = [];
  #behind = false;
  #last: string | null = null;
  #wake: (() => void) | null = null;

  constructor(leave: () => void) {
    this.leave = leave;
  }
  begin(snapshot: string): void {
    this.#last = snapshot;
  }
  push(tick: Tick): void {
    // The first tick of a feed that had no snapshot yet says from where it goes on, not what happened before.
    if (this.#last === null) tick = { ...tick, rows: [], skipped: 0 };
    this.#last = tick.snapshot;
    if (this.#queue.length >= Feed.MOST_QUEUED) {
      this.#queue = [];
      this.#behind = true;
    }
    if (!this.#behind) this.#queue.push(tick);
    this.#wake?.();
  }
  /** The snapshot that the next ticks go on from. */
  async start(signal: AbortSignal | undefined): Promise<string> {
    while (this.#last === null) await this.#woken(signal);
    this.#queue = [];
    this.#behind = false;
    return this.#last;
  }
  /** The next tick; null when some were lost here: `start` and catch up from one's own snapshot. */
  async next(signal: AbortSignal | undefined): Promise<Tick | null> {
    while (this.#queue.length === 0 && !this.#behind) await this.#woken(signal);
    return this.#behind ? null : (this.#queue.shift() as Tick);
  }
  #woken(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      this.#wake = () => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
    });
  }
}

const place = globalThis as { millraceLive?: Live };
export function live(): Live {
  place.millraceLive ??= new Live();
  return place.millraceLive;
}
/** The next watcher starts afresh; those there are go on with what they have. */
export function forgetLive(): void {
  place.millraceLive = undefined;
}
