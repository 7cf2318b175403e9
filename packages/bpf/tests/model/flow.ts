/*
 * Flows as their endpoint sees them, and the two ends' views of one packet. What a table keeps of one is conntrack.ts's.
 */
import type { Address } from "./bytes.ts";
import { isIcmp, type Packet, type Quote } from "./parse.ts";
import type { Target } from "./world.ts";

export type Direction = "egress" | "ingress";
export const other = (direction: Direction): Direction => (direction === "egress" ? "ingress" : "egress");

export interface Flow {
  endpointId: number;
  family: number;
  /** The endpoint's own. */
  saddr: Address;
  daddr: Address;
  sport: number;
  dport: number;
  proto: number;
  vlan: number;
}

export const flowText = (flow: Flow): string =>
  [flow.endpointId, flow.family, flow.saddr, flow.daddr, flow.sport, flow.dport, flow.proto, flow.vlan].join(
    " ",
  );

/** An ICMP identifier belongs to both directions alike. */
export const reversed = (flow: Flow): Flow => ({
  ...flow,
  ...{ saddr: flow.daddr, daddr: flow.saddr },
  ...(isIcmp(flow.proto) ? {} : { sport: flow.dport, dport: flow.sport }),
});

/** Of a packet that the endpoint sends, or receives. */
export function flowOf(packet: Packet, endpointId: number, direction: Direction): Flow {
  const { family, saddr, daddr, sport, dport, proto, vlan } = packet;
  const sent = { endpointId, family, saddr, daddr, sport, dport, proto, vlan };
  return direction === "egress" ? sent : reversed(sent);
}

/** Of a quoted packet, as its sender has it. */
export const quotedFlow = (quote: Quote, endpointId: number, vlan: number): Flow => ({
  ...{ endpointId, vlan, family: quote.family, proto: quote.proto },
  ...{ saddr: quote.saddr, daddr: quote.daddr, sport: quote.sport, dport: quote.dport },
});

/** As it is beyond the endpoint's link, where its backend is known alone. */
export const onWire = (flow: Flow, target: Target | null): Flow =>
  target ? { ...flow, daddr: target.address, dport: target.port, sport: target.from } : flow;
