/** What a run has made and must take away again, newest first, however the run ends. */
type Step = { what: string; made: Promise<unknown>; take: () => Promise<unknown> };

export class Undo {
  readonly #steps: Step[] = [];
  #ended: Promise<string[]> | undefined;

  /** Makes a thing that `take` takes away, also when only half of it could be made. Throws when the run is over. */
  async make<T>(what: string, make: () => Promise<T>, take: () => Promise<unknown>): Promise<T> {
    if (this.#ended) throw new Error(`${what} is not made: the run is over`);
    const made = make();
    this.#steps.push({ what, made, take });
    return await made;
  }

  /** Goes through all of it whatever fails, and comes back with what did. Asked again, it answers the same. */
  run(): Promise<string[]> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  async #run(): Promise<string[]> {
    const failures: string[] = [];
    for (const { what, made, take } of this.#steps.toReversed()) {
      await made.catch(() => {}); // told to who made it; what is half made can't be taken away yet
      await take().catch((error: unknown) => failures.push(`${what}: ${(error as Error).message}`));
    }
    return failures;
  }
}
