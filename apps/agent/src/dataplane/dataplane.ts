/**
 * The agent's whole view of a kernel, as narrow as the agent needs it: bytes in the shared layouts, no
 * handles. libbpf-dataplane.ts is the real one; fake-dataplane.ts keeps the tables in memory for tests.
 */

import type { NetnsInfo, NetnsKind } from "@millrace/abi/generated/endpoint";
import type { DropPlace } from "@millrace/abi/generated/event";
import type { FlowDirection, PathKind, Verdict } from "@millrace/abi/generated/flow";
import type { TraceConfig, TraceStats } from "@millrace/abi/generated/trace";
import type { Capability } from "@millrace/contract/agent-protocol";
import type { AttachPoint, HeldPlace, MendedHooks } from "./place.ts";
import type { Services } from "./services.ts";

/** What is an ordinary end and what a loss: by reason, and for some reasons by the place as well. */
export type DropClasses = {
  reasons: readonly { reason: number; class: number }[];
  places: readonly DropPlace[];
};
/** A table's entries, back to back. Views of reused memory: valid until the next read of that table. */
export type TableBytes = { count: number; keys: Uint8Array; values: Uint8Array };
/** As TableBytes, each value once per CPU, `stride` bytes apart. */
export type PerCpuBytes = TableBytes & { cpus: number; stride: number };

type AddressedPort = { address: Uint8Array; port: number };
/** All that packets are forwarded by; addresses are 16 bytes, IPv4 mapped. */
export type ForwardingTables = {
  facts: {
    /** Indexes of devices in the host's namespace; 0: none. */
    uplink: number;
    punt: number;
    /** 0: packets of a tunnel are the host's own affair. */
    tunnelPort: number;
    tunnelAddress: number;
    /** Ports of masqueraded flows, both included; 0: the host's own stack does what NAT there is. */
    natFirst: number;
    natLast: number;
    /** This host's addresses as the outside sees them; zero: none of that family. `nodePorts`: services are there, too. */
    natAddress4: number;
    natAddress6: Uint8Array;
    nodePorts: boolean;
  };
  locals: readonly { address: Uint8Array; endpointId: number; ifindex: number; identity: number }[];
  routes: readonly {
    address: Uint8Array;
    prefixBits: number;
    kind: PathKind;
    remote: number;
    identity: number;
    /** Bits of RouteFlag. */
    flags: number;
  }[];
  /** `index` is what routes name them by, from 1. */
  remotes: readonly { index: number; address4: number; address6: Uint8Array }[];
  /** Ports of this host's own addresses, and the pods here that they lead to. */
  hostPorts: readonly (AddressedPort & { proto: number; pod: AddressedPort })[];
};
/** All that flows are judged by, as include/shared/policy.h has it; addresses are 16 bytes, IPv4 mapped. */
export type PolicyTables = {
  /** Endpoints whose policies are known, and in which directions some select them. Of others nothing passes. */
  subjects: readonly { endpointId: number; egress: boolean; ingress: boolean }[];
  classes: readonly { address: Uint8Array; prefixBits: number; number: number }[];
  /** `ruleset` 0: everything is forwarded. What isn't there comes up to the agent. */
  judgements: readonly PairJudgement[];
  rulesets: readonly Ruleset[];
};
/** Two ends that may meet, seen from one of them. */
export type Pair = {
  endpointId: number;
  peerIdentity: number;
  cidrClass: number;
  /** Of who opens the flow. */
  direction: FlowDirection;
};
export type PairJudgement = Pair & { ruleset: number };
export type RuleEntry = {
  /** null: any, and then `port` is null too. */
  protocol: number | null;
  /** Those that agree in the first `bits` of 16; null: all. */
  port: { value: number; bits: number } | null;
  verdict: Verdict;
  rule: number;
  revision: number;
};
/** What holds between two ends: the longest match by protocol and port decides. `number` from 1. */
export type Ruleset = { number: number; entries: readonly RuleEntry[] };
export type InterfaceFacts = {
  ifindex: number;
  name: string;
  loopback: boolean;
  up: boolean;
  addresses: string[];
  stats: Record<string, bigint>;
};
/** Where interfaces or addresses changed: in a namespace, by its cookie, or who knows where. */
export type InterfaceChange = bigint | "host" | "anywhere";
export interface InterfaceFollower {
  /** False when it can't be: the namespace is gone. */
  follow(cookie: bigint, netns: string): boolean;
  forget(cookie: bigint): void;
  close(): void;
}
export type ProgramFacts = {
  name: string;
  id: number;
  type: string;
  attachments: number;
  verifiedInstructions: number;
};
export type MapFacts = { name: string; type: string; capacity: number; bytes: number };
export type DataplaneClock = { bootNs: bigint; realtimeNs: bigint };

