/**
 * Answers of the control plane, by what was asked, each for its lease: asked again when the greater part of it is over and
 * somebody uses it still, held on to while nobody can be asked, forgotten after. Also that something isn't there is an answer.
 */

/** Renewed when this share of the lease is over. */
const RENEW_AT = 0.7;
/** What nobody could be asked about holds on for as long. */
const EXTEND_MS = 60_000;

type Entry<Answer> = { answer: Answer; renewAtMs: number; untilMs: number };

export type LeaseTableOptions<Answer> = {
  nowMs: () => number;
  isFound: (answer: Answer) => boolean;
  /** Of what is there; then the least recently answered go. */
  most: number;
  /** Of what isn't there, which anybody can ask for; likewise. */
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
    this.#entries.delete(key); // to the end: the newest
    this.#entries.set(key, { answer, renewAtMs: now + leaseMs * RENEW_AT, untilMs: now + leaseMs });
  }
  /** What an earlier life knew: it holds until somebody was asked. */
  restore(key: string, answer: Answer): void {
    const now = this.#o.nowMs();
    this.#entries.set(key, { answer, renewAtMs: now, untilMs: now + EXTEND_MS });
  }

  /** Whoever had to go. */
  makeRoom(): string[] {
    const { isFound, most, mostAbsent } = this.#o;
    const keys = (there: boolean) =>
      [...this.#entries].flatMap(([key, { answer }]) => (isFound(answer) === there ? [key] : []));
    const gone = [...tooMany(keys(false), mostAbsent), ...tooMany(keys(true), most)];
    this.#forget(gone);
    return gone;
  }

  /** What is to be asked again before it ends. */
  due(inUse: (key: string, answer: Answer) => boolean): string[] {
    const now = this.#o.nowMs();
    return [...this.#entries].flatMap(([key, { answer, renewAtMs }]) =>
      this.#o.isFound(answer) && now >= renewAtMs && inUse(key, answer) ? [key] : [],
    );
  }
  extend(keys: readonly string[]): void {
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry) entry.untilMs = Math.max(entry.untilMs, this.#o.nowMs() + EXTEND_MS);
    }
  }
  /** Forgets what nobody renewed, and says what that was. */
  expire(): [key: string, answer: Answer][] {
    const now = this.#o.nowMs();
    const over = [...this.#entries].filter(([, { untilMs }]) => untilMs <= now);
    this.#forget(over.map(([key]) => key));
    return over.map(([key, { answer }]) => [key, answer]);
  }
  /** Everything may have changed: what is there is asked again where it is in use; of what isn't there, whose keys are given, nobody knows. */
  doubt(): string[] {
    const now = this.#o.nowMs();
    const absent: string[] = [];
    for (const [key, entry] of this.#entries)
      if (this.#o.isFound(entry.answer)) entry.renewAtMs = now;
      else absent.push(key);
    this.#forget(absent);
    return absent;
  }

  #forget(keys: readonly string[]): void {
    for (const key of keys) this.#entries.delete(key);
  }
}

const tooMany = (oldestFirst: readonly string[], most: number): string[] =>
  oldestFirst.slice(0, Math.max(0, oldestFirst.length - most));
