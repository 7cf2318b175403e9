/**
 * Kernel addresses to `function+offset`. The kernel's table is read a piece at a time: its 150,000 lines as one
 * text cost more than the rest of the agent. What places need of it, three flat arrays, is kept from the first
 * address that asks.
 */
import fs from "node:fs";
import type { SymbolRange } from "./drop-reasons.ts";

export const HIDDEN = "address hidden by the kernel";
/** Addresses of one half of the address space differ only in these bits, and doubles hold them exactly. */
const LOW_48 = (1n << 48n) - 1n;
const isText = (type: string): boolean => type === "t" || type === "T" || type === "w" || type === "W";

const ADDRESS_DIGITS = 16;
const TYPE_AT = ADDRESS_DIGITS + 1;
const NAME_AT = 19;
const PIECE_BYTES = 65_536;

export class Symbols {
  readonly #read: () => Iterable<string>;
  #table: SymbolTable | undefined;
  readonly #known = new Map<bigint, string>();

  /** `read` gives the table's text from the start, in pieces of any length. */
  constructor(read: () => Iterable<string> = kallsyms) {
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
    const wanted = new Set(functions);
    const found: SymbolRange[] = [];
    let open: SymbolRange[] = [];
    for (const line of linesOf(this.#read())) {
      const [name = ""] = nameIn(line).split(".", 1);
      const ofWanted = isText(line.charAt(TYPE_AT)) && wanted.has(name);
      if (!ofWanted && open.length === 0) continue;
      const address = BigInt(`0x${line.slice(0, ADDRESS_DIGITS)}`);
      for (const range of open) if (address > range.start) found.push({ ...range, end: address });
      open = open.filter(({ start }) => start === address);
      if (ofWanted && address > 0n) open.push({ name, start: address, end: address });
    }
    return found;
  }

  #resolve(address: bigint): string {
    if (address === 0n) return HIDDEN;
    this.#table ??= new SymbolTable(linesOf(this.#read()));
    return this.#table.place(Number(address & LOW_48)) ?? HIDDEN;
  }
}

/** Without the privilege to see them the kernel prints every address as zero: then the table is empty. */
class SymbolTable {
  readonly #addresses: Float64Array;
  /** Where in the names each symbol's begins. */
  readonly #starts: Uint32Array;
  #names = Buffer.alloc(PIECE_BYTES);

  constructor(lines: Iterable<string>) {
    const addresses: number[] = [];
    const starts: number[] = [];
    let end = 0;
    for (const line of lines) {
      if (!isText(line.charAt(TYPE_AT))) continue;
      const address = Number.parseInt(line.slice(4, ADDRESS_DIGITS), 16);
      if (!(address > 0)) continue;
      addresses.push(address);
      starts.push(end);
      end = this.#append(`${nameIn(line)}\n`, end);
    }
    this.#addresses = Float64Array.from(addresses);
    this.#starts = Uint32Array.from(starts);
  }

  /** By the symbol that begins there or next before it; modules come last, in any order. */
  place(address: number): string | undefined {
    let best = -1;
    for (let i = 0, above = 0; i < this.#addresses.length; i++) {
      const begins = this.#addresses[i] as number;
      if (begins > address || begins < above) continue;
      best = i;
      above = begins;
    }
    if (best < 0) return undefined;
    const start = this.#starts[best] as number;
    const name = this.#names.toString("latin1", start, this.#names.indexOf("\n", start));
    return `${name}+0x${(address - (this.#addresses[best] as number)).toString(16)}`;
  }

  /** Answers where the next name will begin. */
  #append(name: string, at: number): number {
    if (at + name.length > this.#names.length)
      this.#names = Buffer.concat([this.#names], 2 * this.#names.length);
    return at + this.#names.write(name, at, "latin1");
  }
}

function* kallsyms(): Generator<string> {
  const file = fs.openSync("/proc/kallsyms", "r");
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    for (let read = 1; read > 0; ) {
      read = fs.readSync(file, piece);
      yield piece.toString("latin1", 0, read);
    }
  } finally {
    fs.closeSync(file);
  }
}

function* linesOf(pieces: Iterable<string>): Generator<string> {
  let rest = "";
  for (const piece of pieces) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() as string;
    yield* lines;
  }
  if (rest) yield rest;
}

/** A module's symbol has its module after a tab. */
const nameIn = (line: string): string => line.slice(NAME_AT).split("\t", 1)[0] as string;
