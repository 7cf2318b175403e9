/**
 * Empties the spool: oldest batch first, one in flight, waiting as the server asks. A batch that the server
 * will never take is given up after several tries over half a minute: kept aside, counted as lost, and the next
 * is sent; anything else waits. Owns no timers: the loop that calls it does.
 */
import type { PushOutput } from "@millrace/contract/batch";
import type { Compression } from "../spool/record.ts";
import type { PendingBatch } from "../spool/recover.ts";
import { Backoff } from "./backoff.ts";
import type { Answer, Failure, FailureKind } from "./client.ts";

const GIVE_UP_AFTER = 5;
const GIVE_UP_MS = 30_000;

export type SenderSpool = {
  readonly oldest: PendingBatch | undefined;
  payload(batch: PendingBatch): Uint8Array;
  acknowledge(batch: PendingBatch): void;
  reject(batch: PendingBatch): void;
};
export type SenderOptions = {
  spool: SenderSpool;
  /** Keeps a copy of what is given up; may throw. */
  keepAside: (batch: PendingBatch, payload: Uint8Array, reason: string) => void;
  push: (payload: Uint8Array, compressed: Compression) => Promise<Answer<PushOutput>>;
  nowMs: () => number;
  random: () => number;
  log: (level: "warn" | "error" | "info", text: string) => void;
};

export class Sender {
  readonly #o: SenderOptions;
  readonly #backoff: Backoff;
  #refusals = 0;
  #refusedSinceMs = 0;
  #lastFailure: FailureKind | undefined;
  readonly counts = { pushed: 0, bytes: 0, failed: 0, rejected: 0, keptAside: 0, duplicates: 0 };

  constructor(options: SenderOptions) {
    this.#o = options;
    this.#backoff = new Backoff({ firstMs: 250, limitMs: 30_000, random: options.random });
  }
  /** Undefined while all is well. */
  get trouble(): FailureKind | undefined {
    return this.#lastFailure;
  }

  /** Sends one batch. Answers how long to wait before the next: undefined when there is none to send. */
  async step(): Promise<number | undefined> {
    const batch = this.#o.spool.oldest;
    if (!batch) return undefined;
    let payload: Uint8Array;
    try {
      payload = this.#o.spool.payload(batch);
    } catch (error) {
      this.#o.log("error", `batch ${batch.sequence} can't be read back: ${(error as Error).message}`);
      this.#giveUp(batch);
      return 0;
    }
    const answer = await this.#o.push(payload, batch.compressed);
    return answer.ok
      ? this.#stored(batch, payload.byteLength, answer.value)
      : this.#failed(batch, payload, answer);
  }

  #stored(batch: PendingBatch, bytes: number, { duplicate, pauseMs }: PushOutput): number {
    if (this.#lastFailure) this.#o.log("info", "the server takes batches again");
    this.#lastFailure = undefined;
    this.#backoff.succeeded();
    this.#refusals = 0;
    this.counts.pushed++;
    this.counts.bytes += bytes;
    if (duplicate) this.counts.duplicates++;
    this.#o.spool.acknowledge(batch);
    return Math.min(pauseMs, 60_000);
  }

  #failed(batch: PendingBatch, payload: Uint8Array, failure: Failure): number {
    this.counts.failed++;
    if (this.#lastFailure !== failure.kind) this.#o.log("warn", failure.reason);
    this.#lastFailure = failure.kind;
    if (failure.kind === "refused") {
      if (this.#refusals++ === 0) this.#refusedSinceMs = this.#o.nowMs();
      const long = this.#o.nowMs() - this.#refusedSinceMs >= GIVE_UP_MS;
      if (this.#refusals >= GIVE_UP_AFTER && long) {
        this.#keepAside(batch, payload, failure.reason);
        this.#giveUp(batch);
      }
    }
    return Math.max(failure.pauseMs, this.#backoff.failed());
  }

  #keepAside(batch: PendingBatch, payload: Uint8Array, reason: string): void {
    try {
      this.#o.keepAside(batch, payload, reason);
      this.counts.keptAside++;
      this.#o.log("error", `batch ${batch.sequence} is given up and kept aside: ${reason}`);
    } catch (error) {
      const why = (error as Error).message;
      this.#o.log("error", `batch ${batch.sequence} is given up: ${reason}; and can't be kept aside: ${why}`);
    }
  }
  #giveUp(batch: PendingBatch): void {
    this.#refusals = 0;
    this.counts.rejected++;
    this.#o.spool.reject(batch);
  }
}
