/** What a run has made and must take away again, however the run ends. */

/** In the order in which they go: what uses a thing before the thing. Those of a kind go at once: there may be little time. */
const KINDS = ["documents", "prober", "attachment", "namespace"] as const;
export type MadeKind = (typeof KINDS)[number];
type Step = { kind: MadeKind; name: string; made: Promise<unknown>; take: () => Promise<unknown> };

export class Undo {
  readonly #steps: Step[] = [];
  #ended: Promise<string[]> | undefined;

  /** Makes a thing that `take` takes away, also when only half of it could be made. Throws when the run is over. */
  async make<T>(
    kind: MadeKind,
    name: string,
    make: () => Promise<T>,
    take: () => Promise<unknown>,
  ): Promise<T> {
    if (this.#ended) throw new Error(`${kind} ${name}: not made, the run is over`);
    const made = make();
    this.#steps.push({ kind, name, made, take });
    return await made;
  }

  /** Goes through all of it whatever fails, and comes back with what did. Asked again, it answers the same. */
  run(): Promise<string[]> {
    this.#ended ??= this.#run();
    return this.#ended;
  }

  async #run(): Promise<string[]> {
    const failures: string[] = [];
    for (const kind of KINDS) {
      const steps = this.#steps.filter((step) => step.kind === kind);
      await Promise.all(
        steps.map(async ({ name, made, take }) => {
          await made.catch(() => {}); // told to who made it; what is half made can't be taken away yet
          await take().catch((error: unknown) =>
            failures.push(`${kind} ${name}: ${(error as Error).message}`),
          );
        }),
      );
    }
    return failures;
  }
}
