/**
 * The prefixes that policies name, as classes: an address is in the class of the longest prefix that holds it, and the class
 * alone says which cidr peers match. So a packet needs one look-up for addresses, however many cidrs there are.
 */
import {
  type Family,
  type Prefix,
  parseAddress,
  parsePrefix,
  prefixOf,
  prefixText,
} from "@millrace/contract/prefix";

/** By text in its one form; 0 is the class of every other address. */
type Class = { number: number; prefix: Prefix };

export class CidrClasses {
  readonly numbers: ReadonlyMap<string, number>;
  readonly #classes: ReadonlyMap<string, Class>;
  /** Longest first. */
  readonly #lengths: Readonly<Record<Family, readonly number[]>>;
  readonly #within = new Map<number, ReadonlySet<number>>();

  /**
   * A prefix keeps the number it has in `before`, and no number of `before` is given to another: while the kernel's
   * tables are written one by one, no address may be taken for one of another class.
   */
  constructor(texts: Iterable<string>, before: ReadonlyMap<string, number> = new Map()) {
    const prefixes = new Map<string, Prefix>();
    for (const text of texts) {
      const prefix = parsePrefix(text);
      if (!prefix) throw new Error(`“${text}” is no address prefix`);
      prefixes.set(prefixText(prefix), prefix);
    }
    const taken = new Set(before.values());
    let last = 0;
    const unused = () => {
      do last++;
      while (taken.has(last));
      return last;
    };
    this.#classes = new Map(
      [...prefixes]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([text, prefix]) => [text, { prefix, number: before.get(text) ?? unused() }]),
    );
    this.numbers = new Map([...this.#classes].map(([text, { number }]) => [text, number]));
    this.#lengths = { 4: lengthsOf(prefixes, 4), 6: lengthsOf(prefixes, 6) };
    for (const { number, prefix } of this.#classes.values()) this.#within.set(number, this.#holding(prefix));
  }

  /** Of the text of a prefix that was given. */
  numberOf(text: string): number {
    return this.#classes.get(prefixText(parsePrefix(text) as Prefix))?.number ?? 0;
  }

  classOf(address: string): number {
    const parsed = parseAddress(address);
    if (!parsed) return 0;
    for (const length of this.#lengths[parsed.family]) {
      const found = this.#classes.get(prefixText(prefixOf(parsed, length)));
      if (found) return found.number;
    }
    return 0;
  }

  /** All classes whose prefix holds this one's, its own too: those are the prefixes that an address of the class is in. */
  within(number: number): ReadonlySet<number> {
    return this.#within.get(number) ?? NONE;
  }

  #holding(prefix: Prefix): ReadonlySet<number> {
    const shorter = this.#lengths[prefix.family].filter((length) => length <= prefix.length);
    const address = { family: prefix.family, value: prefix.first };
    return new Set(
      shorter.flatMap((length) => this.#classes.get(prefixText(prefixOf(address, length)))?.number ?? []),
    );
  }
}

const NONE: ReadonlySet<number> = new Set();

const lengthsOf = (prefixes: ReadonlyMap<string, Prefix>, family: Family): number[] =>
  [
    ...new Set([...prefixes.values()].flatMap((prefix) => (prefix.family === family ? prefix.length : []))),
  ].sort((one, other) => other - one);
