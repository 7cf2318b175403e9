/** One piece of work at a time for each key, in the order they came; and not more at once than there is room for. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();
  readonly #most: number;
  #waiting = 0;

  constructor(most: number) {
    this.#most = most;
  }
  /** No work is taken while this says so: what never ends must not gather followers without end. */
  get full(): boolean {
    return this.#waiting >= this.#most;
  }
  take<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.#waiting++;
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work);
    const over: Promise<void> = result.then(ignore, ignore).then(() => {
      this.#waiting--;
      if (this.#last.get(key) === over) this.#last.delete(key);
    });
    this.#last.set(key, over);
    return result;
  }
}

const ignore = (): void => {};
