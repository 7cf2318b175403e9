/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { bytesAt, putBytes } from "../bytes.ts";

export const FlowCarry = {
  OPEN: 0,
  LATE: 1,
  ADD: 2,
  MISSED: 3,
} as const;
export type FlowCarry = (typeof FlowCarry)[keyof typeof FlowCarry];

export const FlowDirection = {
  EGRESS: 0,
  INGRESS: 1,
} as const;
export type FlowDirection = (typeof FlowDirection)[keyof typeof FlowDirection];

export const FlowLifecycle = {
  LIVE: 0,
  RETIRED: 1,
} as const;
export type FlowLifecycle = (typeof FlowLifecycle)[keyof typeof FlowLifecycle];

export const FlowLimit = {
  DIRECTIONS: 2,
  RETIRE_BATCH: 1024,
  EPOCH_BITS: 30,
  CHUNK: 64,
} as const;
export type FlowLimit = (typeof FlowLimit)[keyof typeof FlowLimit];

export const FlowOpener = {
  UNKNOWN: 0,
  LOCAL: 1,
  REMOTE: 2,
} as const;
export type FlowOpener = (typeof FlowOpener)[keyof typeof FlowOpener];

export const FlowRetireOutcome = {
  NOT_ASKED: 0,
  DONE: 1,
  BUSY: 2,
  MISSING: 3,
} as const;
export type FlowRetireOutcome = (typeof FlowRetireOutcome)[keyof typeof FlowRetireOutcome];

export const FlowTcpState = {
  NONE: 0,
  OPENING: 1,
  ESTABLISHED: 2,
  CLOSING: 3,
  CLOSED: 4,
  RESET: 5,
} as const;
export type FlowTcpState = (typeof FlowTcpState)[keyof typeof FlowTcpState];

export const PathKind = {
  NONE: 0,
  LOCAL: 1,
  DIRECT: 2,
  OVERLAY: 3,
  HOST: 4,
  PUNT: 5,
  MASQUERADE: 6,
} as const;
export type PathKind = (typeof PathKind)[keyof typeof PathKind];

export const PathLimit = {
  DECIDING: 1,
  REASON_BASE: 1297219584,
} as const;
export type PathLimit = (typeof PathLimit)[keyof typeof PathLimit];

export const PathReason = {
  NONE: 0,
  SPOOFED: 1,
  NO_ROUTE: 2,
  NOT_IP: 3,
  MALFORMED: 4,
  TUNNEL_FORGED: 5,
  UNKNOWN_TUNNEL: 6,
  ENDPOINT_GONE: 7,
  UNRESOLVED: 8,
  ENCAPSULATION: 9,
  POLICY: 10,
  NO_PORT: 11,
  UNTRANSLATABLE: 12,
  NO_BACKEND: 13,
  NO_SERVICE: 14,
  NO_HEADROOM: 15,
  TOO_LONG: 16,
} as const;
export type PathReason = (typeof PathReason)[keyof typeof PathReason];

export const Verdict = {
  UNKNOWN: 0,
  FORWARD: 1,
  DROP: 2,
  PUNT: 3,
  WOULD_DROP: 4,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];

export interface FlowChunk {
  keys: FlowKey[];
  records: FlowRecord[];
}

export const FLOW_CHUNK_SIZE = 16128;
export const FLOW_CHUNK_OFFSETS = {
  keys: 0,
  records: 2816,
} as const;

