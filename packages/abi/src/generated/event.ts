/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { bytesAt, putBytes } from "../bytes.ts";
import { encodeFlowKey, readFlowKey, type FlowKey } from "./flow.ts";

export const DropClass = {
  UNSET: 0,
  LOSS: 1,
  ORDINARY: 2,
  BY_PLACE: 3,
} as const;
export type DropClass = (typeof DropClass)[keyof typeof DropClass];

export const DropPlaceLimit = {
  PLACES: 16,
} as const;
export type DropPlaceLimit = (typeof DropPlaceLimit)[keyof typeof DropPlaceLimit];

export const EventKind = {
  FLOW_OPENED: 1,
  FLOW_CLOSED: 2,
  DROP: 3,
  FLOW_MOVED: 4,
  SERVICE_ASKED: 5,
} as const;
export type EventKind = (typeof EventKind)[keyof typeof EventKind];

export const EventLimit = {
  KINDS: 8,
  DROP_HEADERS: 96,
} as const;
export type EventLimit = (typeof EventLimit)[keyof typeof EventLimit];

export interface DropKey {
  flow: FlowKey;
  reason: number;
  location: bigint;
  netnsCookie: bigint;
  ifindex: number;
  direction: number;
}

export const DROP_KEY_SIZE = 72;
export const DROP_KEY_OFFSETS = {
  flow: 0,
  reason: 44,
  location: 48,
  netnsCookie: 56,
  ifindex: 64,
  direction: 68,
} as const;

