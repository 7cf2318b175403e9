/**
 * How many live streams one account has open, over all its browsers and tokens: each costs a queue and a share of
 * every tick, and nothing else ends a client that opens them without end. What flows in them is not known here.
 */
import { AppError } from "@millrace/contract/error";
import { metrics } from "./metrics.ts";

/** A browser has six connections a host over HTTP/1.1: several people's worth of tabs, or a script that forgets. */
export const MOST_OPEN = 40;

const place = globalThis as { millraceOpenStreams?: Map<string, number> };
function open(): Map<string, number> {
  place.millraceOpenStreams ??= new Map();
  return place.millraceOpenStreams;
}

/** Counts from the first item asked for to the end: a stream that nobody began to read costs nothing. */
export async function* countedStream<T>(source: AsyncIterable<T>, userId: string): AsyncGenerator<T> {
  const before = open().get(userId) ?? 0;
  if (before >= MOST_OPEN) {
    metrics().streamsRefused.inc();
    const publicMessage = `You have ${MOST_OPEN} live streams open, and may have no more: close a page that is live`;
    throw new AppError("BUSY", `${userId} has ${before} streams open`, { publicMessage });
  }
  open().set(userId, before + 1);
  try {
    yield* source;
  } finally {
    const left = (open().get(userId) ?? 1) - 1;
    if (left > 0) open().set(userId, left);
    else open().delete(userId);
  }
}
