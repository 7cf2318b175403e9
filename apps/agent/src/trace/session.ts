/**
 * One trace on this host, from attach to detach. Lease and rate are held by the kernel; here they end the
 * session, also with the server gone. Events wait in a bounded queue; what finds no room is counted and
 * leaves a gap in the sequence.
 */
import type { DesiredTrace, TraceReport } from "@millrace/contract/agent-protocol";
import type { TraceEvent, TraceStats } from "@millrace/contract/trace";
import type { TraceEnd } from "@millrace/contract/trace-kind";
import type { TraceAttachment, TraceScope } from "../dataplane/dataplane.ts";
import { eachRecord } from "../dataplane/record-batch.ts";

const QUEUE = 5000;
const PUSH = 1000;
/** Seconds in a row with events over the rate before the session ends for it. */
const OVER_RATE_SECONDS = 5;

export type SessionOptions = {
  trace: DesiredTrace;
  /** By our clock. */
  leaseEndsAtMs: number;
  attach: (onRecords: (batch: Uint8Array, lost: number) => void) => TraceAttachment;
  decode: (record: DataView, sequence: number) => TraceEvent | undefined;
  report: (report: TraceReport) => void;
  push: (events: TraceEvent[], stats: TraceStats) => Promise<"taken" | "refused" | "later">;
  onLost: (events: number) => void;
};

export class TraceSession {
  readonly trace: DesiredTrace;
  readonly #o: SessionOptions;
  #attachment: TraceAttachment | undefined;
  #queue: TraceEvent[] = [];
  #sequence = 0;
  #undelivered = 0;
  #overRate = 0;
  #overSeconds = 0;
  #scope = "";
  #pushing: Promise<void> | undefined;
  #ending: Promise<void> | undefined;

  constructor(options: SessionOptions) {
    this.#o = options;
    this.trace = options.trace;
  }
  get ended(): boolean {
    return this.#ending !== undefined;
  }

  start(): void {
    this.#report("attach", null, null);
    try {
      this.#attachment = this.#o.attach((batch, lost) => this.#take(batch, lost));
      this.#report("attached", null, null);
    } catch (error) {
      this.#ending = Promise.resolve();
      this.#report("refuse", "error", describeFailure(error));
    }
  }
  setScope(scope: TraceScope): void {
    const print = JSON.stringify([scope.namespaces.map(({ cookie }) => String(cookie)), scope.addresses]);
    if (this.ended || print === this.#scope) return;
    this.#scope = print;
    this.#attachment?.setScope(scope);
  }

  /** Once a second. */
  tick(nowMs: number): void {
    if (this.ended) return;
    const over = Number(this.#attachment?.stats().overRate ?? 0n);
    this.#overSeconds = over > this.#overRate ? this.#overSeconds + 1 : 0;
    this.#overRate = over;
    if (nowMs >= this.#o.leaseEndsAtMs) void this.stop("lease", null);
    else if (this.#overSeconds >= OVER_RATE_SECONDS) {
      const detail = `more than ${this.trace.spec.rateEps} events a second for ${OVER_RATE_SECONDS} seconds`;
      void this.stop("rate", detail);
    }
  }

  /** Detached first, then what was seen is handed over. */
  stop(end: TraceEnd | null, detail: string | null): Promise<void> {
    this.#ending ??= this.#end(end, detail);
    return this.#ending;
  }

  /** Sends what waits; called every 100 ms. */
  flush(): Promise<void> {
    this.#pushing ??= this.#push().finally(() => {
      this.#pushing = undefined;
    });
    return this.#pushing;
  }

  stats(): TraceStats {
    const kernel = this.#attachment?.stats();
    return {
      seen: Number(kernel?.seen ?? 0n),
      emitted: Number(kernel?.emitted ?? 0n),
      overRate: Number(kernel?.overRate ?? 0n),
      ringFull: Number(kernel?.ringFull ?? 0n),
      undelivered: this.#undelivered,
    };
  }

  async #end(end: TraceEnd | null, detail: string | null): Promise<void> {
    const closed = this.#attachment?.close();
    this.#report("stop", end, detail);
    await closed;
    await this.flush();
    await this.flush();
    this.#lose(this.#queue.length);
    this.#queue = [];
    this.#report("detached", end, detail);
  }

  #take(batch: Uint8Array, lost: number): void {
    if (lost > 0) this.#skip(lost);
    const whole = eachRecord(batch, (record) => {
      if (this.#queue.length >= QUEUE) return this.#skip(1);
      const event = this.#o.decode(record, this.#sequence + 1);
      if (!event) return;
      this.#sequence++;
      this.#queue.push(event);
    });
    if (!whole) this.#skip(1);
  }
  /** A gap in the sequence tells the reader. */
  #skip(events: number): void {
    this.#sequence += events;
    this.#lose(events);
  }
  #lose(events: number): void {
    this.#undelivered += events;
    if (events > 0) this.#o.onLost(events);
  }

  async #push(): Promise<void> {
    while (this.#queue.length > 0) {
      const events = this.#queue.slice(0, PUSH);
      const outcome = await this.#o.push(events, this.stats());
      if (outcome === "later") return;
      // The same events would be refused again.
      if (outcome === "refused") this.#lose(events.length);
      this.#queue.splice(0, events.length);
    }
  }

  #report(event: TraceReport["event"], end: TraceEnd | null, detail: string | null): void {
    const { id, generation } = this.trace;
    this.#o.report({
      id,
      generation,
      event,
      end,
      detail: detail?.slice(0, 500) ?? null,
      stats: this.stats(),
    });
  }
}

/** The verifier's log is long, and its last line is the reason. */
export function describeFailure(error: unknown): string {
  const { message, verifierLog } = error as { message?: string; verifierLog?: string };
  const lines = (verifierLog ?? "").trim().split("\n");
  const last = lines.findLast((line) => line !== "" && !/^processed \d+ insns/.test(line));
  return [message ?? String(error), last].filter(Boolean).join(": ").slice(0, 500);
}
