/**
 * Random numbers that a benchmark gets again in its next run: a seeded generator and the few shapes that
 * traffic has. Not for anything secret.
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** 0 … 2³² - 1 (mulberry32). */
  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  /** 0 … below 1. */
  share(): number {
    return this.word() / 2 ** 32;
  }
  below(n: number): number {
    return Math.floor(this.share() * n);
  }
  between(from: number, to: number): number {
    return from + this.below(to - from + 1);
  }
  chance(p: number): boolean {
    return this.share() < p;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
  /** Spread around the median by a factor of e^sigma. */
  logNormal(median: number, sigma: number): number {
    const gauss = Math.sqrt(-2 * Math.log(1 - this.share())) * Math.cos(2 * Math.PI * this.share());
    return median * Math.exp(sigma * gauss);
  }
  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}

/** Picks 0 … n - 1, the k-th by 1 ÷ (k + 1): a few are met often, most seldom. */
export class Zipf {
  readonly #upTo: Float64Array;

  constructor(n: number) {
    this.#upTo = new Float64Array(n);
    let sum = 0;
    for (let i = 0; i < n; i++) {
      sum += 1 / (i + 1);
      this.#upTo[i] = sum;
    }
  }
  pick(random: Random): number {
    const at = random.share() * (this.#upTo.at(-1) as number);
    let low = 0;
    let high = this.#upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#upTo[middle] as number) > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
