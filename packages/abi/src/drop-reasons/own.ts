/*
 * Reasons of Millrace's own dataplane. Their names begin with MILLRACE_, so that they are never taken for the kernel's.
 */
import { PathReason } from "../generated/flow.ts";
import { type DropReasonText, reason } from "./reason.ts";

type Name = Exclude<keyof typeof PathReason, "NONE">;

const OWN: Record<Name, DropReasonText> = {
  SPOOFED: reason(
    "loss",
    "Not the pod's own address",
    "A pod sent a packet with a source address that it was not given. It goes nowhere.",
    "Look at what runs in the pod: a virtual machine, a tunnel, or somebody who shouldn't be there.",
  ),
  NO_ROUTE: reason(
    "loss",
    "No way there",
    "The dataplane has no route to the destination, or knows the host behind it no longer.",
    "Look at the host's routes on its page, and whether the agent reaches the control plane.",
  ),
  NOT_IP: reason(
    "loss",
    "Neither IP nor a neighbour's question",
    "A pod sent a frame that is neither IPv4 nor IPv6, nor ARP. A pod's link carries nothing else.",
    "Usually harmless: LLDP, spanning tree and the like.",
  ),
  MALFORMED: reason(
    "loss",
    "IP header contradicts itself",
    "A pod sent an IP packet that ends early, or whose lengths don't fit.",
    "Look at what runs in the pod; its kernel makes no such packets by itself.",
  ),
  TUNNEL_FORGED: reason(
    "loss",
    "Posing as a host's tunnel",
    "A pod sent a packet to the port by which hosts carry each other's pods. It could have spoken for another pod there.",
    "Find out why: an attack, or a tunnel of the pod's own to a machine outside on the same port.",
  ),
  UNKNOWN_TUNNEL: reason(
    "loss",
    "Tunnel of an unknown host",
    "A tunnel packet came from an address that belongs to no host this one talks to.",
    "If it is a new host: look whether it has enrolled. Else look at who sends it.",
  ),
  ENDPOINT_GONE: reason(
    "loss",
    "The pod has just gone",
    "The packet was for a pod of this host whose link has been removed.",
    "Usual for a moment after a pod ends. If it goes on, somebody still has its address.",
  ),
  UNRESOLVED: reason(
    "loss",
    "Nobody knows this address",
    "The other end lies in a pool, and the control plane knows no pod with it, or couldn't be asked in time who it is. So it can't be found, or not be judged by the policies of the pod.",
    "Look whether the other pod still exists, whether the agent runs, and whether it reaches the control plane.",
  ),
  ENCAPSULATION: reason(
    "loss",
    "Outer header finds no room",
    "The overlay's header could not be put on or taken off: the packet is a tunnel's already.",
    "A pod that makes tunnels of its own needs a pool with direct routing.",
  ),
  POLICY: reason(
    "loss",
    "A policy forbids it",
    "No policy that selects the pod allows this connection.",
    "The flow says which rule decided. Change the policy, or the labels.",
  ),
  NO_PORT: reason(
    "loss",
    "No port left to translate with",
    "The packet was to leave under the host's address, and towards this far end all of the host's reserved ports are in use; or it was to go to a service, and the pod uses the same port towards its backends already; or the flow table is full.",
    "Look which pod holds so many connections to one address; give the agent a wider range (--masquerade-ports) or a larger flow table.",
  ),
  UNTRANSLATABLE: reason(
    "loss",
    "Can't be translated",
    "The packet was to leave under the host's address, or to go to a service's backend, but it is a fragment whose first one wasn't seen, is cut off before its ports, or too long for the uplink.",
    "Fragments out of order or oversized packets: look at the pod's MTU against the uplink's.",
  ),
  NO_HEADROOM: reason(
    "loss",
    "Link header finds no room",
    "The packet had waited for the agent's answer, and no link header could be put before it: it is too large, or the host has no memory left.",
    "Look at the pod's MTU, and at the host's memory.",
  ),
  TOO_LONG: reason(
    "loss",
    "Longer than the tunnel takes",
    "The packet came to a node port, or answers what did, and was to go to another host through the tunnel, whose header makes it too long. Its sender was told the length that fits. Usual once a connection where pods have the uplink's MTU.",
    "Where it goes on: does the sender get ICMP errors? Else give pods or clients an MTU of 50 bytes less.",
  ),
  NO_BACKEND: reason(
    "loss",
    "The service has no backend",
    "The packet was for a service with no backend that takes connections, or with none but the pod that sent it. The pod was told: its connection is refused.",
    "Look at the service's page: do its pods run, and does its selector name them?",
  ),
  NO_SERVICE: reason(
    "loss",
    "No service at this address and port",
    "The packet was for an address that services have theirs from, but no service has it, or it has no such port or protocol. The pod was told: its connection is refused.",
    "Look whether the service still exists, and which ports it has.",
  ),
};

/** The reason's name as it is stored and shown. */
export const ownReasonName = (name: Name): string => `MILLRACE_${name}`;
export const OWN_REASONS: Record<string, DropReasonText> = Object.fromEntries(
  (Object.keys(OWN) as Name[]).map((name) => [ownReasonName(name), OWN[name]]),
);
/** By path_reason. */
export const OWN_REASON_NAMES: ReadonlyMap<number, string> = new Map(
  (Object.keys(OWN) as Name[]).map((name) => [PathReason[name], ownReasonName(name)]),
);