/** Where a session may look: namespaces with their kind, and our pods' addresses for those of kind host. */
export type TraceScope = { namespaces: { cookie: bigint; kind: NetnsKind }[]; addresses: Uint8Array[] };
export type TraceRequest = { config: TraceConfig; scope: TraceScope };
/** A trace's records come as the ring had them: u32 length, u32 zero, payload padded to 8. */
export type TraceHandlers = { onRecords: (batch: Uint8Array, lostRecords: number) => void };
export interface TraceAttachment {
  stats(): TraceStats;
  /** Pods come and go. */
  setScope(scope: TraceScope): void;
  /** Detaches, then hands over what the ring still holds. */
  close(): Promise<void>;
}
/** A namespace's translated connections, as records of CONNTRACK_RECORD's layout (packages/native). */
export interface TranslationSource {
  /** All there are, at most `most`; `left` of them were more than that. */
  dump(most: number): { bytes: Uint8Array; left: number };
  /** The news since the last call; `overran` says that some were missed. */
  read(): { bytes: Uint8Array; overran: boolean };
  close(): void;
}
export type EventCounts = { opened: number; moved: number; closed: number; drops: number; lost: number };
/** All that an endpoint has counted, both ways. */
export type EndpointTotal = { endpointId: number; packets: number; bytes: number };
/** Maps of an earlier life that can't be taken up, and nobody counts in them any more. */
export type LeftBehind = {
  generation: string;
  why: string;
  /** Somebody has stored baselines for them. */
  reported: boolean;
  /** Undefined where they can't be read any more; `why` says so. */
  totals: readonly EndpointTotal[] | undefined;
};
/** As of LeftBehind: what could not be taken along out of maps of another layout, since this life began. */
export type MoveLosses = { packets: number; bytes: number; unknown: readonly string[] };
/** How many entries of the flow table an endpoint has. */
export type FlowHolder = { endpointId: number; flows: number };
export type EndpointEntry = { cookie: bigint; ifindex: number; endpointId: number };

/** By which packets whose way isn't known come up, each with its header for segmentation in front, and go back. */
export interface PuntDevice {
  readonly ifindex: number;
  /** False when the kernel takes no more just now. */
  write(packet: Uint8Array): boolean;
  close(): Promise<void>;
}

/** Where packets go, of a dataplane that carries them. */
export interface Forwarding {
  /** From now on what arrives at this device for a pod is put into the pod; undefined: no longer. */
  takeUplink(at: { ifindex: number; netns: string } | undefined): void;
  /** Records as of TraceHandlers. The device is gone when it is closed, or the agent dies. */
  openPunt(onPackets: (batch: Uint8Array) => void): PuntDevice;
  /** Brings the kernel's tables to this; what was decided by others is decided anew. */
  setTables(tables: ForwardingTables): void;
  /** What is judged by, also as an earlier life left it; undefined: nothing is judged. */
  policy(): PolicyTables | undefined;
  /** From now on all is judged by this, whole, and by nothing of what was before; established flows too. */
  setPolicy(tables: PolicyTables): void;
  /** Judgements that were missing; what is decided stays. */
  addPolicy(more: Pick<PolicyTables, "judgements" | "rulesets">): void;
  /** How many flows are masqueraded. Entries that belong to no flow are removed: by a kill between two calls, or a race. */
  sweepTranslations(): { found: number; removed: number };
}

