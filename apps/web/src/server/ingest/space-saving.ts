/**
 * The heaviest of many keys in a fixed number of counters (Metwally et al., 2005): a key that isn't
 * counted takes over the lightest counter with its count as possible error, so that what is reported as
 * certain (count − error) never exceeds the truth. Counts are never lowered.
 */
type Counter = { count: number; error: number };

export class SpaceSaving {
  readonly #capacity: number;
  readonly #counters = new Map<string, Counter>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(key: string, weight: number): void {
    const counter = this.#counters.get(key);
    if (counter) counter.count += weight;
    else if (this.#counters.size < this.#capacity) this.#counters.set(key, { count: weight, error: 0 });
    else {
      const [lightest, least] = this.#lightest();
      this.#counters.delete(lightest);
      this.#counters.set(key, { count: least + weight, error: least });
    }
  }

  /** At most `n` keys by what they certainly have, heaviest first. */
  top(n: number): string[] {
    return [...this.certain()]
      .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
      .slice(0, n)
      .map(([key]) => key);
  }

  /** What each counted key has at least. */
  certain(): Map<string, number> {
    return new Map([...this.#counters].map(([key, c]) => [key, c.count - c.error]));
  }

  #lightest(): [string, number] {
    let lightest = "";
    let least = Number.POSITIVE_INFINITY;
    for (const [key, { count }] of this.#counters) if (count < least) [lightest, least] = [key, count];
    return [lightest, least];
  }
}
