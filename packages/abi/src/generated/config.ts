/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */

export interface ObserveConfig {
  abiHash: bigint;
  breakCounter: number;
  flowBudget: number;
  netkit: number;
}

export const OBSERVE_CONFIG_SIZE = 24;
export const OBSERVE_CONFIG_OFFSETS = {
  abiHash: 0,
  breakCounter: 8,
  flowBudget: 12,
  netkit: 16,
} as const;

/** Undefined when fewer than 24 bytes are there. */
export function decodeObserveConfig(view: DataView, at = 0): ObserveConfig | undefined {
  if (at < 0 || at + OBSERVE_CONFIG_SIZE > view.byteLength) return undefined;
  return readObserveConfig(view, at);
}

/** For a caller that has checked the length; throws RangeError past the view's end. */
export function readObserveConfig(view: DataView, at: number): ObserveConfig {
  return {
    abiHash: view.getBigUint64(at, true),
    breakCounter: view.getUint32(at + 8, true),
    flowBudget: view.getUint32(at + 12, true),
    netkit: view.getUint32(at + 16, true),
  };
}

/** Writes all 24 bytes, padding as zero; throws RangeError when they don't fit. */
export function encodeObserveConfig(value: ObserveConfig, view: DataView, at = 0): void {
  view.setBigUint64(at, value.abiHash, true);
  view.setUint32(at + 8, value.breakCounter, true);
  view.setUint32(at + 12, value.flowBudget, true);
  view.setUint32(at + 16, value.netkit, true);
  view.setUint8(at + 20, 0);
  view.setUint8(at + 21, 0);
  view.setUint8(at + 22, 0);
  view.setUint8(at + 23, 0);
}
