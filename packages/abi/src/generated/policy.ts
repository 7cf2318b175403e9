/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { bytesAt, putBytes } from "../bytes.ts";

export const PolicyLimit = {
  NO_SET: 0,
  FORWARDS_ALL: 0,
  SET_BITS: 32,
  ANY_BITS: 32,
  PROTOCOL_BITS: 40,
  PORT_BITS: 56,
  HOST_IDENTITY: 1,
  WORLD_IDENTITY: 2,
  FIRST_IDENTITY: 256,
} as const;
export type PolicyLimit = (typeof PolicyLimit)[keyof typeof PolicyLimit];

export const PolicySelection = {
  EGRESS: 1,
  INGRESS: 2,
} as const;
export type PolicySelection = (typeof PolicySelection)[keyof typeof PolicySelection];

export interface CidrClassKey {
  prefixBits: number;
  set: number;
  address: Uint8Array;
}

export const CIDR_CLASS_KEY_SIZE = 24;
export const CIDR_CLASS_KEY_OFFSETS = {
  prefixBits: 0,
  set: 4,
  address: 8,
} as const;

/** Undefined when fewer than 24 bytes are there. */
export function decodeCidrClassKey(view: DataView, at = 0): CidrClassKey | undefined {
  if (at < 0 || at + CIDR_CLASS_KEY_SIZE > view.byteLength) return undefined;
  return readCidrClassKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readCidrClassKey(view: DataView, at: number): CidrClassKey {
  return {
    prefixBits: view.getUint32(at, true),
    set: view.getUint32(at + 4, true),
    address: bytesAt(view, at + 8, 16),
  };
}

/** Writes all 24 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeCidrClassKey(value: CidrClassKey, view: DataView, at = 0): void {
  view.setUint32(at, value.prefixBits, true);
  view.setUint32(at + 4, value.set, true);
  putBytes(value.address, view, at + 8, 16);
}

export interface JudgementKey {
  set: number;
  endpointId: number;
  peerIdentity: number;
  cidrClass: number;
  direction: number;
}

export const JUDGEMENT_KEY_SIZE = 20;
export const JUDGEMENT_KEY_OFFSETS = {
  set: 0,
  endpointId: 4,
  peerIdentity: 8,
  cidrClass: 12,
  direction: 16,
} as const;

/** Undefined when fewer than 20 bytes are there. */
export function decodeJudgementKey(view: DataView, at = 0): JudgementKey | undefined {
  if (at < 0 || at + JUDGEMENT_KEY_SIZE > view.byteLength) return undefined;
  return readJudgementKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readJudgementKey(view: DataView, at: number): JudgementKey {
  return {
    set: view.getUint32(at, true),
    endpointId: view.getUint32(at + 4, true),
    peerIdentity: view.getUint32(at + 8, true),
    cidrClass: view.getUint32(at + 12, true),
    direction: view.getUint32(at + 16, true),
  };
}

/** Writes all 20 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeJudgementKey(value: JudgementKey, view: DataView, at = 0): void {
  view.setUint32(at, value.set, true);
  view.setUint32(at + 4, value.endpointId, true);
  view.setUint32(at + 8, value.peerIdentity, true);
  view.setUint32(at + 12, value.cidrClass, true);
  view.setUint32(at + 16, value.direction, true);
}

export interface RuleVerdict {
  verdict: number;
  rule: number;
  revision: number;
}

export const RULE_VERDICT_SIZE = 12;
export const RULE_VERDICT_OFFSETS = {
  verdict: 0,
  rule: 4,
  revision: 8,
} as const;

/** Undefined when fewer than 12 bytes are there. */
export function decodeRuleVerdict(view: DataView, at = 0): RuleVerdict | undefined {
  if (at < 0 || at + RULE_VERDICT_SIZE > view.byteLength) return undefined;
  return readRuleVerdict(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readRuleVerdict(view: DataView, at: number): RuleVerdict {
  return {
    verdict: view.getUint8(at),
    rule: view.getUint32(at + 4, true),
    revision: view.getUint32(at + 8, true),
  };
}

/** Writes all 12 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeRuleVerdict(value: RuleVerdict, view: DataView, at = 0): void {
  view.setUint8(at, value.verdict);
  view.setUint8(at + 1, 0);
  view.setUint8(at + 2, 0);
  view.setUint8(at + 3, 0);
  view.setUint32(at + 4, value.rule, true);
  view.setUint32(at + 8, value.revision, true);
}

export interface RulesetKey {
  prefixBits: number;
  ruleset: number;
  proto: number;
  port: Uint8Array;
}

export const RULESET_KEY_SIZE = 12;
export const RULESET_KEY_OFFSETS = {
  prefixBits: 0,
  ruleset: 4,
  proto: 8,
  port: 9,
} as const;

/** Undefined when fewer than 12 bytes are there. */
export function decodeRulesetKey(view: DataView, at = 0): RulesetKey | undefined {
  if (at < 0 || at + RULESET_KEY_SIZE > view.byteLength) return undefined;
  return readRulesetKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readRulesetKey(view: DataView, at: number): RulesetKey {
  return {
    prefixBits: view.getUint32(at, true),
    ruleset: view.getUint32(at + 4, true),
    proto: view.getUint8(at + 8),
    port: bytesAt(view, at + 9, 2),
  };
}

/** Writes all 12 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeRulesetKey(value: RulesetKey, view: DataView, at = 0): void {
  view.setUint32(at, value.prefixBits, true);
  view.setUint32(at + 4, value.ruleset, true);
  view.setUint8(at + 8, value.proto);
  putBytes(value.port, view, at + 9, 2);
  view.setUint8(at + 11, 0);
}

export interface SubjectKey {
  set: number;
  endpointId: number;
}

export const SUBJECT_KEY_SIZE = 8;
export const SUBJECT_KEY_OFFSETS = {
  set: 0,
  endpointId: 4,
} as const;

/** Undefined when fewer than 8 bytes are there. */
export function decodeSubjectKey(view: DataView, at = 0): SubjectKey | undefined {
  if (at < 0 || at + SUBJECT_KEY_SIZE > view.byteLength) return undefined;
  return readSubjectKey(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readSubjectKey(view: DataView, at: number): SubjectKey {
  return {
    set: view.getUint32(at, true),
    endpointId: view.getUint32(at + 4, true),
  };
}

/** Writes all 8 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeSubjectKey(value: SubjectKey, view: DataView, at = 0): void {
  view.setUint32(at, value.set, true);
  view.setUint32(at + 4, value.endpointId, true);
}
