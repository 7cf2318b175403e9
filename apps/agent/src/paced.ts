/**
 * When to write what is known to disk: at once, so that a kill right after something was learned loses nothing, and in a
 * burst not more often than it is worth; the rest goes with the next step.
 */
const PAUSE_MS = 100;

export class Paced {
  #version = 0;
  #againAtMs = Number.NEGATIVE_INFINITY;

  /** It came from the disk. */
  stands(version: number): void {
    this.#version = version;
  }
  /** Whether this version is to be written now; then it counts as written. */
  isDue(version: number, nowMs: number, isStep: boolean): boolean {
    if (version === this.#version || (!isStep && nowMs < this.#againAtMs)) return false;
    this.#version = version;
    this.#againAtMs = nowMs + PAUSE_MS;
    return true;
  }
}