/** Undefined when fewer than 72 bytes are there. */
export function decodeDropKey(view: DataView, at = 0): DropKey | undefined {
  if (at < 0 || at + DROP_KEY_SIZE > view.byteLength) return undefined;
  return readDropKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readDropKey(view: DataView, at: number): DropKey {
  return {
    flow: readFlowKey(view, at),
    reason: view.getUint32(at + 44, true),
    location: view.getBigUint64(at + 48, true),
    netnsCookie: view.getBigUint64(at + 56, true),
    ifindex: view.getUint32(at + 64, true),
    direction: view.getUint32(at + 68, true),
  };
}

/** Writes all 72 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeDropKey(value: DropKey, view: DataView, at = 0): void {
  encodeFlowKey(value.flow, view, at);
  view.setUint32(at + 44, value.reason, true);
  view.setBigUint64(at + 48, value.location, true);
  view.setBigUint64(at + 56, value.netnsCookie, true);
  view.setUint32(at + 64, value.ifindex, true);
  view.setUint32(at + 68, value.direction, true);
}

export interface DropPlace {
  start: bigint;
  end: bigint;
  reason: number;
  dropClass: number;
}

export const DROP_PLACE_SIZE = 24;
export const DROP_PLACE_OFFSETS = {
  start: 0,
  end: 8,
  reason: 16,
  dropClass: 20,
} as const;

/** Undefined when fewer than 24 bytes are there. */
export function decodeDropPlace(view: DataView, at = 0): DropPlace | undefined {
  if (at < 0 || at + DROP_PLACE_SIZE > view.byteLength) return undefined;
  return readDropPlace(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readDropPlace(view: DataView, at: number): DropPlace {
  return {
    start: view.getBigUint64(at, true),
    end: view.getBigUint64(at + 8, true),
    reason: view.getUint32(at + 16, true),
    dropClass: view.getUint32(at + 20, true),
  };
}

/** Writes all 24 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeDropPlace(value: DropPlace, view: DataView, at = 0): void {
  view.setBigUint64(at, value.start, true);
  view.setBigUint64(at + 8, value.end, true);
  view.setUint32(at + 16, value.reason, true);
  view.setUint32(at + 20, value.dropClass, true);
}

export interface DropRecord {
  packets: bigint;
  bytes: bigint;
  firstSeenNs: bigint;
  lastSeenNs: bigint;
}

export const DROP_RECORD_SIZE = 32;
export const DROP_RECORD_OFFSETS = {
  packets: 0,
  bytes: 8,
  firstSeenNs: 16,
  lastSeenNs: 24,
} as const;

/** Undefined when fewer than 32 bytes are there. */
export function decodeDropRecord(view: DataView, at = 0): DropRecord | undefined {
  if (at < 0 || at + DROP_RECORD_SIZE > view.byteLength) return undefined;
  return readDropRecord(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readDropRecord(view: DataView, at: number): DropRecord {
  return {
    packets: view.getBigUint64(at, true),
    bytes: view.getBigUint64(at + 8, true),
    firstSeenNs: view.getBigUint64(at + 16, true),
    lastSeenNs: view.getBigUint64(at + 24, true),
  };
}

/** Writes all 32 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeDropRecord(value: DropRecord, view: DataView, at = 0): void {
  view.setBigUint64(at, value.packets, true);
  view.setBigUint64(at + 8, value.bytes, true);
  view.setBigUint64(at + 16, value.firstSeenNs, true);
  view.setBigUint64(at + 24, value.lastSeenNs, true);
}

export interface EventDrop {
  header: EventHeader;
  key: DropKey;
  packetBytes: number;
  headerBytes: number;
  headers: Uint8Array;
}

export const EVENT_DROP_SIZE = 192;
export const EVENT_DROP_OFFSETS = {
  header: 0,
  key: 16,
  packetBytes: 88,
  headerBytes: 92,
  headers: 96,
} as const;

/** Undefined when fewer than 192 bytes are there. */
export function decodeEventDrop(view: DataView, at = 0): EventDrop | undefined {
  if (at < 0 || at + EVENT_DROP_SIZE > view.byteLength) return undefined;
  return readEventDrop(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEventDrop(view: DataView, at: number): EventDrop {
  return {
    header: readEventHeader(view, at),
    key: readDropKey(view, at + 16),
    packetBytes: view.getUint32(at + 88, true),
    headerBytes: view.getUint32(at + 92, true),
    headers: bytesAt(view, at + 96, 96),
  };
}

/** Writes all 192 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEventDrop(value: EventDrop, view: DataView, at = 0): void {
  encodeEventHeader(value.header, view, at);
  encodeDropKey(value.key, view, at + 16);
  view.setUint32(at + 88, value.packetBytes, true);
  view.setUint32(at + 92, value.headerBytes, true);
  putBytes(value.headers, view, at + 96, 96);
}

export interface EventFlowClosed {
  header: EventHeader;
  key: FlowKey;
  tcpState: number;
}

export const EVENT_FLOW_CLOSED_SIZE = 64;
export const EVENT_FLOW_CLOSED_OFFSETS = {
  header: 0,
  key: 16,
  tcpState: 60,
} as const;

/** Undefined when fewer than 64 bytes are there. */
export function decodeEventFlowClosed(view: DataView, at = 0): EventFlowClosed | undefined {
  if (at < 0 || at + EVENT_FLOW_CLOSED_SIZE > view.byteLength) return undefined;
  return readEventFlowClosed(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEventFlowClosed(view: DataView, at: number): EventFlowClosed {
  return {
    header: readEventHeader(view, at),
    key: readFlowKey(view, at + 16),
    tcpState: view.getUint32(at + 60, true),
  };
}

/** Writes all 64 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEventFlowClosed(value: EventFlowClosed, view: DataView, at = 0): void {
  encodeEventHeader(value.header, view, at);
  encodeFlowKey(value.key, view, at + 16);
  view.setUint32(at + 60, value.tcpState, true);
}

export interface EventFlowMoved {
  header: EventHeader;
  key: FlowKey;
}

export const EVENT_FLOW_MOVED_SIZE = 64;
export const EVENT_FLOW_MOVED_OFFSETS = {
  header: 0,
  key: 16,
} as const;

/** Undefined when fewer than 64 bytes are there. */
export function decodeEventFlowMoved(view: DataView, at = 0): EventFlowMoved | undefined {
  if (at < 0 || at + EVENT_FLOW_MOVED_SIZE > view.byteLength) return undefined;
  return readEventFlowMoved(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEventFlowMoved(view: DataView, at: number): EventFlowMoved {
  return {
    header: readEventHeader(view, at),
    key: readFlowKey(view, at + 16),
  };
}

/** Writes all 64 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEventFlowMoved(value: EventFlowMoved, view: DataView, at = 0): void {
  encodeEventHeader(value.header, view, at);
  encodeFlowKey(value.key, view, at + 16);
  view.setUint8(at + 60, 0);
  view.setUint8(at + 61, 0);
  view.setUint8(at + 62, 0);
  view.setUint8(at + 63, 0);
}

export interface EventFlowOpened {
  header: EventHeader;
  key: FlowKey;
  cgroupId: bigint;
}

export const EVENT_FLOW_OPENED_SIZE = 72;
export const EVENT_FLOW_OPENED_OFFSETS = {
  header: 0,
  key: 16,
  cgroupId: 64,
} as const;

/** Undefined when fewer than 72 bytes are there. */
export function decodeEventFlowOpened(view: DataView, at = 0): EventFlowOpened | undefined {
  if (at < 0 || at + EVENT_FLOW_OPENED_SIZE > view.byteLength) return undefined;
  return readEventFlowOpened(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEventFlowOpened(view: DataView, at: number): EventFlowOpened {
  return {
    header: readEventHeader(view, at),
    key: readFlowKey(view, at + 16),
    cgroupId: view.getBigUint64(at + 64, true),
  };
}

/** Writes all 72 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEventFlowOpened(value: EventFlowOpened, view: DataView, at = 0): void {
  encodeEventHeader(value.header, view, at);
  encodeFlowKey(value.key, view, at + 16);
  view.setUint8(at + 60, 0);
  view.setUint8(at + 61, 0);
  view.setUint8(at + 62, 0);
  view.setUint8(at + 63, 0);
  view.setBigUint64(at + 64, value.cgroupId, true);
}

export interface EventHeader {
  kind: number;
  cpu: number;
  atNs: bigint;
}

export const EVENT_HEADER_SIZE = 16;
export const EVENT_HEADER_OFFSETS = {
  kind: 0,
  cpu: 4,
  atNs: 8,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeEventHeader(view: DataView, at = 0): EventHeader | undefined {
  if (at < 0 || at + EVENT_HEADER_SIZE > view.byteLength) return undefined;
  return readEventHeader(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEventHeader(view: DataView, at: number): EventHeader {
  return {
    kind: view.getUint32(at, true),
    cpu: view.getUint32(at + 4, true),
    atNs: view.getBigUint64(at + 8, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEventHeader(value: EventHeader, view: DataView, at = 0): void {
  view.setUint32(at, value.kind, true);
  view.setUint32(at + 4, value.cpu, true);
  view.setBigUint64(at + 8, value.atNs, true);
}
