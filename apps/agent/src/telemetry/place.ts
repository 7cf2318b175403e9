/**
 * Kernel addresses to `function+offset`. The table is read when the first address asks for it and kept as
 * one text and two flat arrays: 150,000 symbols as objects would cost more than the rest of the agent.
 */
import fs from "node:fs";
import type { SymbolRange } from "./drop-reasons.ts";

export const HIDDEN = "address hidden by the kernel";
/** Addresses of one half of the address space differ only in these bits, and doubles hold them exactly. */
const LOW_48 = (1n << 48n) - 1n;
const isText = (type: string): boolean => type === "t" || type === "T" || type === "w" || type === "W";

const ADDRESS_DIGITS = 16;
const NAME_AT = 19;

export class Symbols {
  readonly #read: () => string;
  #text = "";
  #addresses: Float64Array | undefined;
  #lines = new Uint32Array(0);
  readonly #known = new Map<bigint, string>();

  constructor(read: () => string = () => fs.readFileSync("/proc/kallsyms", "latin1")) {
    this.#read = read;
  }

  place(address: bigint): string {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const place = this.#resolve(address);
    if (this.#known.size < 4096) this.#known.set(address, place);
    return place;
  }

  /**
   * Where these functions are, with the parts that a compiler split off (`.cold`, `.part.0`, `.isra.0`). Reads
   * the table once for it and keeps nothing. Nowhere, when addresses are hidden.
   */
  rangesOf(functions: readonly string[]): SymbolRange[] {
    const text = this.#read();
    return functions.flatMap((name) => rangesIn(text, name));
  }

  #resolve(address: bigint): string {
    if (address === 0n) return HIDDEN;
    this.#addresses ??= this.#load();
    const wanted = Number(address & LOW_48);
    const at = lastNotAbove(this.#addresses, wanted);
    if (at < 0) return HIDDEN;
    return `${this.#name(at)}+0x${(wanted - (this.#addresses[at] as number)).toString(16)}`;
  }

  #name(at: number): string {
    const from = (this.#lines[at] as number) + NAME_AT;
    const line = this.#text.indexOf("\n", from);
    const end = line < 0 ? this.#text.length : line;
    return this.#text.slice(from, end).split("\t", 1)[0] as string;
  }

  /** Without the privilege to see them the kernel prints every address as zero: then the table is empty. */
  #load(): Float64Array {
    this.#text = this.#read();
    const found: number[] = [];
    const starts: number[] = [];
    for (let at = 0; at < this.#text.length; at = nextLine(this.#text, at)) {
      if (!isText(this.#text.charAt(at + ADDRESS_DIGITS + 1))) continue;
      const address = Number.parseInt(this.#text.slice(at + 4, at + ADDRESS_DIGITS), 16);
      if (!(address > 0)) continue;
      found.push(address);
      starts.push(at);
    }
    const order = Uint32Array.from(found.keys()).sort((a, b) => (found[a] as number) - (found[b] as number));
    this.#lines = Uint32Array.from(order, (i) => starts[i] as number);
    return Float64Array.from(order, (i) => found[i] as number);
  }
}

function rangesIn(text: string, name: string): SymbolRange[] {
  const found: SymbolRange[] = [];
  for (let at = text.indexOf(` ${name}`); at >= 0; at = text.indexOf(` ${name}`, at + 1)) {
    const after = text.charAt(at + 1 + name.length);
    const line = at - ADDRESS_DIGITS - 2;
    if ((after && !"\n\t.".includes(after)) || !isText(text.charAt(at - 1))) continue;
    const start = addressAt(text, line);
    let next = nextLine(text, line);
    while (next < text.length && addressAt(text, next) === start) next = nextLine(text, next);
    const end = next < text.length ? addressAt(text, next) : 0n;
    if (start > 0n && end > start) found.push({ name, start, end });
  }
  return found;
}

const addressAt = (text: string, line: number): bigint =>
  BigInt(`0x${text.slice(line, line + ADDRESS_DIGITS)}`);

function nextLine(text: string, at: number): number {
  const end = text.indexOf("\n", at);
  return end < 0 ? text.length : end + 1;
}

function lastNotAbove(sorted: Float64Array, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) <= wanted) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
