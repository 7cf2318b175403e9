/** What the agent itself costs: share of one core between two readings, and resident memory. */
/** Heartbeats and each figure of a scrape read it: over less than this a share says nothing. */
const LEAST_MS = 1000;

export class Usage {
  #cpuUs = 0;
  #atMs: number;
  #share = 0;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#atMs = nowMs();
    this.#cpuUs = cpuUs();
  }
  read(): { cpuShare: number; residentBytes: number } {
    const now = this.#nowMs();
    const elapsedMs = now - this.#atMs;
    if (elapsedMs >= LEAST_MS || elapsedMs < 0) {
      const used = cpuUs();
      this.#share = elapsedMs < 0 ? 0 : (used - this.#cpuUs) / (elapsedMs * 1000);
      this.#cpuUs = used;
      this.#atMs = now;
    }
    return { cpuShare: this.#share, residentBytes: process.memoryUsage.rss() };
  }
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