export interface Dataplane {
  readonly forwarding: Forwarding;
  readonly services: Services;
  /** What this kernel can do; probed once. */
  capabilities(): Capability[];
  /** The enumeration of drop reasons of the running kernel. */
  dropReasonValues(): { name: string; value: bigint }[];
  /**
   * Loads the programs. Adopts the pinned maps of `generation` when they are there and fit, else maps of which
   * nothing was ever reported; else makes new ones. `adopted`: they may have counted already.
   */
  start(generation: string | undefined): { generation: string; adopted: boolean };
  /** Maps of an earlier life that `start` gave up: what they counted after its last report is in no batch. */
  leftBehind(): readonly LeftBehind[];
  /**
   * From now on, what these maps count is of use only beside the baselines that are stored for them, and what was
   * left behind is of no use: it goes.
   */
  markReported(): void;
  /** What was left behind goes, and with it what carried packets until now: everything that is to be hooked is. */
  removeLeft(): void;
  /** If every endpoint has this version's programs: what the other's went on to count in maps that were moved is in ours now. */
  settle(): void;
  moveLosses(): MoveLosses;
  /** Which endpoints the kernel counts already: those of the adopted maps. */
  endpoints(): EndpointEntry[];
  setDropClasses(classes: DropClasses): void;

  /** Makes the endpoint's entry unless it is there, and attaches both ways; what is attached stays so. */
  attach(point: AttachPoint): void;
  /** Ends counting at both hooks; the entry with its totals stays until `forget`. */
  detach(place: HeldPlace): void;
  /** Puts on again what somebody took off the devices; nobody counted meanwhile. */
  mendHooks(): MendedHooks;
  forget(place: HeldPlace): void;
  setNamespace(cookie: bigint, info: NetnsInfo): void;
  removeNamespace(cookie: bigint): void;
  /** All addresses of all endpoints, replacing those before; 16 bytes each. */
  setAddresses(addresses: readonly { address: Uint8Array; endpointId: number }[]): void;

  /** The whole table. */
  readFlows(): TableBytes;
  /**
   * Those that changed since they were last handed out by this or the next two. Run to its end, or what was
   * left is handed out by nobody but `readFlows`.
   */
  movedFlows(): Iterable<TableBytes>;
  /** Of the flows with these keys. */
  changedFlows(keys: Uint8Array, count: number): Iterable<TableBytes>;
  /** Of the whole table, also what changed without a packet; returns how many flows there are. */
  scanFlows(): Generator<TableBytes, number>;
  /** True when movements were lost since the last call: `scanFlows` makes good for them. */
  missedMoves(): boolean;
  flowCapacity(): number;
  /** Flows that one endpoint may hold. */
  flowBudget(): number;
  flowHolders(): FlowHolder[];
  /** Marks those RETIRED that were last seen before; packets then leave them alone. */
  retireFlows(keys: Uint8Array, count: number, quietSinceNs: bigint): number;
  /** Returns when every program that ran at the call has ended. */
  barrier(): void;
  /** RETIRED ones, and what stands for them under the host's address. */
  deleteFlows(keys: Uint8Array, count: number): void;
  readEndpoints(): PerCpuBytes;
  readDrops(): TableBytes;
  deleteDrops(keys: readonly Uint8Array[]): void;
  /** Counters by enum observer_count, and ring events lost, summed over CPUs. */
  observerCounts(): { counts: number[]; ringLost: number };
  eventCounts(): EventCounts;
  /** Called when flows have opened or were dropped for a new reason, at most every few dozen milliseconds. */
  onOpened(call: () => void): void;
  /** The socket samples of a namespace, back to back. */
  sockets(netns: string): Uint8Array;

  /** Throws where this kernel has no connection tracking, or won't let us read it. */
  watchTranslations(netns: string): TranslationSource;
  trace(request: TraceRequest, handlers: TraceHandlers): TraceAttachment;
  programs(): ProgramFacts[];
  maps(): MapFacts[];

  clock(): DataplaneClock;
  netnsCookie(path: string): bigint;
  interfaces(netns: string): InterfaceFacts[];
  /** Undefined where the kernel tells nothing. */
  followInterfaces(hostNetns: string, on: (change: InterfaceChange) => void): InterfaceFollower | undefined;

  /** Lets go; what is pinned goes on counting, unless it is to be removed. */
  close(options: { remove: boolean }): Promise<void>;
}
