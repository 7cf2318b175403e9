// The addon as it is: its classes and functions with their types. Only this package's modules import it; arguments
// reach it checked. Handles are made by the addon, never by `new` (RingReader, Watcher, ConntrackWatch, Tun and RunStats excepted).
import { BpfError } from "./errors.ts";
import { loadBinding } from "./load-binding.ts";

export interface MapInfo {
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
  id: number;
  perCpu: boolean;
  cpus: number;
  stride: number;
}

export interface NativeMap {
  lookup(key: Uint8Array): Buffer | undefined;
  update(key: Uint8Array, value: Uint8Array, flags: number): void;
  setProgram(index: number, program: NativeProgram): void;
  delete(key: Uint8Array): boolean;
  nextKey(key: Uint8Array | undefined): Buffer | undefined;
  lookupBatch(max: number, cursor: Uint8Array | undefined, deleteToo: boolean): MapChunk;
  readAll(keys: Uint8Array | undefined, values: Uint8Array | undefined): MapContents;
  updateBatch(keys: Uint8Array, values: Uint8Array, count: number, flags: number): void;
  deleteBatch(keys: Uint8Array, count: number): number;
  freeze(): void;
  pin(path: string): void;
  btf(): NativeBtf | undefined;
  info(): MapInfo;
  fd(): number;
  close(): void;
}

export interface MapContents {
  count: number;
  keys: Buffer;
  values: Buffer;
}

export interface MapChunk extends MapContents {
  cursor: Buffer | undefined;
}

export interface LinkInfo {
  id: number;
  type: string;
  progId: number;
  ifindex?: number;
  cgroupId?: bigint;
  attachType?: number;
}

export interface NativeLink {
  update(program: NativeProgram): void;
  pin(path: string): void;
  unpin(): void;
  detach(): void;
  info(): LinkInfo;
  close(): void;
}

export interface ProgramInfo {
  id: number;
  name: string;
  type: string;
  verifiedInstructions: number;
  jitedBytes: number;
  runCount: bigint;
  runTimeNs: bigint;
  recursionMisses: bigint;
}

export interface TestRunResult {
  retval: number;
  dataOut: Buffer;
  ctxOut: Buffer;
  durationNs: number;
}

export interface NativeProgram {
  attach(attach: object): NativeLink;
  iterate(netns: string | undefined, maxBytes: number): Buffer;
  testRun(
    data: Uint8Array | undefined,
    ctx: Uint8Array | undefined,
    repeat: number,
    dataOutSize: number,
    netns: string | undefined,
    flags: number,
    cpu: number,
  ): TestRunResult;
  info(): ProgramInfo;
  pin(path: string): void;
  close(): void;
}

export interface MapSummary {
  name: string;
  type: string;
  keySize: number;
  valueSize: number;
  maxEntries: number;
}

export interface NativeObject {
  setVariable(section: string, symbol: string, bytes: Uint8Array): void;
  setAutoload(program: string, on: boolean): void;
  setMaxEntries(map: string, entries: number): void;
  pinMap(map: string, path: string): void;
  load(logLevel: number): string;
  program(name: string): NativeProgram;
  programs(): string[];
  map(name: string): NativeMap;
  maps(): MapSummary[];
  btf(): NativeBtf;
  close(): void;
}

/** One BTF type as the kernel stores it; which fields are there depends on the kind. */
export interface RawType {
  kind: string;
  name: string;
  size?: number;
  typeId?: number;
  length?: number;
  signed?: boolean;
  bool?: boolean;
  members?: { name: string; typeId: number; bitOffset: number; bitSize: number }[];
  values?: { name: string; value: bigint }[];
  parameters?: { name: string; typeId: number }[];
  variables?: { typeId: number; offset: number; size: number }[];
}

export interface NativeBtf {
  typeCount(): number;
  find(name: string, kind: string): number | undefined;
  type(id: number): RawType;
  close(): void;
}

export interface RingStats {
  records: bigint;
  bytes: bigint;
  batches: bigint;
  lostRecords: bigint;
  lostBytes: bigint;
}

export interface NativeRingReader {
  stats(): RingStats;
  close(): Promise<void>;
}

export interface WatchEvent {
  watch: number;
  kind: string;
  op: string;
  subject: number;
  name: string;
  netns: number;
}

export interface NativeWatcher {
  addLinks(netns: string | undefined, everywhere: boolean): number;
  addProcesses(): number;
  remove(watch: number): void;
  close(): Promise<void>;
}

export interface NativeConntrackWatch {
  dump(most: number): { bytes: Uint8Array; left: number };
  read(): { bytes: Uint8Array; overran: boolean };
  close(): void;
}

export interface TunCounts {
  read: bigint;
  written: bigint;
  dropped: bigint;
}

export interface NativeTun {
  ifindex(): number;
  write(packet: Uint8Array): boolean;
  counts(): TunCounts;
  close(): Promise<void>;
}

export interface Binding {
  setErrorClass(errorClass: typeof BpfError): void;
  openObject(
    source: string | Uint8Array,
    name: string | undefined,
    pinRoot: string | undefined,
  ): NativeObject;
  openPinnedMap(path: string): NativeMap;
  openPinnedLink(path: string): NativeLink;
  openPinnedProgram(path: string): NativeProgram;
  openVmlinuxBtf(): NativeBtf;
  openBtfFile(path: string): NativeBtf;
  RingReader: new (
    map: NativeMap,
    onBatch: (batch: Uint8Array, lostRecords: bigint, lostBytes: bigint) => void,
    maxBytes: number,
    maxInFlight: number,
    tickMs: number,
  ) => NativeRingReader;
  Watcher: new (onEvents: (events: WatchEvent[]) => void) => NativeWatcher;
  ConntrackWatch: new (netns: string | undefined) => NativeConntrackWatch;
  Tun: new (
    netns: string | undefined,
    name: string,
    mtu: number,
    queueLength: number,
    onBatch: (batch: Uint8Array) => void,
  ) => NativeTun;
  RunStats: new () => { close(): void };
  links(netns: string | undefined): unknown[];
  netnsCookie(netns: string | undefined): bigint;
  netnsNumber(netns: string | undefined, of: string): number;
  createPair(kind: "veth" | "netkit", pair: object): { ifindex: number; peerIfindex: number };
  setLink(link: object): void;
  deleteLink(link: object): void;
  addAddress(address: object): void;
  deleteAddress(address: object): void;
  setNeighbour(neighbour: object): void;
  neighbours(netns: string | undefined, ifindex: number): unknown[];
  addRoute(route: object): void;
  replaceRoute(route: object): void;
  deleteRoute(route: object): void;
  listRoutes(netns: string | undefined, protocol: number): unknown[];
  readSetting(netns: string | undefined, name: string): string;
  writeSetting(netns: string | undefined, name: string, value: string): void;
  setOffload(netns: string | undefined, device: string, offload: object): void;
  probeFeature(name: string): { supported: boolean; reason?: string };
  featureNames(): string[];
  rcuBarrier(): void;
  mountBpffs(path: string): void;
  holdDirectory(path: string): boolean;
  clock(): { bootNs: bigint; monotonicNs: bigint; realtimeNs: bigint };
  listPrograms(): { id: number; name: string; type: string }[];
  listMaps(): { id: number; name: string; type: string }[];
  listLinks(): { id: number; type: string; progId: number }[];
  libbpfVersion: string;
}

export const binding = loadBinding() as Binding;
binding.setErrorClass(BpfError);

/** Key of the addon's handle inside this package's classes. */
export const native: unique symbol = Symbol("native");