/** Undefined when fewer than 16128 bytes are there. */
export function decodeFlowChunk(view: DataView, at = 0): FlowChunk | undefined {
  if (at < 0 || at + FLOW_CHUNK_SIZE > view.byteLength) return undefined;
  return readFlowChunk(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowChunk(view: DataView, at: number): FlowChunk {
  return {
    keys: Array.from({ length: 64 }, (_, i) => readFlowKey(view, at + i * 44)),
    records: Array.from({ length: 64 }, (_, i) => readFlowRecord(view, at + 2816 + i * 208)),
  };
}

/** Writes all 16128 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowChunk(value: FlowChunk, view: DataView, at = 0): void {
  for (let i = 0; i < 64; i++) {
    encodeFlowKey((value.keys[i] as FlowKey), view, at + i * 44);
  }
  for (let i = 0; i < 64; i++) {
    encodeFlowRecord((value.records[i] as FlowRecord), view, at + 2816 + i * 208);
  }
}

export interface FlowCounters {
  packets: bigint;
  segments: bigint;
  bytes: bigint;
}

export const FLOW_COUNTERS_SIZE = 24;
export const FLOW_COUNTERS_OFFSETS = {
  packets: 0,
  segments: 8,
  bytes: 16,
} as const;

/** Undefined when fewer than 24 bytes are there. */
export function decodeFlowCounters(view: DataView, at = 0): FlowCounters | undefined {
  if (at < 0 || at + FLOW_COUNTERS_SIZE > view.byteLength) return undefined;
  return readFlowCounters(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowCounters(view: DataView, at: number): FlowCounters {
  return {
    packets: view.getBigUint64(at, true),
    segments: view.getBigUint64(at + 8, true),
    bytes: view.getBigUint64(at + 16, true),
  };
}

/** Writes all 24 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowCounters(value: FlowCounters, view: DataView, at = 0): void {
  view.setBigUint64(at, value.packets, true);
  view.setBigUint64(at + 8, value.segments, true);
  view.setBigUint64(at + 16, value.bytes, true);
}

export interface FlowKey {
  saddr: Uint8Array;
  daddr: Uint8Array;
  sport: number;
  dport: number;
  proto: number;
  family: number;
  vlan: number;
  endpointId: number;
}

export const FLOW_KEY_SIZE = 44;
export const FLOW_KEY_OFFSETS = {
  saddr: 0,
  daddr: 16,
  sport: 32,
  dport: 34,
  proto: 36,
  family: 37,
  vlan: 38,
  endpointId: 40,
} as const;

/** Undefined when fewer than 44 bytes are there. */
export function decodeFlowKey(view: DataView, at = 0): FlowKey | undefined {
  if (at < 0 || at + FLOW_KEY_SIZE > view.byteLength) return undefined;
  return readFlowKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowKey(view: DataView, at: number): FlowKey {
  return {
    saddr: bytesAt(view, at, 16),
    daddr: bytesAt(view, at + 16, 16),
    sport: view.getUint16(at + 32, false),
    dport: view.getUint16(at + 34, false),
    proto: view.getUint8(at + 36),
    family: view.getUint8(at + 37),
    vlan: view.getUint16(at + 38, true),
    endpointId: view.getUint32(at + 40, true),
  };
}

/** Writes all 44 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowKey(value: FlowKey, view: DataView, at = 0): void {
  putBytes(value.saddr, view, at, 16);
  putBytes(value.daddr, view, at + 16, 16);
  view.setUint16(at + 32, value.sport, false);
  view.setUint16(at + 34, value.dport, false);
  view.setUint8(at + 36, value.proto);
  view.setUint8(at + 37, value.family);
  view.setUint16(at + 38, value.vlan, true);
  view.setUint32(at + 40, value.endpointId, true);
}

export interface FlowPath {
  generation: number;
  verdict: number;
  kind: number;
  reason: number;
  ifindex: number;
  remote: number;
  identity: number;
  peerIdentity: number;
  peerEndpoint: number;
  rule: number;
  revision: number;
  wirePort: number;
  natAddress: Uint8Array;
  natPort: number;
  slowPackets: number;
  natDst: Uint8Array;
  natDstPort: number;
  backend: number;
}

export const FLOW_PATH_SIZE = 88;
export const FLOW_PATH_OFFSETS = {
  generation: 0,
  verdict: 4,
  kind: 5,
  reason: 6,
  ifindex: 8,
  remote: 12,
  identity: 16,
  peerIdentity: 20,
  peerEndpoint: 24,
  rule: 28,
  revision: 32,
  wirePort: 36,
  natAddress: 40,
  natPort: 56,
  slowPackets: 60,
  natDst: 64,
  natDstPort: 80,
  backend: 84,
} as const;

/** Undefined when fewer than 88 bytes are there. */
export function decodeFlowPath(view: DataView, at = 0): FlowPath | undefined {
  if (at < 0 || at + FLOW_PATH_SIZE > view.byteLength) return undefined;
  return readFlowPath(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowPath(view: DataView, at: number): FlowPath {
  return {
    generation: view.getUint32(at, true),
    verdict: view.getUint8(at + 4),
    kind: view.getUint8(at + 5),
    reason: view.getUint8(at + 6),
    ifindex: view.getUint32(at + 8, true),
    remote: view.getUint32(at + 12, true),
    identity: view.getUint32(at + 16, true),
    peerIdentity: view.getUint32(at + 20, true),
    peerEndpoint: view.getUint32(at + 24, true),
    rule: view.getUint32(at + 28, true),
    revision: view.getUint32(at + 32, true),
    wirePort: view.getUint16(at + 36, false),
    natAddress: bytesAt(view, at + 40, 16),
    natPort: view.getUint16(at + 56, false),
    slowPackets: view.getUint32(at + 60, true),
    natDst: bytesAt(view, at + 64, 16),
    natDstPort: view.getUint16(at + 80, false),
    backend: view.getUint32(at + 84, true),
  };
}

/** Writes all 88 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowPath(value: FlowPath, view: DataView, at = 0): void {
  view.setUint32(at, value.generation, true);
  view.setUint8(at + 4, value.verdict);
  view.setUint8(at + 5, value.kind);
  view.setUint8(at + 6, value.reason);
  view.setUint8(at + 7, 0);
  view.setUint32(at + 8, value.ifindex, true);
  view.setUint32(at + 12, value.remote, true);
  view.setUint32(at + 16, value.identity, true);
  view.setUint32(at + 20, value.peerIdentity, true);
  view.setUint32(at + 24, value.peerEndpoint, true);
  view.setUint32(at + 28, value.rule, true);
  view.setUint32(at + 32, value.revision, true);
  view.setUint16(at + 36, value.wirePort, false);
  view.setUint8(at + 38, 0);
  view.setUint8(at + 39, 0);
  putBytes(value.natAddress, view, at + 40, 16);
  view.setUint16(at + 56, value.natPort, false);
  view.setUint8(at + 58, 0);
  view.setUint8(at + 59, 0);
  view.setUint32(at + 60, value.slowPackets, true);
  putBytes(value.natDst, view, at + 64, 16);
  view.setUint16(at + 80, value.natDstPort, false);
  view.setUint8(at + 82, 0);
  view.setUint8(at + 83, 0);
  view.setUint32(at + 84, value.backend, true);
}

export interface FlowRecord {
  lifecycle: number;
  tupleCheck: number;
  tcpFlags: Uint8Array;
  tcpState: number;
  opener: number;
  rttUs: number;
  lastSeenNs: bigint;
  counters: FlowCounters[];
  firstSeenNs: bigint;
  cgroupId: bigint;
  drops: bigint;
  dropReason: number;
  rttMinUs: number;
  retransmits: number;
  isn: number;
  opens: number;
  shown: number;
  path: FlowPath;
}

export const FLOW_RECORD_SIZE = 208;
export const FLOW_RECORD_OFFSETS = {
  lifecycle: 0,
  tupleCheck: 4,
  tcpFlags: 8,
  tcpState: 10,
  opener: 11,
  rttUs: 12,
  lastSeenNs: 16,
  counters: 24,
  firstSeenNs: 72,
  cgroupId: 80,
  drops: 88,
  dropReason: 96,
  rttMinUs: 100,
  retransmits: 104,
  isn: 108,
  opens: 112,
  shown: 116,
  path: 120,
} as const;

/** Undefined when fewer than 208 bytes are there. */
export function decodeFlowRecord(view: DataView, at = 0): FlowRecord | undefined {
  if (at < 0 || at + FLOW_RECORD_SIZE > view.byteLength) return undefined;
  return readFlowRecord(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowRecord(view: DataView, at: number): FlowRecord {
  return {
    lifecycle: view.getUint32(at, true),
    tupleCheck: view.getUint32(at + 4, true),
    tcpFlags: bytesAt(view, at + 8, 2),
    tcpState: view.getUint8(at + 10),
    opener: view.getUint8(at + 11),
    rttUs: view.getUint32(at + 12, true),
    lastSeenNs: view.getBigUint64(at + 16, true),
    counters: Array.from({ length: 2 }, (_, i) => readFlowCounters(view, at + 24 + i * 24)),
    firstSeenNs: view.getBigUint64(at + 72, true),
    cgroupId: view.getBigUint64(at + 80, true),
    drops: view.getBigUint64(at + 88, true),
    dropReason: view.getUint32(at + 96, true),
    rttMinUs: view.getUint32(at + 100, true),
    retransmits: view.getUint32(at + 104, true),
    isn: view.getUint32(at + 108, true),
    opens: view.getUint32(at + 112, true),
    shown: view.getUint32(at + 116, true),
    path: readFlowPath(view, at + 120),
  };
}

/** Writes all 208 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowRecord(value: FlowRecord, view: DataView, at = 0): void {
  view.setUint32(at, value.lifecycle, true);
  view.setUint32(at + 4, value.tupleCheck, true);
  putBytes(value.tcpFlags, view, at + 8, 2);
  view.setUint8(at + 10, value.tcpState);
  view.setUint8(at + 11, value.opener);
  view.setUint32(at + 12, value.rttUs, true);
  view.setBigUint64(at + 16, value.lastSeenNs, true);
  for (let i = 0; i < 2; i++) {
    encodeFlowCounters((value.counters[i] as FlowCounters), view, at + 24 + i * 24);
  }
  view.setBigUint64(at + 72, value.firstSeenNs, true);
  view.setBigUint64(at + 80, value.cgroupId, true);
  view.setBigUint64(at + 88, value.drops, true);
  view.setUint32(at + 96, value.dropReason, true);
  view.setUint32(at + 100, value.rttMinUs, true);
  view.setUint32(at + 104, value.retransmits, true);
  view.setUint32(at + 108, value.isn, true);
  view.setUint32(at + 112, value.opens, true);
  view.setUint32(at + 116, value.shown, true);
  encodeFlowPath(value.path, view, at + 120);
}

export interface FlowRetireBatch {
  keys: FlowKey[];
  outcome: Uint8Array;
}

export const FLOW_RETIRE_BATCH_SIZE = 46080;
export const FLOW_RETIRE_BATCH_OFFSETS = {
  keys: 0,
  outcome: 45056,
} as const;

/** Undefined when fewer than 46080 bytes are there. */
export function decodeFlowRetireBatch(view: DataView, at = 0): FlowRetireBatch | undefined {
  if (at < 0 || at + FLOW_RETIRE_BATCH_SIZE > view.byteLength) return undefined;
  return readFlowRetireBatch(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowRetireBatch(view: DataView, at: number): FlowRetireBatch {
  return {
    keys: Array.from({ length: 1024 }, (_, i) => readFlowKey(view, at + i * 44)),
    outcome: bytesAt(view, at + 45056, 1024),
  };
}

/** Writes all 46080 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowRetireBatch(value: FlowRetireBatch, view: DataView, at = 0): void {
  for (let i = 0; i < 1024; i++) {
    encodeFlowKey((value.keys[i] as FlowKey), view, at + i * 44);
  }
  putBytes(value.outcome, view, at + 45056, 1024);
}

export interface FlowRetireRequest {
  quietSinceNs: bigint;
  count: number;
}

export const FLOW_RETIRE_REQUEST_SIZE = 16;
export const FLOW_RETIRE_REQUEST_OFFSETS = {
  quietSinceNs: 0,
  count: 8,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeFlowRetireRequest(view: DataView, at = 0): FlowRetireRequest | undefined {
  if (at < 0 || at + FLOW_RETIRE_REQUEST_SIZE > view.byteLength) return undefined;
  return readFlowRetireRequest(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowRetireRequest(view: DataView, at: number): FlowRetireRequest {
  return {
    quietSinceNs: view.getBigUint64(at, true),
    count: view.getUint32(at + 8, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowRetireRequest(value: FlowRetireRequest, view: DataView, at = 0): void {
  view.setBigUint64(at, value.quietSinceNs, true);
  view.setUint32(at + 8, value.count, true);
  view.setUint8(at + 12, 0);
  view.setUint8(at + 13, 0);
  view.setUint8(at + 14, 0);
  view.setUint8(at + 15, 0);
}

export interface FlowScanRequest {
  count: number;
  room: number;
  found: number;
  total: number;
}

export const FLOW_SCAN_REQUEST_SIZE = 16;
export const FLOW_SCAN_REQUEST_OFFSETS = {
  count: 0,
  room: 4,
  found: 8,
  total: 12,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeFlowScanRequest(view: DataView, at = 0): FlowScanRequest | undefined {
  if (at < 0 || at + FLOW_SCAN_REQUEST_SIZE > view.byteLength) return undefined;
  return readFlowScanRequest(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowScanRequest(view: DataView, at: number): FlowScanRequest {
  return {
    count: view.getUint32(at, true),
    room: view.getUint32(at + 4, true),
    found: view.getUint32(at + 8, true),
    total: view.getUint32(at + 12, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowScanRequest(value: FlowScanRequest, view: DataView, at = 0): void {
  view.setUint32(at, value.count, true);
  view.setUint32(at + 4, value.room, true);
  view.setUint32(at + 8, value.found, true);
  view.setUint32(at + 12, value.total, true);
}
