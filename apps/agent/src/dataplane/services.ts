/** What the agent asks of a kernel to balance services: tables as they are, changes to them, what was counted. */

/** A virtual address with a port. Port and protocol 0: the address itself, which says that this host was told of it. */
export type VirtualPort = { address: string; port: number; protocol: number };
export type ServiceEntry = VirtualPort & {
  /** 0: the address itself. */
  number: number;
  slotBase: number;
  slotCount: number;
  affinitySeconds: number;
};
export type BackendEntry = { number: number; address: string; port: number; service: number };
/** As they stand in the kernel. */
export type ServiceTables = {
  services: readonly ServiceEntry[];
  backends: readonly BackendEntry[];
  /** The backends' numbers, of all slots there are. */
  slots: Uint32Array;
  /** Numbers that are counted by, also of those that are gone otherwise. */
  countedServices: readonly number[];
  countedBackends: readonly number[];
};
/** Each list as it is to be written; what is gone is removed after everything else, when nobody reads it any more. */
export type ServiceChanges = {
  services: ServiceEntry[];
  backends: BackendEntry[];
  slotAt: number[];
  slotBackend: number[];
  goneServices: ServiceEntry[];
  /** Of those that may be given to clients. */
  goneBackends: number[];
  /** Nothing is counted by them any more. */
  goneServiceCounts: number[];
  goneBackendCounts: number[];
};
export const noChanges = (): ServiceChanges => ({
  ...{ services: [], backends: [], slotAt: [], slotBackend: [] },
  ...{ goneServices: [], goneBackends: [], goneServiceCounts: [], goneBackendCounts: [] },
});
export const isNothing = (changes: ServiceChanges): boolean =>
  Object.values(changes).every((list) => list.length === 0);

export type ServiceCapacity = { services: number; backends: number; slots: number };
/** Of TCP: connects that were answered, that came to nothing, and connections that the backend reset. */
export type BackendCounts = {
  number: number;
  opened: bigint;
  answered: bigint;
  failures: bigint;
  resets: bigint;
};
export type ServiceCounts = { number: number; opened: bigint; refused: bigint };

/** Who comes from outside, and the node port of this host's that it comes to. */
export type RelayClient = {
  remote: string;
  remotePort: number;
  address: string;
  port: number;
  protocol: number;
};

export interface Services {
  readonly capacity: ServiceCapacity;
  /** From now on sockets of the clients are given backends; what is attached already is brought up to date. */
  attach(): void;
  /** Sockets are left alone, those that were given backends keep them. */
  detach(): void;
  /** Namespaces whose sockets are looked after, by cookie, in place of those before. */
  setClients(cookies: readonly bigint[]): void;
  /** Prefixes that all virtual addresses lie in, in place of those before. */
  setRanges(prefixes: readonly string[]): void;
  read(): ServiceTables;
  /** Returns when nobody uses what is gone: its slots and numbers are free. */
  write(changes: ServiceChanges): void;
  /** By enum service_count. */
  totals(): number[];
  serviceCounts(): ServiceCounts[];
  backendCounts(): BackendCounts[];
  /**
   * What the openers of these flows asked for, by the flows' keys: a service_key for each, back to back, in their order;
   * port 0: nothing is noted. A view of reused memory, valid until the next call.
   */
  askedFor(keys: Uint8Array, count: number): Uint8Array;
  /** The backend that was given to it; undefined: none yet, or forgotten. */
  relayed(client: RelayClient): string | undefined;
  /** Backends of those who sent in so many seconds. */
  relayedTo(seconds: number): Set<string>;
  /** Called with virtual addresses that a socket asked for and nobody has told this host of. */
  onAsked(call: (address: string) => void): void;
}
