/*
 * Words for the kernel's enumerations, for the UI and the CLI: keyed by the generated enums, so that a new
 * value doesn't compile until somebody has named it. Drop reasons have their own file.
 */

import { EndpointClass, EndpointNote } from "./generated/endpoint.ts";
import { DropClass } from "./generated/event.ts";
import { FlowDirection, FlowOpener, FlowTcpState } from "./generated/flow.ts";
import { ObserverCount } from "./generated/observer.ts";
import { TraceConnectionStep, TraceKind } from "./generated/trace.ts";

export interface Label {
  title: string;
  explanation: string;
}

export const FLOW_DIRECTION_LABELS = {
  [FlowDirection.EGRESS]: { title: "egress", explanation: "Sent by the container." },
  [FlowDirection.INGRESS]: { title: "ingress", explanation: "Received by the container." },
} satisfies Record<FlowDirection, Label>;

export const FLOW_OPENER_LABELS = {
  [FlowOpener.UNKNOWN]: {
    title: "unknown",
    explanation: "The flow was met under way: who opened it was not seen.",
  },
  [FlowOpener.LOCAL]: { title: "this end", explanation: "The container sent the first packet." },
  [FlowOpener.REMOTE]: { title: "the other end", explanation: "The container received the first packet." },
} satisfies Record<FlowOpener, Label>;

export const FLOW_TCP_STATE_LABELS = {
  [FlowTcpState.NONE]: { title: "–", explanation: "Not TCP, or no TCP header was seen." },
  [FlowTcpState.OPENING]: {
    title: "opening",
    explanation: "A SYN was seen, and no acknowledgement of the answer yet.",
  },
  [FlowTcpState.ESTABLISHED]: {
    title: "established",
    explanation: "The handshake is done, or the flow was met under way.",
  },
  [FlowTcpState.CLOSING]: { title: "closing", explanation: "One end has said that it sends no more." },
  [FlowTcpState.CLOSED]: { title: "closed", explanation: "Both ends have said that they send no more." },
  [FlowTcpState.RESET]: { title: "reset", explanation: "One end broke the connection off or refused it." },
} satisfies Record<FlowTcpState, Label>;

export const ENDPOINT_CLASS_LABELS = {
  [EndpointClass.TOTAL]: { title: "total", explanation: "Every packet at the container's interface." },
  [EndpointClass.NOT_IP]: { title: "not IP", explanation: "Neither IPv4 nor IPv6: ARP and the like." },
  [EndpointClass.TRUNCATED]: {
    title: "damaged",
    explanation: "An IP header that ends early or contradicts itself.",
  },
  [EndpointClass.TABLE_FULL]: {
    title: "unattributed: table full",
    explanation: "New flows found no room in the flow table. Their packets are in the total, and in no flow.",
  },
  [EndpointClass.OVER_BUDGET]: {
    title: "unattributed: over budget",
    explanation:
      "The endpoint holds as many flows as one may. Packets of its further flows are in the total, and in no flow.",
  },
  [EndpointClass.SPOOFED]: {
    title: "spoofed",
    explanation: "Sent with a source address that isn't the container's. Dropped, and in no flow.",
  },
  [EndpointClass.FLOW_RETIRED]: {
    title: "unattributed: flow under removal",
    explanation: "Packets that came in the moment in which their flow was taken out of the table.",
  },
  [EndpointClass.OTHER_HOST]: {
    title: "for somebody else",
    explanation:
      "Received, but their link address is another interface's: a bridge that doesn't know yet where that is sends them everywhere.",
  },
} satisfies Record<EndpointClass, Label>;

export const ENDPOINT_NOTE_LABELS = {
  [EndpointNote.FRAGMENT]: { title: "fragments", explanation: "IP fragments." },
  [EndpointNote.FRAGMENT_UNMATCHED]: {
    title: "fragments without ports",
    explanation: "Later fragments whose first one was not seen: their flow has port 0.",
  },
  [EndpointNote.VLAN]: { title: "VLAN-tagged", explanation: "Packets with a VLAN tag." },
  [EndpointNote.EXTENSION_HEADER]: {
    title: "extension headers",
    explanation: "IPv6 packets with extension headers.",
  },
  [EndpointNote.EXTENSION_LIMIT]: {
    title: "too many extension headers",
    explanation: "More IPv6 extension headers than are looked through: their flow has no ports.",
  },
  [EndpointNote.L4_TRUNCATED]: {
    title: "transport header incomplete",
    explanation: "The packet ends before its ports: its flow has port 0.",
  },
  [EndpointNote.NO_PORT]: {
    title: "no port to translate with",
    explanation:
      "Dropped: bound for the outside, and none of the host's reserved ports was free towards it; or for a service, and the port was in use towards its backends already; or there was no room for the flow.",
  },
} satisfies Record<EndpointNote, Label>;

