/**
 * Answers of the control plane, by what was asked, each for its lease: asked again when the greater part of it is over and
 * somebody used it not long ago, held on to while nobody can be asked, forgotten after. Also that something isn't there is an answer.
 */

/** A day, so that what runs once a day finds all known, whether there is anybody to ask just then or not. */
export const IDLE_MS = 26 * 3600 * 1000;

/** Renewed when this share of the lease is over. */
const RENEW_AT = 0.7;
/** What nobody could be asked about holds on for as long. */
const EXTEND_MS = 60_000;

type Entry<Answer> = { answer: Answer; renewAtMs: number; untilMs: number; usedMs: number };

export type LeaseTableOptions<Answer> = {
  nowMs: () => number;
  isFound: (answer: Answer) => boolean;
  /** What nobody used for longer isn't renewed. */
  idleMs: number;
  /** Of what is there; then the least recently used go. */
  most: number;
  /** Of what isn't there, which anybody can ask for; then the least recently answered go. */
  mostAbsent: number;
};

export class LeaseTable<Answer> {
  readonly #o: LeaseTableOptions<Answer>;
  readonly #entries = new Map<string, Entry<Answer>>();

  constructor(options: LeaseTableOptions<Answer>) {
    this.#o = options;
  }
  get size(): number {
    return this.#entries.size;
  }
  /** Undefined: not known. */
  get(key: string): Answer | undefined {
    const entry = this.#entries.get(key);
    return entry && entry.untilMs > this.#o.nowMs() ? entry.answer : undefined;
  }
  /** Also one whose lease is over, while nobody has forgotten it. */
  last(key: string): Answer | undefined {
    return this.#entries.get(key)?.answer;
  }
  keys(): string[] {
    return [...this.#entries.keys()];
  }
  found(): [key: string, answer: Answer][] {
    return [...this.#entries].flatMap(([key, { answer }]) =>
      this.#o.isFound(answer) ? [[key, answer] as [string, Answer]] : [],
    );
  }

  put(key: string, answer: Answer, leaseSeconds: number): void {
    const [now, leaseMs] = [this.#o.nowMs(), leaseSeconds * 1000];
    const usedMs = this.#entries.get(key)?.usedMs ?? now;
    this.#entries.delete(key); // to the end: the newest
    this.#entries.set(key, { answer, renewAtMs: now + leaseMs * RENEW_AT, untilMs: now + leaseMs, usedMs });
  }
  /** What an earlier life knew: it holds until somebody was asked. */
  restore(key: string, answer: Answer): void {
    const now = this.#o.nowMs();
    this.#entries.set(key, { answer, renewAtMs: now, untilMs: now + EXTEND_MS, usedMs: now });
  }
  use(key: string): void {
    const entry = this.#entries.get(key);
    if (entry) entry.usedMs = this.#o.nowMs();
  }

  /** Whoever had to go. */
  makeRoom(): string[] {
    const { isFound, most, mostAbsent } = this.#o;
    const entries = (there: boolean) =>
      [...this.#entries].filter(([, { answer }]) => isFound(answer) === there);
    const byUse = entries(true).sort(([, a], [, b]) => a.usedMs - b.usedMs);
    const gone = [...tooMany(entries(false), mostAbsent), ...tooMany(byUse, most)].map(([key]) => key);
    this.#forget(gone);
    return gone;
  }

  /** What is to be asked again before it ends; `inUse`: who is, besides whom `use` was called for. */
  due(inUse: (key: string, answer: Answer) => boolean = () => false): string[] {
    const now = this.#o.nowMs();
    const due: string[] = [];
    for (const [key, entry] of this.#entries) {
      if (!this.#o.isFound(entry.answer) || now < entry.renewAtMs) continue;
      const isUsed = inUse(key, entry.answer);
      if (isUsed) entry.usedMs = now;
      if (isUsed || now - entry.usedMs < this.#o.idleMs) due.push(key);
    }
    return due;
  }
  /** Nobody can be asked just now: what would be renewed stays. */
  hold(): void {
    const now = this.#o.nowMs();
    const idleMs = Math.max(this.#o.idleMs, EXTEND_MS);
    for (const entry of this.#entries.values())
      if (this.#o.isFound(entry.answer) && now - entry.usedMs < idleMs)
        entry.untilMs = Math.max(entry.untilMs, now + EXTEND_MS);
  }
  /** Forgets what nobody renewed, and says what that was. */
  expire(): [key: string, answer: Answer][] {
    const now = this.#o.nowMs();
    const over = [...this.#entries].filter(([, { untilMs }]) => untilMs <= now);
    this.#forget(over.map(([key]) => key));
    return over.map(([key, { answer }]) => [key, answer]);
  }
  /**
   * Everything may have changed: what is there is asked again at once where that is urgent, else in its turn; of what isn't
   * there, whose keys are given, nobody knows.
   */
  doubt(isUrgent: (key: string) => boolean = () => true): string[] {
    const now = this.#o.nowMs();
    const absent: string[] = [];
    for (const [key, entry] of this.#entries)
      if (!this.#o.isFound(entry.answer)) absent.push(key);
      else if (isUrgent(key)) entry.renewAtMs = now;
    this.#forget(absent);
    return absent;
  }

  #forget(keys: readonly string[]): void {
    for (const key of keys) this.#entries.delete(key);
  }
}

const tooMany = <T>(oldestFirst: readonly T[], most: number): T[] =>
  oldestFirst.slice(0, Math.max(0, oldestFirst.length - most));
