/**
 * Work done again and again: never two at once, a pause that the work itself names, and a nudge that ends
 * the pause or shortens it. A failure is told and does not end the repeating.
 */
export type RepeatOptions = {
  name: string;
  /** Answers how many ms to wait before the next time. */
  run: () => number | Promise<number>;
  /** How long to wait after a failure. */
  failureMs: number;
  onError: (name: string, error: unknown) => void;
};

export class Repeat {
  readonly #o: RepeatOptions;
  #timer: NodeJS.Timeout | undefined;
  #dueMs = 0;
  #running: Promise<void> | undefined;
  #nudged = false;
  #open = false;

  constructor(options: RepeatOptions) {
    this.#o = options;
  }
  start(): void {
    this.#open = true;
    this.nudge();
  }
  /** Now, or right after the time that is under way. */
  nudge(): void {
    if (!this.#open) return;
    if (this.#running) {
      this.#nudged = true;
      return;
    }
    clearTimeout(this.#timer);
    // Not at once: work that fails without waiting would be over before it counts as running.
    this.#running = Promise.resolve().then(() => this.#once());
  }
  /** In this many ms, unless that comes of itself before; nothing while a time is under way. */
  within(ms: number): void {
    if (this.#open && !this.#running && performance.now() + ms < this.#dueMs) this.#pause(ms);
  }
  /** Ends after the time that is under way. */
  async stop(): Promise<void> {
    this.#open = false;
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #once(): Promise<void> {
    let waitMs = this.#o.failureMs;
    try {
      waitMs = await this.#o.run();
    } catch (error) {
      this.#o.onError(this.#o.name, error);
    }
    this.#running = undefined;
    if (!this.#open) return;
    if (this.#nudged) {
      this.#nudged = false;
      waitMs = 0;
    }
    this.#pause(waitMs);
  }

  #pause(ms: number): void {
    clearTimeout(this.#timer);
    this.#dueMs = performance.now() + ms;
    this.#timer = setTimeout(() => this.nudge(), ms);
  }
}
