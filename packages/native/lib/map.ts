// A BPF map: keys and values as bytes in the kernel's layout. Decoding them is the ABI's part, not ours.
import * as args from "./args.ts";
import { binding, type MapChunk, type MapContents, type MapInfo, type NativeMap, native } from "./binding.ts";
import { BtfView } from "./btf.ts";
import type { BpfProgram } from "./program.ts";

const UPDATE_FLAGS = { any: 0, create: 1, exist: 2 } as const;
export type UpdateMode = keyof typeof UPDATE_FLAGS;

const MAX_U32 = 0xffffffff;

export class BpfMap {
  readonly [native]: NativeMap;
  readonly #info: MapInfo;

  constructor(handle: NativeMap) {
    this[native] = handle;
    this.#info = handle.info();
  }

  get name(): string {
    return this.#info.name;
  }
  get type(): string {
    return this.#info.type;
  }
  get keySize(): number {
    return this.#info.keySize;
  }
  /** As declared; see `stride` for what a read returns. */
  get valueSize(): number {
    return this.#info.valueSize;
  }
  get maxEntries(): number {
    return this.#info.maxEntries;
  }
  get id(): number {
    return this.#info.id;
  }
  get perCpu(): boolean {
    return this.#info.perCpu;
  }
  /** Slots of one value: the possible CPUs for a per-CPU map, else 1. */
  get cpus(): number {
    return this.#info.cpus;
  }
  /** Bytes of one value as read and written: cpus × valueSize rounded up to 8 for a per-CPU map, else valueSize. */
  get stride(): number {
    return this.#info.stride;
  }
  /** The descriptor, for inspection; it stays ours. */
  get fd(): number {
    return this[native].fd();
  }

  lookup(key: Uint8Array): Buffer | undefined {
    return this[native].lookup(args.sizedBytes(key, `${this.name}.lookup key`, this.keySize));
  }

  update(key: Uint8Array, value: Uint8Array, mode: UpdateMode = "any"): void {
    args.sizedBytes(key, `${this.name}.update key`, this.keySize);
    args.sizedBytes(value, `${this.name}.update value`, this.stride);
    this[native].update(key, value, this.#flags(mode, "update"));
  }

  /** Of a program array: whoever tail-calls that slot runs the program before or this one, never both. */
  setProgram(index: number, program: BpfProgram): void {
    args.integer(index, `${this.name}.setProgram index`, 0, this.maxEntries - 1);
    this[native].setProgram(index, program[native]);
  }

  /** False when there was no such key. */
  delete(key: Uint8Array): boolean {
    return this[native].delete(args.sizedBytes(key, `${this.name}.delete key`, this.keySize));
  }

  /** The key after `key`, in the kernel's order; the first without one or when it is gone. */
  nextKey(key?: Uint8Array): Buffer | undefined {
    if (key !== undefined) args.sizedBytes(key, `${this.name}.nextKey key`, this.keySize);
    return this[native].nextKey(key);
  }

  /**
   * One chunk. Go on with the returned cursor until it is undefined; `max` grows by itself where one hash bucket
   * holds more. With `deleteToo` the elements are gone afterwards.
   */
  lookupBatch(opts?: { max?: number; cursor?: Buffer; deleteToo?: boolean }): MapChunk {
    const where = `${this.name}.lookupBatch`;
    const given = args.options(opts, where, ["max", "cursor", "deleteToo"]);
    const max = args.integer(given.max ?? 1024, `${where} max`, 1, MAX_U32);
    if (given.cursor !== undefined) args.atLeastBytes(given.cursor, `${where} cursor`, this.keySize);
    return this[native].lookupBatch(
      max,
      given.cursor,
      args.boolean(given.deleteToo ?? false, `${where} deleteToo`),
    );
  }

  /**
   * Everything, in one native call. The buffers may be longer than `count` elements: pass the last result back in, and
   * nothing is allocated as long as the map fits. Not a snapshot: elements come and go meanwhile.
   */
  readAll(into?: { keys: Buffer; values: Buffer }): MapContents {
    if (into !== undefined) {
      args.bytes(into.keys, `${this.name}.readAll keys`);
      args.bytes(into.values, `${this.name}.readAll values`);
    }
    return this[native].readAll(into?.keys, into?.values);
  }

  updateBatch(keys: Uint8Array, values: Uint8Array, count: number, mode: UpdateMode = "any"): void {
    const where = `${this.name}.updateBatch`;
    args.integer(count, `${where} count`, 0, MAX_U32);
    args.atLeastBytes(keys, `${where} keys`, count * this.keySize);
    args.atLeastBytes(values, `${where} values`, count * this.stride);
    this[native].updateBatch(keys, values, count, this.#flags(mode, "updateBatch"));
  }

  /** Keys that are not there are skipped; returns how many were deleted. */
  deleteBatch(keys: Uint8Array, count: number): number {
    const where = `${this.name}.deleteBatch`;
    args.integer(count, `${where} count`, 0, MAX_U32);
    args.atLeastBytes(keys, `${where} keys`, count * this.keySize);
    return this[native].deleteBatch(keys, count);
  }

  /** No more writes from user space, for ever. */
  freeze(): void {
    this[native].freeze();
  }

  pin(path: string): void {
    this[native].pin(args.text(path, `${this.name}.pin path`));
  }

  /** The types of the object that made this map, which may be another version's; undefined for a map without any. */
  btf(): BtfView | undefined {
    const handle = this[native].btf();
    return handle && new BtfView(handle);
  }

  close(): void {
    this[native].close();
  }

  #flags(mode: UpdateMode, method: string): number {
    const modes = Object.keys(UPDATE_FLAGS) as UpdateMode[];
    return UPDATE_FLAGS[args.oneOf(mode, `${this.name}.${method} mode`, modes)];
  }
}

export function openPinnedMap(path: string): BpfMap {
  return new BpfMap(binding.openPinnedMap(args.text(path, "openPinnedMap path")));
}
