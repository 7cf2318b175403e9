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
  /** Writes this version if it is due. What fails is said and tried again, and keeps nobody from going on. */
  keep(version: number, nowMs: number, isStep: boolean, write: () => void): string | undefined {
    if (version === this.#version || (!isStep && nowMs < this.#againAtMs)) return undefined;
    this.#againAtMs = nowMs + PAUSE_MS;
    try {
      write();
      this.#version = version;
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }
}
