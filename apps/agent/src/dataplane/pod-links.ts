/** Pods' links as the agent asks for them. How the kernel makes them is pod-link.ts's. */
import type { PodLinkKind } from "@millrace/contract/agent-protocol";

export type PodLinkSpec = {
  /** The host's end, and the pod's in its namespace. */
  hostName: string;
  netns: string;
  name: string;
  mac: string;
  mtu: number;
  addresses: readonly { address: string; gateway: string }[];
  /** Of the host, that lead to it. */
  hostPorts: readonly { port: number }[];
};
export type PodLinkPlace = {
  /** Of the pod's namespace, and the index of its end there. */
  cookie: bigint;
  ifindex: number;
  /** Index of the host's end. */
  port: number;
  hostMac: string;
};
/** `mac`: of the pod's end. A netkit pair has none, whatever was wished. */
export type MadePodLink = PodLinkPlace & { mac: string };
export type LinkFacts = {
  ifindex: number;
  mac: string;
  mtu: number;
  up: boolean;
  /** Without prefix lengths. */
  addresses: readonly string[];
  routes: readonly { destination: string; via?: string | undefined }[];
};
/** Pods' links in the kernel. What the kernel refuses is thrown. */
export interface PodLinks {
  /** Of those that are made. */
  readonly kind: PodLinkKind;
  /** Both ends, down. Its ports of the host are kept from the host's own sockets from now on. */
  make(spec: PodLinkSpec): MadePodLink;
  /** Up, with addresses and routes. */
  raise(spec: PodLinkSpec, place: PodLinkPlace): void;
  /** Nothing to remove is no failure. */
  remove(hostName: string): void;
  /** Of all devices in the host's namespace, by name; empty where the kernel has no word for what it is. */
  kinds(): ReadonlyMap<string, string>;
  facts(netns: string, name: string): LinkFacts | undefined;
}
