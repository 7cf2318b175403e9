/** What a host's part of the network is put together from. */
import type { Underlay } from "@millrace/contract/network";
import type { PlacedRecord } from "../attachment/record.ts";
import type { ControlPlane } from "../connection/client.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { RelayClient } from "../dataplane/services.ts";
import type { PolicyFile } from "../policy/policy-file.ts";
import type { LeaseFile } from "./lease-file.ts";
import type { PortRange } from "./port-range.ts";
import type { RouteFile } from "./route-file.ts";

export type NetworkOptions = {
  dataplane: Dataplane;
  client: ControlPlane;
  file: LeaseFile;
  routeFile: RouteFile;
  policyFile: PolicyFile;
  uplink: number;
  underlay: () => Underlay | undefined;
  masqueradePorts: PortRange | undefined;
  attached: () => readonly PlacedRecord[];
  /** Of an attachment: its endpoint's number, once it has one. */
  endpointOf: (record: PlacedRecord) => number | undefined;
  /** Undefined: discovery hasn't found the pod, or not yet what it is labelled with. */
  labelsOf: (record: PlacedRecord) => Record<string, string> | undefined;
  hostAddresses: () => readonly string[];
  /** Whether something here talks to an address. */
  inUse: () => (address: string) => boolean;
  services: VirtualAddresses;
  isConnected: () => boolean;
  nowMs: () => number;
  log: (line: string, error?: string) => void;
};

/** What packets to virtual addresses and node ports wait for; the latter by their text (service/node-port.ts). */
export type VirtualAddresses = {
  isVirtual: (address: string) => boolean;
  isKnown: (address: string) => boolean;
  /** false: too many are asked for. */
  ask: (address: string) => boolean;
  /** Of all that is known. */
  backends: () => ReadonlySet<string>;
  /** The backend that a client outside was given at a node port. */
  relayed: (client: RelayClient) => string | undefined;
};
