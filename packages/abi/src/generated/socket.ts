/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */
import { encodeFlowKey, readFlowKey, type FlowKey } from "./flow.ts";

export interface SocketSample {
  key: FlowKey;
  state: number;
  netnsCookie: bigint;
  cgroupId: bigint;
  bytesAcked: bigint;
  bytesReceived: bigint;
  rttUs: number;
  rttMinUs: number;
  retransmits: number;
}

export const SOCKET_SAMPLE_SIZE = 96;
export const SOCKET_SAMPLE_OFFSETS = {
  key: 0,
  state: 44,
  netnsCookie: 48,
  cgroupId: 56,
  bytesAcked: 64,
  bytesReceived: 72,
  rttUs: 80,
  rttMinUs: 84,
  retransmits: 88,
} as const;

/** Undefined when fewer than 96 bytes are there. */
export function decodeSocketSample(view: DataView, at = 0): SocketSample | undefined {
  if (at < 0 || at + SOCKET_SAMPLE_SIZE > view.byteLength) return undefined;
  return readSocketSample(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readSocketSample(view: DataView, at: number): SocketSample {
  return {
    key: readFlowKey(view, at),
    state: view.getUint32(at + 44, true),
    netnsCookie: view.getBigUint64(at + 48, true),
    cgroupId: view.getBigUint64(at + 56, true),
    bytesAcked: view.getBigUint64(at + 64, true),
    bytesReceived: view.getBigUint64(at + 72, true),
    rttUs: view.getUint32(at + 80, true),
    rttMinUs: view.getUint32(at + 84, true),
    retransmits: view.getUint32(at + 88, true),
  };
}

/** Writes all 96 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeSocketSample(value: SocketSample, view: DataView, at = 0): void {
  encodeFlowKey(value.key, view, at);
  view.setUint32(at + 44, value.state, true);
  view.setBigUint64(at + 48, value.netnsCookie, true);
  view.setBigUint64(at + 56, value.cgroupId, true);
  view.setBigUint64(at + 64, value.bytesAcked, true);
  view.setBigUint64(at + 72, value.bytesReceived, true);
  view.setUint32(at + 80, value.rttUs, true);
  view.setUint32(at + 84, value.rttMinUs, true);
  view.setUint32(at + 88, value.retransmits, true);
  view.setUint8(at + 92, 0);
  view.setUint8(at + 93, 0);
  view.setUint8(at + 94, 0);
  view.setUint8(at + 95, 0);
}
