/** Which parts of one long row are taken: by first fit, whole again where neighbours come free. Pure bookkeeping. */
export class Segments {
  /** In order, none touching another. */
  #free: { base: number; count: number }[];

  constructor(size: number) {
    this.#free = size > 0 ? [{ base: 0, count: size }] : [];
  }
  get freeCount(): number {
    return this.#free.reduce((sum, { count }) => sum + count, 0);
  }

  /** Undefined where no part is long enough. */
  take(count: number): number | undefined {
    const at = this.#free.findIndex((part) => part.count >= count);
    const part = this.#free[at];
    if (!part) return undefined;
    const { base } = part;
    if (part.count === count) this.#free.splice(at, 1);
    else this.#free[at] = { base: base + count, count: part.count - count };
    return base;
  }

  /** One that somebody has already; false when not all of it is free. */
  takeAt(base: number, count: number): boolean {
    const at = this.#free.findIndex((part) => part.base <= base && base + count <= part.base + part.count);
    const part = this.#free[at];
    if (!part || count <= 0) return false;
    const rest = [
      { base: part.base, count: base - part.base },
      { base: base + count, count: part.base + part.count - base - count },
    ];
    this.#free.splice(at, 1, ...rest.filter((one) => one.count > 0));
    return true;
  }

  give(base: number, count: number): void {
    const next = this.#free.findIndex((part) => part.base > base);
    const at = next < 0 ? this.#free.length : next;
    const [before, after] = [this.#free[at - 1], this.#free[at]];
    const joinsBefore = before !== undefined && before.base + before.count === base;
    const joinsAfter = after !== undefined && base + count === after.base;
    const whole = {
      base: joinsBefore ? before.base : base,
      count: count + (joinsBefore ? before.count : 0) + (joinsAfter ? after.count : 0),
    };
    const from = joinsBefore ? at - 1 : at;
    this.#free.splice(from, (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), whole);
  }
}
