/**
 * The observer's maps by name: opened once, read whole into memory that the next read uses again. Knows
 * nothing of keys and values.
 */
import type { BpfMap, MapContents } from "@millrace/native/native";
import type { MapFacts } from "./dataplane.ts";
import { u32 } from "./trace-object.ts";

export class KernelTables {
  readonly #open: (name: string) => BpfMap;
  readonly #maps = new Map<string, BpfMap>();
  readonly #reads = new Map<string, MapContents>();

  constructor(open: (name: string) => BpfMap) {
    this.#open = open;
  }
  map(name: string): BpfMap {
    let map = this.#maps.get(name);
    if (!map) {
      map = this.#open(name);
      this.#maps.set(name, map);
    }
    return map;
  }
  read(name: string): MapContents {
    const contents = this.map(name).readAll(this.#reads.get(name));
    this.#reads.set(name, contents);
    return contents;
  }
  /** An element of a per-CPU array of 64-bit counters, over all CPUs. */
  sum(name: string, index: number): number {
    const value = this.map(name).lookup(u32(index));
    let sum = 0n;
    for (let at = 0; value && at < value.length; at += 8) sum += value.readBigUInt64LE(at);
    return Number(sum);
  }
  /** What they may take of memory; those that hold a program's constants are left out. */
  facts(maps: readonly { name: string }[]): MapFacts[] {
    return maps
      .filter(({ name }) => !name.includes("."))
      .map(({ name }) => {
        const { type, maxEntries, keySize, stride } = this.map(name);
        const bytes = type === "ringbuf" ? maxEntries : maxEntries * (keySize + stride);
        return { name, type, capacity: maxEntries, bytes };
      });
  }
  close(): void {
    for (const map of this.#maps.values()) map.close();
    this.#maps.clear();
    this.#reads.clear();
  }
}