export const DROP_CLASS_LABELS = {
  [DropClass.UNSET]: {
    title: "loss",
    explanation: "A reason that isn't known to this version counts as a loss.",
  },
  [DropClass.LOSS]: { title: "loss", explanation: "Somebody wanted this packet delivered." },
  [DropClass.ORDINARY]: {
    title: "ordinary end",
    explanation: "The packet had done its work, or was never wanted.",
  },
  [DropClass.BY_PLACE]: {
    title: "loss",
    explanation:
      "A reason that says little; where it is an ordinary end, the place told, and it isn't shown.",
  },
} satisfies Record<DropClass, Label>;

export const OBSERVER_COUNT_LABELS = {
  [ObserverCount.UNKNOWN_ENDPOINT]: {
    title: "packets of unknown interfaces",
    explanation: "Seen at an interface that was just being added or removed.",
  },
  [ObserverCount.DROPS_ORDINARY]: {
    title: "ordinary ends",
    explanation: "Packets that the kernel freed for a reason that is no loss.",
  },
  [ObserverCount.DROPS_NOT_IP]: {
    title: "drops that are not IP",
    explanation: "No IP header could be read.",
  },
  [ObserverCount.DROPS_OF_OTHERS]: {
    title: "drops of others",
    explanation: "Dropped in the host's namespace, and not to or from any container here.",
  },
  [ObserverCount.DROPS_UNATTRIBUTED]: {
    title: "unattributed drops",
    explanation: "Losses that found no room in the drop table.",
  },
  [ObserverCount.SOCKET_UNMATCHED]: {
    title: "socket reports without a flow",
    explanation: "RTT or retransmits of a connection that isn't in the flow table.",
  },
  [ObserverCount.IDENTITY_DIFFERS]: {
    title: "tunnels that contradict a lease",
    explanation:
      "Packets whose tunnel says another identity than the control plane's lease of their source. Usual for a moment after a pod's labels changed.",
  },
  [ObserverCount.NOT_MASQUERADED]: {
    title: "flows left to the host's own NAT",
    explanation:
      "Bound for the outside from a pool that is masqueraded, but by another device than the uplink or with a protocol that has no ports.",
  },
  [ObserverCount.RELAYED]: {
    title: "packets to node ports sent on",
    explanation: "They came to a node port of this host, and went on to a pod of another one.",
  },
  [ObserverCount.RELAYED_BACK]: {
    title: "packets from node ports sent back",
    explanation: "Answers of other hosts' pods, sent on to who had come to a node port of this host.",
  },
} satisfies Record<ObserverCount, Label>;

export const TRACE_KIND_LABELS = {
  [TraceKind.DROPS]: {
    title: "drops",
    explanation: "Packets the kernel throws away: reason, place, stack, headers.",
  },
  [TraceKind.CONNECTIONS]: {
    title: "connections",
    explanation: "TCP connections as their sockets live them: connect, accept, established, reset, close.",
  },
} satisfies Record<TraceKind, Label>;

export const TRACE_CONNECTION_STEP_LABELS = {
  [TraceConnectionStep.CONNECT]: { title: "connect", explanation: "A process began to connect." },
  [TraceConnectionStep.ACCEPT]: {
    title: "accept",
    explanation: "A connection came in and its handshake is done.",
  },
  [TraceConnectionStep.ESTABLISHED]: { title: "established", explanation: "The handshake is done." },
  [TraceConnectionStep.RESET]: {
    title: "reset",
    explanation: "One end broke the connection off or refused it.",
  },
  [TraceConnectionStep.CLOSE]: { title: "close", explanation: "The connection ended here." },
  [TraceConnectionStep.CONNECT_FAILED]: { title: "connect failed", explanation: "No connection came about." },
} satisfies Record<TraceConnectionStep, Label>;

/** A number that a newer kernel object may have sent: its label, or one that says the number. */
export function labelOf(labels: Readonly<Record<number, Label>>, value: number): Label {
  return (
    labels[value] ?? {
      title: `unknown (${value})`,
      explanation: "A value that this version of Millrace doesn't know.",
    }
  );
}

/** A fixed array of characters as the kernel fills it: up to the first zero, with what isn't printable replaced. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const text = new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  return text.replace(/\p{C}/gu, "\u{fffd}");
}
