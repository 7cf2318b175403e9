/**
 * The events of a trace as the page holds them: from history and from the stream, each once, the newest
 * first, no more than a page can hold. Pure.
 */
import type { TraceEventView } from "@millrace/contract/trace";

export const EVENTS_HELD = 20_000;
export type EventBuffer = {
  readonly byId: ReadonlyMap<string, TraceEventView>;
  readonly rows: readonly TraceEventView[];
  /** Older events that made room for newer ones. */
  readonly notHeld: number;
};
export const NO_EVENTS: EventBuffer = { byId: new Map(), rows: [], notHeld: 0 };

const newestFirst = (a: TraceEventView, b: TraceEventView): number =>
  b.event.at - a.event.at || b.event.sequence - a.event.sequence;

export function addEvents(buffer: EventBuffer, events: readonly TraceEventView[]): EventBuffer {
  const fresh = events.filter((event) => !buffer.byId.has(event.id));
  if (fresh.length === 0) return buffer;
  const byId = new Map(buffer.byId);
  for (const event of fresh) byId.set(event.id, event);
  const all = [...byId.values()].sort(newestFirst);
  const left = all.slice(EVENTS_HELD);
  for (const event of left) byId.delete(event.id);
  return {
    byId,
    rows: left.length > 0 ? all.slice(0, EVENTS_HELD) : all,
    notHeld: buffer.notHeld + left.length,
  };
}

/** Between two events of one host whose numbers aren't neighbours, something was lost. */
export function missingSequences(rows: readonly TraceEventView[]): number {
  const byHost = new Map<string, { least: number; most: number; count: number }>();
  for (const { host, event } of rows) {
    const seen = byHost.get(host) ?? { least: event.sequence, most: event.sequence, count: 0 };
    seen.least = Math.min(seen.least, event.sequence);
    seen.most = Math.max(seen.most, event.sequence);
    seen.count++;
    byHost.set(host, seen);
  }
  let missing = 0;
  for (const { least, most, count } of byHost.values()) missing += most - least + 1 - count;
  return missing;
}
