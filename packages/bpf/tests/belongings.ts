/*
 * What a test made and must end, whatever happens: ended in reverse order, all of it, also when one fails.
 * (Node 20 has no DisposableStack.)
 */
export class Belongings implements Disposable {
  readonly #items: Disposable[] = [];

  use<T extends Disposable>(item: T): T {
    this.#items.push(item);
    return item;
  }

  [Symbol.dispose](): void {
    const errors: unknown[] = [];
    for (let item = this.#items.pop(); item; item = this.#items.pop()) {
      try {
        item[Symbol.dispose]();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, "not everything could be ended");
  }
}
