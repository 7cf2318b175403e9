/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { encodeFlowCounters, readFlowCounters, type FlowCounters } from "./flow.ts";

export const EndpointClass = {
  TOTAL: 0,
  NOT_IP: 1,
  TRUNCATED: 2,
  TABLE_FULL: 3,
  FLOW_RETIRED: 4,
  OTHER_HOST: 5,
  SPOOFED: 6,
  OVER_BUDGET: 7,
} as const;
export type EndpointClass = (typeof EndpointClass)[keyof typeof EndpointClass];

export const EndpointLimit = {
  EP_CLASSES: 8,
  EP_NOTES: 8,
  NETNS_ENDPOINTS: 8,
  EP_SLOTS: 1025,
} as const;
export type EndpointLimit = (typeof EndpointLimit)[keyof typeof EndpointLimit];

export const EndpointLink = {
  VETH: 0,
  NETKIT: 1,
} as const;
export type EndpointLink = (typeof EndpointLink)[keyof typeof EndpointLink];

export const EndpointNote = {
  FRAGMENT: 0,
  FRAGMENT_UNMATCHED: 1,
  VLAN: 2,
  EXTENSION_HEADER: 3,
  EXTENSION_LIMIT: 4,
  L4_TRUNCATED: 5,
  NO_PORT: 6,
} as const;
export type EndpointNote = (typeof EndpointNote)[keyof typeof EndpointNote];

export const NetnsKind = {
  POD: 0,
  HOST: 1,
} as const;
export type NetnsKind = (typeof NetnsKind)[keyof typeof NetnsKind];

export interface Endpoint {
  endpointId: number;
  link: number;
  at: EndpointKey;
  counters: FlowCounters[][];
  notes: bigint[];
}

export const ENDPOINT_SIZE = 472;
export const ENDPOINT_OFFSETS = {
  endpointId: 0,
  link: 4,
  at: 8,
  counters: 24,
  notes: 408,
} as const;

/** Undefined when fewer than 472 bytes are there. */
export function decodeEndpoint(view: DataView, at = 0): Endpoint | undefined {
  if (at < 0 || at + ENDPOINT_SIZE > view.byteLength) return undefined;
  return readEndpoint(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEndpoint(view: DataView, at: number): Endpoint {
  return {
    endpointId: view.getUint32(at, true),
    link: view.getUint32(at + 4, true),
    at: readEndpointKey(view, at + 8),
    counters: Array.from({ length: 2 }, (_, i) => Array.from({ length: 8 }, (_, j) => readFlowCounters(view, at + 24 + i * 192 + j * 24))),
    notes: Array.from({ length: 8 }, (_, i) => view.getBigUint64(at + 408 + i * 8, true)),
  };
}

/** Writes all 472 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEndpoint(value: Endpoint, view: DataView, at = 0): void {
  view.setUint32(at, value.endpointId, true);
  view.setUint32(at + 4, value.link, true);
  encodeEndpointKey(value.at, view, at + 8);
  for (let i = 0; i < 2; i++) {
    for (let j = 0; j < 8; j++) {
      encodeFlowCounters(((value.counters[i] as FlowCounters[])[j] as FlowCounters), view, at + 24 + i * 192 + j * 24);
    }
  }
  for (let i = 0; i < 8; i++) {
    view.setBigUint64(at + 408 + i * 8, value.notes[i] as bigint, true);
  }
}

export interface EndpointCarryRequest {
  slot: number;
  counted: Endpoint;
}

export const ENDPOINT_CARRY_REQUEST_SIZE = 480;
export const ENDPOINT_CARRY_REQUEST_OFFSETS = {
  slot: 0,
  counted: 8,
} as const;

/** Undefined when fewer than 480 bytes are there. */
export function decodeEndpointCarryRequest(view: DataView, at = 0): EndpointCarryRequest | undefined {
  if (at < 0 || at + ENDPOINT_CARRY_REQUEST_SIZE > view.byteLength) return undefined;
  return readEndpointCarryRequest(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEndpointCarryRequest(view: DataView, at: number): EndpointCarryRequest {
  return {
    slot: view.getUint32(at, true),
    counted: readEndpoint(view, at + 8),
  };
}

/** Writes all 480 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEndpointCarryRequest(value: EndpointCarryRequest, view: DataView, at = 0): void {
  view.setUint32(at, value.slot, true);
  view.setUint8(at + 4, 0);
  view.setUint8(at + 5, 0);
  view.setUint8(at + 6, 0);
  view.setUint8(at + 7, 0);
  encodeEndpoint(value.counted, view, at + 8);
}

export interface EndpointKey {
  netnsCookie: bigint;
  ifindex: number;
}

export const ENDPOINT_KEY_SIZE = 16;
export const ENDPOINT_KEY_OFFSETS = {
  netnsCookie: 0,
  ifindex: 8,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeEndpointKey(view: DataView, at = 0): EndpointKey | undefined {
  if (at < 0 || at + ENDPOINT_KEY_SIZE > view.byteLength) return undefined;
  return readEndpointKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readEndpointKey(view: DataView, at: number): EndpointKey {
  return {
    netnsCookie: view.getBigUint64(at, true),
    ifindex: view.getUint32(at + 8, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeEndpointKey(value: EndpointKey, view: DataView, at = 0): void {
  view.setBigUint64(at, value.netnsCookie, true);
  view.setUint32(at + 8, value.ifindex, true);
  view.setUint8(at + 12, 0);
  view.setUint8(at + 13, 0);
  view.setUint8(at + 14, 0);
  view.setUint8(at + 15, 0);
}

export interface FlowHolder {
  flows: number;
}

export const FLOW_HOLDER_SIZE = 4;
export const FLOW_HOLDER_OFFSETS = {
  flows: 0,
} as const;

/** Undefined when fewer than 4 bytes are there. */
export function decodeFlowHolder(view: DataView, at = 0): FlowHolder | undefined {
  if (at < 0 || at + FLOW_HOLDER_SIZE > view.byteLength) return undefined;
  return readFlowHolder(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readFlowHolder(view: DataView, at: number): FlowHolder {
  return {
    flows: view.getUint32(at, true),
  };
}

/** Writes all 4 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeFlowHolder(value: FlowHolder, view: DataView, at = 0): void {
  view.setUint32(at, value.flows, true);
}

export interface NetnsInfo {
  kind: number;
  endpointCount: number;
  endpointIds: number[];
}

export const NETNS_INFO_SIZE = 40;
export const NETNS_INFO_OFFSETS = {
  kind: 0,
  endpointCount: 4,
  endpointIds: 8,
} as const;

/** Undefined when fewer than 40 bytes are there. */
export function decodeNetnsInfo(view: DataView, at = 0): NetnsInfo | undefined {
  if (at < 0 || at + NETNS_INFO_SIZE > view.byteLength) return undefined;
  return readNetnsInfo(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readNetnsInfo(view: DataView, at: number): NetnsInfo {
  return {
    kind: view.getUint32(at, true),
    endpointCount: view.getUint32(at + 4, true),
    endpointIds: Array.from({ length: 8 }, (_, i) => view.getUint32(at + 8 + i * 4, true)),
  };
}

/** Writes all 40 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeNetnsInfo(value: NetnsInfo, view: DataView, at = 0): void {
  view.setUint32(at, value.kind, true);
  view.setUint32(at + 4, value.endpointCount, true);
  for (let i = 0; i < 8; i++) {
    view.setUint32(at + 8 + i * 4, value.endpointIds[i] as number, true);
  }
}
