/**
 * An agent as far as pushing goes: numbered batches in order, each sent until it is acknowledged, whatever
 * the server answers or doesn't. What it sent is known, so that what is stored can be compared. Test material.
 */
import type { Incarnation } from "@millrace/contract/ids";
import { aDrop, aFlow, batchBytes, flowId, newIncarnation } from "./agent-batch.ts";

export class SteadyAgent {
  readonly incarnation: Incarnation = newIncarnation();
  readonly #credential: string;
  readonly #url: () => string;
  acknowledged = 0;
  failures = 0;
  unretryable: string[] = [];
  #stopped = false;
  #abandoned = false;

  constructor(url: () => string, credential: string) {
    this.#url = url;
    this.#credential = credential;
  }

  /** The last batch is still brought home. */
  stop(): void {
    this.#stopped = true;
  }
  /** At once, whatever is on its way. */
  abandon(): void {
    this.#stopped = true;
    this.#abandoned = true;
  }

  async run(): Promise<void> {
    while (!this.#stopped) await this.#deliver(this.acknowledged + 1);
  }

  async #deliver(sequence: number): Promise<void> {
    const at = Date.now() * 1000;
    const flows = [0, 1, 2].map((i) => aFlow(at, { flowId: flowId(i), fwdBytes: sequence }));
    const names = { reasons: ["NO_SOCKET"], places: ["f+0x1"] };
    const bytes = batchBytes(at, {
      incarnation: this.incarnation,
      sequence,
      flows,
      drops: [aDrop(at)],
      ...names,
    });
    while (this.acknowledged < sequence && !this.#abandoned) {
      const pauseMs = await this.#try(bytes);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, 50)));
    }
  }

  async #try(bytes: Uint8Array): Promise<number> {
    try {
      const response = await fetch(`${this.#url()}/trpc/telemetry.push`, {
        method: "POST",
        body: bytes as BodyInit,
        headers: {
          "content-type": "application/octet-stream",
          authorization: `Bearer ${this.#credential}`,
          connection: "close",
        },
        signal: AbortSignal.timeout(20_000),
      });
      const answer = (await response.json()) as {
        result?: { data: { acknowledged: number; pauseMs: number } };
        error?: { message: string; data: { retryable: boolean } };
      };
      if (answer.result) {
        this.acknowledged = Math.max(this.acknowledged, answer.result.data.acknowledged);
        return answer.result.data.pauseMs;
      }
      if (!answer.error?.data.retryable) this.unretryable.push(answer.error?.message ?? "no error");
    } catch {
      // the process was killed: nobody answers
    }
    this.failures++;
    return 50;
  }
}
