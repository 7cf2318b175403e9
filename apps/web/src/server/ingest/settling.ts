/**
 * The round that settles hidden sources, once a second: see hidden-sources.ts. Begins anew each time from what is
 * there; a round that failed (the database is away) is followed by the next.
 */
import { pool } from "../db.ts";
import { wrapped } from "../errors.ts";
import { settleHidden } from "./hidden-sources.ts";
import type { Ingest } from "./ingest.ts";

const ROUND_MS = 1000;

/** Returns what stops it; the answer comes when the last round has ended. */
export function startSettling(ingest: Ingest): () => Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    try {
      ingest.metrics.uncounted.inc(await settleHidden(pool()));
    } catch (error) {
      ingest.failed("settling", wrapped("settling hidden sources", error));
    }
    if (!stopped) timer = setTimeout(begin, ROUND_MS);
  };
  let running: Promise<void> = Promise.resolve();
  const begin = (): void => {
    running = round();
  };
  begin();
  return async () => {
    stopped = true;
    clearTimeout(timer);
    await running;
  };
}
