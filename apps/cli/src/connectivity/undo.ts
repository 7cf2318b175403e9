/** What a run has made and must take away again, newest first, however the run ends. */
export class Undo {
  readonly #steps: { what: string; take: () => Promise<unknown> }[] = [];
  #ended: Promise<string[]> | undefined;

  /** Said before the thing is made: half of it must go as well. Throws when the run is over. */
  add(what: string, take: () => Promise<unknown>): void {
    if (this.#ended) throw new Error("the run is over: nothing more may be made");
    this.#steps.push({ what, take });
  }

  /** Goes through all of it whatever fails, and comes back with what did. Asked again, it answers the same. */
  run(): Promise<string[]> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  async #run(): Promise<string[]> {
    const failures: string[] = [];
    for (const { what, take } of this.#steps.toReversed())
      await take().catch((error: unknown) => failures.push(`${what}: ${(error as Error).message}`));
    return failures;
  }
}
