/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { bytesAt, putBytes } from "../bytes.ts";
import { encodeEventHeader, readEventHeader, type EventHeader } from "./event.ts";

export const ServiceCount = {
  TRANSLATED: 0,
  EMPTY: 1,
  UNKNOWN: 2,
  ABSENT: 3,
  RACED: 4,
  FORGOTTEN: 5,
} as const;
export type ServiceCount = (typeof ServiceCount)[keyof typeof ServiceCount];

export const ServiceLimit = {
  COUNTS: 16,
  TRIES: 3,
  HOST_PORT_LIMIT: 4096,
  NODE_PORT_FIRST: 30000,
  NODE_PORT_LAST: 32767,
} as const;
export type ServiceLimit = (typeof ServiceLimit)[keyof typeof ServiceLimit];

export interface EventServiceAsked {
  header: EventHeader;
  key: ServiceKey;
  netnsCookie: bigint;
}

export const EVENT_SERVICE_ASKED_SIZE = 48;
export const EVENT_SERVICE_ASKED_OFFSETS = {
  header: 0,
  key: 16,
  netnsCookie: 40,
} as const;

/** Undefined when fewer than 48 bytes are there. */
export function decodeEventServiceAsked(view: DataView, at = 0): EventServiceAsked | undefined {
  if (at < 0 || at + EVENT_SERVICE_ASKED_SIZE > view.byteLength) return undefined;
  return readEventServiceAsked(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEventServiceAsked(view: DataView, at: number): EventServiceAsked {
  return {
    header: readEventHeader(view, at),
    key: readServiceKey(view, at + 16),
    netnsCookie: view.getBigUint64(at + 40, true),
  };
}

/** Writes all 48 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEventServiceAsked(value: EventServiceAsked, view: DataView, at = 0): void {
  encodeEventHeader(value.header, view, at);
  encodeServiceKey(value.key, view, at + 16);
  view.setUint8(at + 36, 0);
  view.setUint8(at + 37, 0);
  view.setUint8(at + 38, 0);
  view.setUint8(at + 39, 0);
  view.setBigUint64(at + 40, value.netnsCookie, true);
}

export interface Relay {
  address: Uint8Array;
  port: number;
  backend: number;
  usedS: number;
}

export const RELAY_SIZE = 28;
export const RELAY_OFFSETS = {
  address: 0,
  port: 16,
  backend: 20,
  usedS: 24,
} as const;

/** Undefined when fewer than 28 bytes are there. */
export function decodeRelay(view: DataView, at = 0): Relay | undefined {
  if (at < 0 || at + RELAY_SIZE > view.byteLength) return undefined;
  return readRelay(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readRelay(view: DataView, at: number): Relay {
  return {
    address: bytesAt(view, at, 16),
    port: view.getUint16(at + 16, false),
    backend: view.getUint32(at + 20, true),
    usedS: view.getUint32(at + 24, true),
  };
}

/** Writes all 28 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeRelay(value: Relay, view: DataView, at = 0): void {
  putBytes(value.address, view, at, 16);
  view.setUint16(at + 16, value.port, false);
  view.setUint8(at + 18, 0);
  view.setUint8(at + 19, 0);
  view.setUint32(at + 20, value.backend, true);
  view.setUint32(at + 24, value.usedS, true);
}

export interface Service {
  number: number;
  slotBase: number;
  slotCount: number;
  affinitySeconds: number;
}

export const SERVICE_SIZE = 16;
export const SERVICE_OFFSETS = {
  number: 0,
  slotBase: 4,
  slotCount: 8,
  affinitySeconds: 12,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeService(view: DataView, at = 0): Service | undefined {
  if (at < 0 || at + SERVICE_SIZE > view.byteLength) return undefined;
  return readService(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readService(view: DataView, at: number): Service {
  return {
    number: view.getUint32(at, true),
    slotBase: view.getUint32(at + 4, true),
    slotCount: view.getUint32(at + 8, true),
    affinitySeconds: view.getUint32(at + 12, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeService(value: Service, view: DataView, at = 0): void {
  view.setUint32(at, value.number, true);
  view.setUint32(at + 4, value.slotBase, true);
  view.setUint32(at + 8, value.slotCount, true);
  view.setUint32(at + 12, value.affinitySeconds, true);
}

export interface ServiceBackend {
  address: Uint8Array;
  port: number;
  service: number;
}

export const SERVICE_BACKEND_SIZE = 24;
export const SERVICE_BACKEND_OFFSETS = {
  address: 0,
  port: 16,
  service: 20,
} as const;

/** Undefined when fewer than 24 bytes are there. */
export function decodeServiceBackend(view: DataView, at = 0): ServiceBackend | undefined {
  if (at < 0 || at + SERVICE_BACKEND_SIZE > view.byteLength) return undefined;
  return readServiceBackend(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readServiceBackend(view: DataView, at: number): ServiceBackend {
  return {
    address: bytesAt(view, at, 16),
    port: view.getUint16(at + 16, false),
    service: view.getUint32(at + 20, true),
  };
}

/** Writes all 24 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeServiceBackend(value: ServiceBackend, view: DataView, at = 0): void {
  putBytes(value.address, view, at, 16);
  view.setUint16(at + 16, value.port, false);
  view.setUint8(at + 18, 0);
  view.setUint8(at + 19, 0);
  view.setUint32(at + 20, value.service, true);
}

export interface ServiceBackendCounts {
  opened: bigint;
  answered: bigint;
  failures: bigint;
  resets: bigint;
}

export const SERVICE_BACKEND_COUNTS_SIZE = 32;
export const SERVICE_BACKEND_COUNTS_OFFSETS = {
  opened: 0,
  answered: 8,
  failures: 16,
  resets: 24,
} as const;

/** Undefined when fewer than 32 bytes are there. */
export function decodeServiceBackendCounts(view: DataView, at = 0): ServiceBackendCounts | undefined {
  if (at < 0 || at + SERVICE_BACKEND_COUNTS_SIZE > view.byteLength) return undefined;
  return readServiceBackendCounts(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readServiceBackendCounts(view: DataView, at: number): ServiceBackendCounts {
  return {
    opened: view.getBigUint64(at, true),
    answered: view.getBigUint64(at + 8, true),
    failures: view.getBigUint64(at + 16, true),
    resets: view.getBigUint64(at + 24, true),
  };
}

/** Writes all 32 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeServiceBackendCounts(value: ServiceBackendCounts, view: DataView, at = 0): void {
  view.setBigUint64(at, value.opened, true);
  view.setBigUint64(at + 8, value.answered, true);
  view.setBigUint64(at + 16, value.failures, true);
  view.setBigUint64(at + 24, value.resets, true);
}

export interface ServiceCounts {
  opened: bigint;
  refused: bigint;
}

export const SERVICE_COUNTS_SIZE = 16;
export const SERVICE_COUNTS_OFFSETS = {
  opened: 0,
  refused: 8,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeServiceCounts(view: DataView, at = 0): ServiceCounts | undefined {
  if (at < 0 || at + SERVICE_COUNTS_SIZE > view.byteLength) return undefined;
  return readServiceCounts(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readServiceCounts(view: DataView, at: number): ServiceCounts {
  return {
    opened: view.getBigUint64(at, true),
    refused: view.getBigUint64(at + 8, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeServiceCounts(value: ServiceCounts, view: DataView, at = 0): void {
  view.setBigUint64(at, value.opened, true);
  view.setBigUint64(at + 8, value.refused, true);
}

export interface ServiceFlow {
  virtual: ServiceKey;
  service: number;
  backend: number;
}

export const SERVICE_FLOW_SIZE = 28;
export const SERVICE_FLOW_OFFSETS = {
  virtual: 0,
  service: 20,
  backend: 24,
} as const;

/** Undefined when fewer than 28 bytes are there. */
export function decodeServiceFlow(view: DataView, at = 0): ServiceFlow | undefined {
  if (at < 0 || at + SERVICE_FLOW_SIZE > view.byteLength) return undefined;
  return readServiceFlow(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readServiceFlow(view: DataView, at: number): ServiceFlow {
  return {
    virtual: readServiceKey(view, at),
    service: view.getUint32(at + 20, true),
    backend: view.getUint32(at + 24, true),
  };
}

/** Writes all 28 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeServiceFlow(value: ServiceFlow, view: DataView, at = 0): void {
  encodeServiceKey(value.virtual, view, at);
  view.setUint32(at + 20, value.service, true);
  view.setUint32(at + 24, value.backend, true);
}

export interface ServiceFlowBatch {
  virtual: ServiceKey[];
}

export const SERVICE_FLOW_BATCH_SIZE = 20480;
export const SERVICE_FLOW_BATCH_OFFSETS = {
  virtual: 0,
} as const;

/** Undefined when fewer than 20480 bytes are there. */
export function decodeServiceFlowBatch(view: DataView, at = 0): ServiceFlowBatch | undefined {
  if (at < 0 || at + SERVICE_FLOW_BATCH_SIZE > view.byteLength) return undefined;
  return readServiceFlowBatch(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readServiceFlowBatch(view: DataView, at: number): ServiceFlowBatch {
  return {
    virtual: Array.from({ length: 1024 }, (_, i) => readServiceKey(view, at + i * 20)),
  };
}

/** Writes all 20480 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeServiceFlowBatch(value: ServiceFlowBatch, view: DataView, at = 0): void {
  for (let i = 0; i < 1024; i++) {
    encodeServiceKey((value.virtual[i] as ServiceKey), view, at + i * 20);
  }
}

export interface ServiceFlowRequest {
  count: number;
}

export const SERVICE_FLOW_REQUEST_SIZE = 8;
export const SERVICE_FLOW_REQUEST_OFFSETS = {
  count: 0,
} as const;

/** Undefined when fewer than 8 bytes are there. */
export function decodeServiceFlowRequest(view: DataView, at = 0): ServiceFlowRequest | undefined {
  if (at < 0 || at + SERVICE_FLOW_REQUEST_SIZE > view.byteLength) return undefined;
  return readServiceFlowRequest(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readServiceFlowRequest(view: DataView, at: number): ServiceFlowRequest {
  return {
    count: view.getUint32(at, true),
  };
}

/** Writes all 8 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeServiceFlowRequest(value: ServiceFlowRequest, view: DataView, at = 0): void {
  view.setUint32(at, value.count, true);
  view.setUint8(at + 4, 0);
  view.setUint8(at + 5, 0);
  view.setUint8(at + 6, 0);
  view.setUint8(at + 7, 0);
}

export interface ServiceKey {
  address: Uint8Array;
  port: number;
  proto: number;
}

export const SERVICE_KEY_SIZE = 20;
export const SERVICE_KEY_OFFSETS = {
  address: 0,
  port: 16,
  proto: 18,
} as const;

/** Undefined when fewer than 20 bytes are there. */
export function decodeServiceKey(view: DataView, at = 0): ServiceKey | undefined {
  if (at < 0 || at + SERVICE_KEY_SIZE > view.byteLength) return undefined;
  return readServiceKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readServiceKey(view: DataView, at: number): ServiceKey {
  return {
    address: bytesAt(view, at, 16),
    port: view.getUint16(at + 16, false),
    proto: view.getUint8(at + 18),
  };
}

/** Writes all 20 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeServiceKey(value: ServiceKey, view: DataView, at = 0): void {
  putBytes(value.address, view, at, 16);
  view.setUint16(at + 16, value.port, false);
  view.setUint8(at + 18, value.proto);
  view.setUint8(at + 19, 0);
}
