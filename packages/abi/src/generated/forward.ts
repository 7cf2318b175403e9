/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { bytesAt, putBytes } from "../bytes.ts";

export const ForwardLimit = {
  TUNNEL_BYTES: 50,
  FIRST_GENERATION: 2,
} as const;
export type ForwardLimit = (typeof ForwardLimit)[keyof typeof ForwardLimit];

export const ForwardPort = {
  HOST_PORTS: 1,
  NODE_PORTS: 2,
} as const;
export type ForwardPort = (typeof ForwardPort)[keyof typeof ForwardPort];

export const RouteFlag = {
  OUTSIDE: 1,
  MASQUERADED: 2,
} as const;
export type RouteFlag = (typeof RouteFlag)[keyof typeof RouteFlag];

export interface Forwarding {
  generation: number;
  uplink: number;
  punt: number;
  tunnelPort: number;
  natFirst: number;
  tunnelAddress: number;
  policySet: number;
  natAddress4: number;
  natAddress6: Uint8Array;
  natLast: number;
  hostPorts: number;
}

export const FORWARDING_SIZE = 48;
export const FORWARDING_OFFSETS = {
  generation: 0,
  uplink: 4,
  punt: 8,
  tunnelPort: 12,
  natFirst: 14,
  tunnelAddress: 16,
  policySet: 20,
  natAddress4: 24,
  natAddress6: 28,
  natLast: 44,
  hostPorts: 46,
} as const;

/** Undefined when fewer than 48 bytes are there. */
export function decodeForwarding(view: DataView, at = 0): Forwarding | undefined {
  if (at < 0 || at + FORWARDING_SIZE > view.byteLength) return undefined;
  return readForwarding(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readForwarding(view: DataView, at: number): Forwarding {
  return {
    generation: view.getUint32(at, true),
    uplink: view.getUint32(at + 4, true),
    punt: view.getUint32(at + 8, true),
    tunnelPort: view.getUint16(at + 12, false),
    natFirst: view.getUint16(at + 14, true),
    tunnelAddress: view.getUint32(at + 16, false),
    policySet: view.getUint32(at + 20, true),
    natAddress4: view.getUint32(at + 24, false),
    natAddress6: bytesAt(view, at + 28, 16),
    natLast: view.getUint16(at + 44, true),
    hostPorts: view.getUint16(at + 46, true),
  };
}

/** Writes all 48 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeForwarding(value: Forwarding, view: DataView, at = 0): void {
  view.setUint32(at, value.generation, true);
  view.setUint32(at + 4, value.uplink, true);
  view.setUint32(at + 8, value.punt, true);
  view.setUint16(at + 12, value.tunnelPort, false);
  view.setUint16(at + 14, value.natFirst, true);
  view.setUint32(at + 16, value.tunnelAddress, false);
  view.setUint32(at + 20, value.policySet, true);
  view.setUint32(at + 24, value.natAddress4, false);
  putBytes(value.natAddress6, view, at + 28, 16);
  view.setUint16(at + 44, value.natLast, true);
  view.setUint16(at + 46, value.hostPorts, true);
}

export interface Local {
  endpointId: number;
  ifindex: number;
  identity: number;
}

export const LOCAL_SIZE = 16;
export const LOCAL_OFFSETS = {
  endpointId: 0,
  ifindex: 4,
  identity: 8,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeLocal(view: DataView, at = 0): Local | undefined {
  if (at < 0 || at + LOCAL_SIZE > view.byteLength) return undefined;
  return readLocal(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readLocal(view: DataView, at: number): Local {
  return {
    endpointId: view.getUint32(at, true),
    ifindex: view.getUint32(at + 4, true),
    identity: view.getUint32(at + 8, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeLocal(value: Local, view: DataView, at = 0): void {
  view.setUint32(at, value.endpointId, true);
  view.setUint32(at + 4, value.ifindex, true);
  view.setUint32(at + 8, value.identity, true);
  view.setUint8(at + 12, 0);
  view.setUint8(at + 13, 0);
  view.setUint8(at + 14, 0);
  view.setUint8(at + 15, 0);
}

export interface Remote {
  address6: Uint8Array;
  address4: number;
}

export const REMOTE_SIZE = 24;
export const REMOTE_OFFSETS = {
  address6: 0,
  address4: 16,
} as const;

/** Undefined when fewer than 24 bytes are there. */
export function decodeRemote(view: DataView, at = 0): Remote | undefined {
  if (at < 0 || at + REMOTE_SIZE > view.byteLength) return undefined;
  return readRemote(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readRemote(view: DataView, at: number): Remote {
  return {
    address6: bytesAt(view, at, 16),
    address4: view.getUint32(at + 16, false),
  };
}

/** Writes all 24 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeRemote(value: Remote, view: DataView, at = 0): void {
  putBytes(value.address6, view, at, 16);
  view.setUint32(at + 16, value.address4, false);
  view.setUint8(at + 20, 0);
  view.setUint8(at + 21, 0);
  view.setUint8(at + 22, 0);
  view.setUint8(at + 23, 0);
}

export interface Route {
  kind: number;
  remote: number;
  identity: number;
  flags: number;
}

export const ROUTE_SIZE = 16;
export const ROUTE_OFFSETS = {
  kind: 0,
  remote: 4,
  identity: 8,
  flags: 12,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeRoute(view: DataView, at = 0): Route | undefined {
  if (at < 0 || at + ROUTE_SIZE > view.byteLength) return undefined;
  return readRoute(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readRoute(view: DataView, at: number): Route {
  return {
    kind: view.getUint32(at, true),
    remote: view.getUint32(at + 4, true),
    identity: view.getUint32(at + 8, true),
    flags: view.getUint32(at + 12, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeRoute(value: Route, view: DataView, at = 0): void {
  view.setUint32(at, value.kind, true);
  view.setUint32(at + 4, value.remote, true);
  view.setUint32(at + 8, value.identity, true);
  view.setUint32(at + 12, value.flags, true);
}

export interface RouteKey {
  prefixBits: number;
  address: Uint8Array;
}

export const ROUTE_KEY_SIZE = 20;
export const ROUTE_KEY_OFFSETS = {
  prefixBits: 0,
  address: 4,
} as const;

/** Undefined when fewer than 20 bytes are there. */
export function decodeRouteKey(view: DataView, at = 0): RouteKey | undefined {
  if (at < 0 || at + ROUTE_KEY_SIZE > view.byteLength) return undefined;
  return readRouteKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readRouteKey(view: DataView, at: number): RouteKey {
  return {
    prefixBits: view.getUint32(at, true),
    address: bytesAt(view, at + 4, 16),
  };
}

/** Writes all 20 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeRouteKey(value: RouteKey, view: DataView, at = 0): void {
  view.setUint32(at, value.prefixBits, true);
  putBytes(value.address, view, at + 4, 16);
}
