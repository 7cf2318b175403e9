/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { bytesAt, putBytes } from "../bytes.ts";
import { encodeFlowKey, readFlowKey, type FlowKey } from "./flow.ts";

export const TranslationLimit = {
  DEAD: 0,
} as const;
export type TranslationLimit = (typeof TranslationLimit)[keyof typeof TranslationLimit];

export interface Translation {
  flow: FlowKey;
  check: number;
  claimedS: number;
  wirePort: number;
}

export const TRANSLATION_SIZE = 56;
export const TRANSLATION_OFFSETS = {
  flow: 0,
  check: 44,
  claimedS: 48,
  wirePort: 52,
} as const;

/** Undefined when fewer than 56 bytes are there. */
export function decodeTranslation(view: DataView, at = 0): Translation | undefined {
  if (at < 0 || at + TRANSLATION_SIZE > view.byteLength) return undefined;
  return readTranslation(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTranslation(view: DataView, at: number): Translation {
  return {
    flow: readFlowKey(view, at),
    check: view.getUint32(at + 44, true),
    claimedS: view.getUint32(at + 48, true),
    wirePort: view.getUint16(at + 52, false),
  };
}

/** Writes all 56 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTranslation(value: Translation, view: DataView, at = 0): void {
  encodeFlowKey(value.flow, view, at);
  view.setUint32(at + 44, value.check, true);
  view.setUint32(at + 48, value.claimedS, true);
  view.setUint16(at + 52, value.wirePort, false);
  view.setUint8(at + 54, 0);
  view.setUint8(at + 55, 0);
}

export interface TranslationKey {
  remote: Uint8Array;
  address: Uint8Array;
  remotePort: number;
  port: number;
  proto: number;
}

export const TRANSLATION_KEY_SIZE = 40;
export const TRANSLATION_KEY_OFFSETS = {
  remote: 0,
  address: 16,
  remotePort: 32,
  port: 34,
  proto: 36,
} as const;

/** Undefined when fewer than 40 bytes are there. */
export function decodeTranslationKey(view: DataView, at = 0): TranslationKey | undefined {
  if (at < 0 || at + TRANSLATION_KEY_SIZE > view.byteLength) return undefined;
  return readTranslationKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTranslationKey(view: DataView, at: number): TranslationKey {
  return {
    remote: bytesAt(view, at, 16),
    address: bytesAt(view, at + 16, 16),
    remotePort: view.getUint16(at + 32, false),
    port: view.getUint16(at + 34, false),
    proto: view.getUint8(at + 36),
  };
}

/** Writes all 40 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTranslationKey(value: TranslationKey, view: DataView, at = 0): void {
  putBytes(value.remote, view, at, 16);
  putBytes(value.address, view, at + 16, 16);
  view.setUint16(at + 32, value.remotePort, false);
  view.setUint16(at + 34, value.port, false);
  view.setUint8(at + 36, value.proto);
  view.setUint8(at + 37, 0);
  view.setUint8(at + 38, 0);
  view.setUint8(at + 39, 0);
}

export interface TranslationSweep {
  graceS: number;
  found: number;
  removed: number;
}

export const TRANSLATION_SWEEP_SIZE = 16;
export const TRANSLATION_SWEEP_OFFSETS = {
  graceS: 0,
  found: 4,
  removed: 8,
} as const;

/** Undefined when fewer than 16 bytes are there. */
export function decodeTranslationSweep(view: DataView, at = 0): TranslationSweep | undefined {
  if (at < 0 || at + TRANSLATION_SWEEP_SIZE > view.byteLength) return undefined;
  return readTranslationSweep(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readTranslationSweep(view: DataView, at: number): TranslationSweep {
  return {
    graceS: view.getUint32(at, true),
    found: view.getUint32(at + 4, true),
    removed: view.getUint32(at + 8, true),
  };
}

/** Writes all 16 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeTranslationSweep(value: TranslationSweep, view: DataView, at = 0): void {
  view.setUint32(at, value.graceS, true);
  view.setUint32(at + 4, value.found, true);
  view.setUint32(at + 8, value.removed, true);
  view.setUint8(at + 12, 0);
  view.setUint8(at + 13, 0);
  view.setUint8(at + 14, 0);
  view.setUint8(at + 15, 0);
}
