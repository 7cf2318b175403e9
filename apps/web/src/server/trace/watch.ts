/**
 * A session as it happens, for one browser: its state whenever it changes and its events as they are stored,
 * in batches. A client that comes back goes on after the last event it has. Bounded: when more come than a
 * page takes in, the newest are sent and the others counted.
 */
import { AppError } from "@millrace/contract/error";
import type { TraceWatchOutput } from "@millrace/contract/trace";
import { bus } from "../bus.ts";
import { metrics } from "../metrics.ts";
import { readPosition } from "./events.ts";
import * as repo from "./repo.ts";
import { eventView, sessionView } from "./view.ts";

const BATCH_MS = 100;
/** Without a notification, all the same. */
const IDLE_MS = 3000;
const MOST_PER_BATCH = 500;

export type Watched = { id: string; data: TraceWatchOutput };

export async function* watchSession(
  sessionId: string,
  lastEventId: string | null,
  signal?: AbortSignal,
): AsyncGenerator<Watched> {
  const news = new News(sessionId, signal);
  let after = readPosition(lastEventId);
  let said = "";
  metrics().watchers.inc({ of: "traces" });
  try {
    while (!signal?.aborted) {
      const { data, last } = await look(sessionId, after);
      after = last;
      const state = JSON.stringify(data.session);
      if (data.events.length > 0 || data.notShown > 0 || state !== said) yield { id: String(after), data };
      said = state;
      const over = data.session.state === "done";
      if (over && data.events.length === 0) return;
      if (!over) await news.wait();
    }
  } finally {
    news.end();
    metrics().watchers.dec({ of: "traces" });
  }
}

async function look(id: string, after: bigint): Promise<{ data: TraceWatchOutput; last: bigint }> {
  const session = await repo.findSession(id);
  if (!session)
    throw new AppError("NOT_FOUND", `no trace ${id}`, { publicMessage: "There is no such trace" });
  const from = await repo.skipTo(id, after, MOST_PER_BATCH);
  const found = await repo.findEvents(id, from.after, MOST_PER_BATCH);
  const events = found.map((row) => eventView(row, session));
  return {
    data: { session: sessionView(session), events, notShown: from.skipped },
    last: found.at(-1)?.id ?? from.after,
  };
}

/** Something of the session changed; several changes within a batch's time are one. */
class News {
  readonly #stops: (() => void)[];
  readonly #signal: AbortSignal | undefined;
  #wake: () => void = () => {};
  #came = false;

  constructor(sessionId: string, signal: AbortSignal | undefined) {
    this.#signal = signal;
    const heard = (payload: string | null) => {
      if (payload !== null && payload !== sessionId) return;
      this.#came = true;
      this.#wake();
    };
    const abort = () => this.#wake();
    signal?.addEventListener("abort", abort, { once: true });
    this.#stops = [
      bus().listen("millrace_traces", heard),
      bus().listen("millrace_trace_events", heard),
      () => signal?.removeEventListener("abort", abort),
    ];
  }
  async wait(): Promise<void> {
    await this.#pause(BATCH_MS, false);
    if (!this.#came) await this.#pause(IDLE_MS, true);
    this.#came = false;
  }
  end(): void {
    for (const stop of this.#stops) stop();
  }
  #pause(ms: number, untilNews: boolean): Promise<void> {
    if (this.#signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!untilNews && !this.#signal?.aborted) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
