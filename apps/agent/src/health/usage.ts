/** What the agent itself costs: share of one core between two readings, and resident memory. */
export class Usage {
  #cpuUs = 0;
  #atMs: number;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
    this.#atMs = nowMs();
    this.#cpuUs = cpuUs();
  }
  read(): { cpuShare: number; residentBytes: number } {
    const now = this.#nowMs();
    const used = cpuUs();
    const elapsedUs = Math.max(1, (now - this.#atMs) * 1000);
    const cpuShare = Math.max(0, (used - this.#cpuUs) / elapsedUs);
    this.#cpuUs = used;
    this.#atMs = now;
    return { cpuShare, residentBytes: process.memoryUsage.rss() };
  }
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
