/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { bytesAt, putBytes } from "../bytes.ts";
import { encodeFlowKey, readFlowKey, type FlowKey } from "./flow.ts";

export const TraceConnectionStep = {
  CONNECT: 1,
  ACCEPT: 2,
  ESTABLISHED: 3,
  RESET: 4,
  CLOSE: 5,
  CONNECT_FAILED: 6,
} as const;
export type TraceConnectionStep = (typeof TraceConnectionStep)[keyof typeof TraceConnectionStep];

export const TraceKind = {
  DROPS: 1,
  CONNECTIONS: 2,
} as const;
export type TraceKind = (typeof TraceKind)[keyof typeof TraceKind];

export const TraceLimit = {
  STACK_DEPTH: 32,
  HEADER_BYTES: 128,
  COMM_BYTES: 16,
} as const;
export type TraceLimit = (typeof TraceLimit)[keyof typeof TraceLimit];

export interface TraceConfig {
  kind: number;
  rateEps: number;
  leaseEndsNs: bigint;
  filter: TraceFilter;
}

export const TRACE_CONFIG_SIZE = 72;
export const TRACE_CONFIG_OFFSETS = {
  kind: 0,
  rateEps: 4,
  leaseEndsNs: 8,
  filter: 16,
} as const;

/** Undefined when fewer than 72 bytes are there. */
export function decodeTraceConfig(view: DataView, at = 0): TraceConfig | undefined {
  if (at < 0 || at + TRACE_CONFIG_SIZE > view.byteLength) return undefined;
  return readTraceConfig(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTraceConfig(view: DataView, at: number): TraceConfig {
  return {
    kind: view.getUint32(at, true),
    rateEps: view.getUint32(at + 4, true),
    leaseEndsNs: view.getBigUint64(at + 8, true),
    filter: readTraceFilter(view, at + 16),
  };
}

/** Writes all 72 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTraceConfig(value: TraceConfig, view: DataView, at = 0): void {
  view.setUint32(at, value.kind, true);
  view.setUint32(at + 4, value.rateEps, true);
  view.setBigUint64(at + 8, value.leaseEndsNs, true);
  encodeTraceFilter(value.filter, view, at + 16);
}

export interface TraceEventConnection {
  header: TraceEventHeader;
  flow: FlowKey;
  step: number;
  latencyNs: bigint;
  socketCookie: bigint;
  bytesSent: bigint;
  bytesReceived: bigint;
  rttUs: number;
  retransmits: number;
  error: number;
}

export const TRACE_EVENT_CONNECTION_SIZE = 152;
export const TRACE_EVENT_CONNECTION_OFFSETS = {
  header: 0,
  flow: 56,
  step: 100,
  latencyNs: 104,
  socketCookie: 112,
  bytesSent: 120,
  bytesReceived: 128,
  rttUs: 136,
  retransmits: 140,
  error: 144,
} as const;

/** Undefined when fewer than 152 bytes are there. */
export function decodeTraceEventConnection(view: DataView, at = 0): TraceEventConnection | undefined {
  if (at < 0 || at + TRACE_EVENT_CONNECTION_SIZE > view.byteLength) return undefined;
  return readTraceEventConnection(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTraceEventConnection(view: DataView, at: number): TraceEventConnection {
  return {
    header: readTraceEventHeader(view, at),
    flow: readFlowKey(view, at + 56),
    step: view.getUint32(at + 100, true),
    latencyNs: view.getBigUint64(at + 104, true),
    socketCookie: view.getBigUint64(at + 112, true),
    bytesSent: view.getBigUint64(at + 120, true),
    bytesReceived: view.getBigUint64(at + 128, true),
    rttUs: view.getUint32(at + 136, true),
    retransmits: view.getUint32(at + 140, true),
    error: view.getUint32(at + 144, true),
  };
}

/** Writes all 152 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTraceEventConnection(value: TraceEventConnection, view: DataView, at = 0): void {
  encodeTraceEventHeader(value.header, view, at);
  encodeFlowKey(value.flow, view, at + 56);
  view.setUint32(at + 100, value.step, true);
  view.setBigUint64(at + 104, value.latencyNs, true);
  view.setBigUint64(at + 112, value.socketCookie, true);
  view.setBigUint64(at + 120, value.bytesSent, true);
  view.setBigUint64(at + 128, value.bytesReceived, true);
  view.setUint32(at + 136, value.rttUs, true);
  view.setUint32(at + 140, value.retransmits, true);
  view.setUint32(at + 144, value.error, true);
  view.setUint8(at + 148, 0);
  view.setUint8(at + 149, 0);
  view.setUint8(at + 150, 0);
  view.setUint8(at + 151, 0);
}

export interface TraceEventDrop {
  header: TraceEventHeader;
  flow: FlowKey;
  reason: number;
  location: bigint;
  ifindex: number;
  packetBytes: number;
  headerBytes: number;
  stackDepth: number;
  stack: bigint[];
  headers: Uint8Array;
}

export const TRACE_EVENT_DROP_SIZE = 512;
export const TRACE_EVENT_DROP_OFFSETS = {
  header: 0,
  flow: 56,
  reason: 100,
  location: 104,
  ifindex: 112,
  packetBytes: 116,
  headerBytes: 120,
  stackDepth: 124,
  stack: 128,
  headers: 384,
} as const;

/** Undefined when fewer than 512 bytes are there. */
export function decodeTraceEventDrop(view: DataView, at = 0): TraceEventDrop | undefined {
  if (at < 0 || at + TRACE_EVENT_DROP_SIZE > view.byteLength) return undefined;
  return readTraceEventDrop(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTraceEventDrop(view: DataView, at: number): TraceEventDrop {
  return {
    header: readTraceEventHeader(view, at),
    flow: readFlowKey(view, at + 56),
    reason: view.getUint32(at + 100, true),
    location: view.getBigUint64(at + 104, true),
    ifindex: view.getUint32(at + 112, true),
    packetBytes: view.getUint32(at + 116, true),
    headerBytes: view.getUint32(at + 120, true),
    stackDepth: view.getUint32(at + 124, true),
    stack: Array.from({ length: 32 }, (_, i) => view.getBigUint64(at + 128 + i * 8, true)),
    headers: bytesAt(view, at + 384, 128),
  };
}

/** Writes all 512 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTraceEventDrop(value: TraceEventDrop, view: DataView, at = 0): void {
  encodeTraceEventHeader(value.header, view, at);
  encodeFlowKey(value.flow, view, at + 56);
  view.setUint32(at + 100, value.reason, true);
  view.setBigUint64(at + 104, value.location, true);
  view.setUint32(at + 112, value.ifindex, true);
  view.setUint32(at + 116, value.packetBytes, true);
  view.setUint32(at + 120, value.headerBytes, true);
  view.setUint32(at + 124, value.stackDepth, true);
  for (let i = 0; i < 32; i++) {
    view.setBigUint64(at + 128 + i * 8, value.stack[i] as bigint, true);
  }
  putBytes(value.headers, view, at + 384, 128);
}

export interface TraceEventHeader {
  kind: number;
  cpu: number;
  atNs: bigint;
  netnsCookie: bigint;
  cgroupId: bigint;
  pid: number;
  comm: Uint8Array;
}

export const TRACE_EVENT_HEADER_SIZE = 56;
export const TRACE_EVENT_HEADER_OFFSETS = {
  kind: 0,
  cpu: 4,
  atNs: 8,
  netnsCookie: 16,
  cgroupId: 24,
  pid: 32,
  comm: 40,
} as const;

/** Undefined when fewer than 56 bytes are there. */
export function decodeTraceEventHeader(view: DataView, at = 0): TraceEventHeader | undefined {
  if (at < 0 || at + TRACE_EVENT_HEADER_SIZE > view.byteLength) return undefined;
  return readTraceEventHeader(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTraceEventHeader(view: DataView, at: number): TraceEventHeader {
  return {
    kind: view.getUint32(at, true),
    cpu: view.getUint32(at + 4, true),
    atNs: view.getBigUint64(at + 8, true),
    netnsCookie: view.getBigUint64(at + 16, true),
    cgroupId: view.getBigUint64(at + 24, true),
    pid: view.getUint32(at + 32, true),
    comm: bytesAt(view, at + 40, 16),
  };
}

/** Writes all 56 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTraceEventHeader(value: TraceEventHeader, view: DataView, at = 0): void {
  view.setUint32(at, value.kind, true);
  view.setUint32(at + 4, value.cpu, true);
  view.setBigUint64(at + 8, value.atNs, true);
  view.setBigUint64(at + 16, value.netnsCookie, true);
  view.setBigUint64(at + 24, value.cgroupId, true);
  view.setUint32(at + 32, value.pid, true);
  view.setUint8(at + 36, 0);
  view.setUint8(at + 37, 0);
  view.setUint8(at + 38, 0);
  view.setUint8(at + 39, 0);
  putBytes(value.comm, view, at + 40, 16);
}

export interface TraceFilter {
  addrA: Uint8Array;
  addrB: Uint8Array;
  portA: number;
  portB: number;
  proto: number;
  matchAddrA: number;
  matchAddrB: number;
  cgroupId: bigint;
  netnsCookie: bigint;
}

export const TRACE_FILTER_SIZE = 56;
export const TRACE_FILTER_OFFSETS = {
  addrA: 0,
  addrB: 16,
  portA: 32,
  portB: 34,
  proto: 36,
  matchAddrA: 37,
  matchAddrB: 38,
  cgroupId: 40,
  netnsCookie: 48,
} as const;

/** Undefined when fewer than 56 bytes are there. */
export function decodeTraceFilter(view: DataView, at = 0): TraceFilter | undefined {
  if (at < 0 || at + TRACE_FILTER_SIZE > view.byteLength) return undefined;
  return readTraceFilter(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTraceFilter(view: DataView, at: number): TraceFilter {
  return {
    addrA: bytesAt(view, at, 16),
    addrB: bytesAt(view, at + 16, 16),
    portA: view.getUint16(at + 32, false),
    portB: view.getUint16(at + 34, false),
    proto: view.getUint8(at + 36),
    matchAddrA: view.getUint8(at + 37),
    matchAddrB: view.getUint8(at + 38),
    cgroupId: view.getBigUint64(at + 40, true),
    netnsCookie: view.getBigUint64(at + 48, true),
  };
}

/** Writes all 56 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTraceFilter(value: TraceFilter, view: DataView, at = 0): void {
  putBytes(value.addrA, view, at, 16);
  putBytes(value.addrB, view, at + 16, 16);
  view.setUint16(at + 32, value.portA, false);
  view.setUint16(at + 34, value.portB, false);
  view.setUint8(at + 36, value.proto);
  view.setUint8(at + 37, value.matchAddrA);
  view.setUint8(at + 38, value.matchAddrB);
  view.setUint8(at + 39, 0);
  view.setBigUint64(at + 40, value.cgroupId, true);
  view.setBigUint64(at + 48, value.netnsCookie, true);
}

export interface TraceStats {
  seen: bigint;
  emitted: bigint;
  overRate: bigint;
  ringFull: bigint;
  afterLease: bigint;
}

export const TRACE_STATS_SIZE = 40;
export const TRACE_STATS_OFFSETS = {
  seen: 0,
  emitted: 8,
  overRate: 16,
  ringFull: 24,
  afterLease: 32,
} as const;

/** Undefined when fewer than 40 bytes are there. */
export function decodeTraceStats(view: DataView, at = 0): TraceStats | undefined {
  if (at < 0 || at + TRACE_STATS_SIZE > view.byteLength) return undefined;
  return readTraceStats(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTraceStats(view: DataView, at: number): TraceStats {
  return {
    seen: view.getBigUint64(at, true),
    emitted: view.getBigUint64(at + 8, true),
    overRate: view.getBigUint64(at + 16, true),
    ringFull: view.getBigUint64(at + 24, true),
    afterLease: view.getBigUint64(at + 32, true),
  };
}

/** Writes all 40 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTraceStats(value: TraceStats, view: DataView, at = 0): void {
  view.setBigUint64(at, value.seen, true);
  view.setBigUint64(at + 8, value.emitted, true);
  view.setBigUint64(at + 16, value.overRate, true);
  view.setBigUint64(at + 24, value.ringFull, true);
  view.setBigUint64(at + 32, value.afterLease, true);
}
