/** How long to wait before the next try: doubling, with jitter, up to a limit. Clock and chance come in. */
export type BackoffOptions = { firstMs: number; limitMs: number; random: () => number };

export class Backoff {
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }
  get failures(): number {
    return this.#failures;
  }
  succeeded(): void {
    this.#failures = 0;
  }
  /** Between half and all of the present step, so that a thousand agents don't come back together. */
  failed(): number {
    const { firstMs, limitMs, random } = this.#options;
    const step = Math.min(limitMs, firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    return Math.round(step / 2 + (random() * step) / 2);
  }
}
