/**
 * Trace reports on their way to the server, in order, each until it is taken or refused for good. Bounded:
 * a server away for long finds the sessions ended by its own deadlines.
 */
import type { TraceReport } from "@millrace/contract/agent-protocol";
import type { Answer } from "../connection/client.ts";

const LIMIT = 256;

export class ReportQueue {
  readonly #send: (report: TraceReport) => Promise<Answer<null>>;
  readonly #reports: TraceReport[] = [];
  #draining: Promise<void> | undefined;

  constructor(send: (report: TraceReport) => Promise<Answer<null>>) {
    this.#send = send;
  }
  add(report: TraceReport): void {
    this.#reports.push(report);
    if (this.#reports.length > LIMIT) this.#reports.shift();
    void this.drain();
  }
  /** Ends when the queue is empty or the server can't take more now. */
  drain(): Promise<void> {
    this.#draining ??= this.#run().finally(() => {
      this.#draining = undefined;
    });
    return this.#draining;
  }

  async #run(): Promise<void> {
    for (let report = this.#reports[0]; report; report = this.#reports[0]) {
      const answer = await this.#send(report);
      if (!answer.ok && answer.kind !== "refused") return;
      if (this.#reports[0] === report) this.#reports.shift();
    }
  }
}
