/*
 * Later fragments of a datagram have no ports: they go by what its first one had. Without it they have none.
 */
import { EndpointNote } from "@millrace/abi/generated/endpoint";
import type { Packet } from "./parse.ts";

type Ports = Pick<Packet, "sport" | "dport" | "proto">;

export class Fragments {
  readonly #seen = new Map<string, Ports>();

  /** `at`: the endpoint that sends or receives it, or 0 for the host as the outside sees it. */
  match(packet: Packet, at: number): void {
    if (packet.fragment?.offset === 0) this.remember(packet, at);
    else if (packet.fragment) this.recall(packet, at);
  }
  remember(packet: Packet, at: number): void {
    if (packet.notes.has(EndpointNote.L4_TRUNCATED)) return;
    const { sport, dport, proto } = packet;
    this.#seen.set(datagram(packet, at), { sport, dport, proto });
  }
  recall(packet: Packet, at: number): void {
    const ports = this.#seen.get(datagram(packet, at));
    if (ports) Object.assign(packet, ports);
    else packet.notes.add(EndpointNote.FRAGMENT_UNMATCHED);
  }
}

/** IPv6's later fragments don't tell the protocol. */
const datagram = ({ family, saddr, daddr, vlan, proto, fragment }: Packet, at: number): string =>
  [at, family, saddr, daddr, vlan, fragment?.id, family === 4 ? proto : ""].join(" ");
