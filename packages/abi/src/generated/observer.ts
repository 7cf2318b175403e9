/* Generated from the BTF of abi.bpf.o by tools/btfgen: do not edit. `make -C packages/bpf` rewrites it. */

export const ObserverCount = {
  UNKNOWN_ENDPOINT: 0,
  DROPS_ORDINARY: 1,
  DROPS_NOT_IP: 2,
  DROPS_OF_OTHERS: 3,
  DROPS_UNATTRIBUTED: 4,
  SOCKET_UNMATCHED: 5,
  IDENTITY_DIFFERS: 6,
  NOT_MASQUERADED: 7,
  RELAYED: 8,
  RELAYED_BACK: 9,
} as const;
export type ObserverCount = (typeof ObserverCount)[keyof typeof ObserverCount];

export const ObserverLimit = {
  COUNTS: 16,
} as const;
export type ObserverLimit = (typeof ObserverLimit)[keyof typeof ObserverLimit];
