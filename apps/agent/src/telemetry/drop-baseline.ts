/**
 * What has been reported of every kind of drop. The kernel keeps few of them (a flood is one entry), so a
 * map of small arrays will do. Its entries' bytes are what the spool holds.
 */
import { DROP_KEY_SIZE, DROP_RECORD_OFFSETS } from "@millrace/abi/generated/event";

/** Key, first seen (tells an entry from a later one with its key), packets, bytes. */
export const DROP_ENTRY_BYTES = DROP_KEY_SIZE + 24;

export type DropCounts = { firstSeenNs: bigint; packets: number; bytes: number };

export class DropBaseline {
  readonly #entries = new Map<string, DropCounts>();

  get size(): number {
    return this.#entries.size;
  }
  find(key: Uint8Array): DropCounts | undefined {
    return this.#entries.get(keyText(key));
  }
  apply(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + DROP_ENTRY_BYTES <= bytes.byteLength; at += DROP_ENTRY_BYTES) {
      const counts = at + DROP_KEY_SIZE;
      this.#entries.set(keyText(bytes.subarray(at, at + DROP_KEY_SIZE)), {
        firstSeenNs: view.getBigUint64(counts, true),
        packets: view.getFloat64(counts + 8, true),
        bytes: view.getFloat64(counts + 16, true),
      });
    }
  }
  remove(key: Uint8Array): void {
    this.#entries.delete(keyText(key));
  }
  /** Forgets all others. */
  keep(keys: readonly Uint8Array[]): void {
    const kept = new Set(keys.map(keyText));
    for (const key of this.#entries.keys()) if (!kept.has(key)) this.#entries.delete(key);
  }
  clear(): void {
    this.#entries.clear();
  }
  snapshot(): Uint8Array {
    const out = new Uint8Array(this.#entries.size * DROP_ENTRY_BYTES);
    let at = 0;
    for (const [key, counts] of this.#entries) {
      out.set(dropEntry(Buffer.from(key, "latin1"), counts), at);
      at += DROP_ENTRY_BYTES;
    }
    return out;
  }
}

export function dropEntry(key: Uint8Array, counts: DropCounts): Uint8Array {
  const out = new Uint8Array(DROP_ENTRY_BYTES);
  const view = new DataView(out.buffer);
  out.set(key);
  view.setBigUint64(DROP_KEY_SIZE, counts.firstSeenNs, true);
  view.setFloat64(DROP_KEY_SIZE + 8, counts.packets, true);
  view.setFloat64(DROP_KEY_SIZE + 16, counts.bytes, true);
  return out;
}

export function dropCountsAt(values: DataView, at: number): DropCounts {
  return {
    firstSeenNs: values.getBigUint64(at + DROP_RECORD_OFFSETS.firstSeenNs, true),
    packets: Number(values.getBigUint64(at + DROP_RECORD_OFFSETS.packets, true)),
    bytes: Number(values.getBigUint64(at + DROP_RECORD_OFFSETS.bytes, true)),
  };
}

const keyText = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
