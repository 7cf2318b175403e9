/*
 * Masquerading: docs/dataplane.md, "Masquerading". Which flows leave under the host's address, what is changed in their packets, and
 * whose the answers are. Which of the free ports one gets isn't the model's to say: it is told, and asks that it be free.
 */

import { EndpointNote } from "@millrace/abi/generated/endpoint";
import { FlowOpener, PathKind, PathReason, Verdict } from "@millrace/abi/generated/flow";
import type { Address } from "./bytes.ts";
import type { Tracked } from "./conntrack.ts";
import { type Flow, flowText } from "./flow.ts";
import { isIcmp, isIcmpError, type Packet, type Quote, TCP, UDP } from "./parse.ts";
import { type Path, refuse } from "./route.ts";
import { podWith, routeTo, type World } from "./world.ts";

/** Which port the dataplane gave a flow; undefined: none. */
export type PortGiven = (flow: Flow) => number | undefined;

/** Whose answers come to a port of this host. */
export class Translations {
  readonly #flows = new Map<string, Flow>();

  ownerOf(world: World, answer: Answered): Flow | undefined {
    const flow = this.#flows.get(answerText(answer));
    return flow && podWith(world, flow.saddr) ? flow : undefined;
  }
  /** By another flow than this, towards the same far end. */
  isTaken(flow: Flow, address: Address, port: number): boolean {
    const owner = this.#flows.get(answerText(towards(flow, address, port)));
    return owner !== undefined && flowText(owner) !== flowText(flow);
  }
  claim(flow: Flow, address: Address, port: number): void {
    this.#flows.set(answerText(towards(flow, address, port)), flow);
  }
  end(tracked: Tracked): void {
    if (tracked.nat)
      this.#flows.delete(answerText(towards(tracked.flow, tracked.nat.address, tracked.nat.port)));
  }
}

/** A far end, and an address and port of this host. */
interface Answered {
  proto: number;
  remote: Address;
  remotePort: number;
  address: Address;
  port: number;
}
const answerText = ({ proto, remote, remotePort, address, port }: Answered): string =>
  [proto, remote, isIcmp(proto) ? 0 : remotePort, address, port].join(" ");
const towards = (flow: Flow, address: Address, port: number): Answered => ({
  ...{ proto: flow.proto, remote: flow.daddr, remotePort: flow.dport, address, port },
});

export const isInRange = (world: World, port: number): boolean =>
  world.masquerade !== null && port >= world.masquerade.first && port <= world.masquerade.last;

/** Whether the far end knows the flow by the pod's own address, or has answered it so. */
const isSettledWithout = (tracked: Tracked | undefined): boolean =>
  tracked !== undefined &&
  (tracked.opener === FlowOpener.REMOTE ||
    (tracked.path?.kind === PathKind.HOST && tracked.counted.ingress.packets > 0));

/** Cut off before its port, or a later fragment of nobody knows what. */
export const hidesPort = ({ notes }: Packet): boolean =>
  notes.has(EndpointNote.L4_TRUNCATED) || notes.has(EndpointNote.FRAGMENT_UNMATCHED);

export interface Deciding {
  world: World;
  translations: Translations;
  portGiven: PortGiven;
  flow: Flow;
  path: Path;
  isSent: boolean;
  /** Undefined: there is no room for one. */
  tracked: Tracked | undefined;
}

/** What the host's stack would send to the outside, and is ours to send. */
export function decideMasquerade(deciding: Deciding): void {
  const { world, flow, path, tracked, isSent } = deciding;
  if (path.kind !== PathKind.HOST || path.verdict === Verdict.DROP || !routeTo(world, flow.daddr)?.isOutside)
    return;
  if (tracked?.nat) {
    Object.assign(path, { kind: PathKind.MASQUERADE, ifindex: world.uplink });
    return;
  }
  if (!isSent || !world.masquerade || isSettledWithout(tracked) || !routeTo(world, flow.saddr)?.isMasqueraded)
    return;
  if (isIcmpError(flow.proto, flow.dport) || !canBe(world, flow)) return;
  take(deciding);
  path.ifindex = world.uplink;
}

function canBe(world: World, { proto, dport, vlan, daddr }: Flow): boolean {
  const isEcho = isIcmp(proto) && dport === 0;
  return (proto === TCP || proto === UDP || isEcho) && vlan === 0 && world.leavesByUplink(daddr);
}

function take({ world, translations, portGiven, flow, path, tracked }: Deciding): void {
  const hasPort = isIcmp(flow.proto) || flow.sport !== 0; // an identifier may be 0
  if (!hasPort) {
    refuse(path, PathReason.UNTRANSLATABLE);
    return;
  }
  if (!tracked || tracked.isRetired) {
    refuse(path, PathReason.NO_PORT);
    return;
  }
  const { first, last } = world.masquerade as NonNullable<World["masquerade"]>;
  const address = world.natAddress[flow.family as 4 | 6];
  const port = portGiven(flow);
  if (port === undefined) {
    for (let one = first; one <= last; one++)
      if (!translations.isTaken(flow, address, one)) throw new Error(`port ${one} is free, and wasn't given`);
    refuse(path, PathReason.NO_PORT);
    return;
  }
  if (!isInRange(world, port)) throw new Error(`port ${port} isn't one of ${first} to ${last}`);
  if (translations.isTaken(flow, address, port)) throw new Error(`port ${port} is another flow's`);
  translations.claim(flow, address, port);
  tracked.nat = { address, port };
  path.kind = PathKind.MASQUERADE;
}

/** Whose answer a packet to this host is. */
export function answeredFlow(world: World, translations: Translations, packet: Packet): Flow | undefined {
  if (packet.vlan !== 0 || (isIcmp(packet.proto) && !packet.isEchoReply && !packet.fragment?.offset))
    return undefined;
  const port = isIcmp(packet.proto) ? packet.sport : packet.dport;
  if (!isInRange(world, port)) return undefined;
  const { proto, saddr: remote, sport: remotePort, daddr: address } = packet;
  return translations.ownerOf(world, { proto, remote, remotePort, address, port });
}

/** Whose packet an error from the outside quotes. */
export function quotedOwner(world: World, translations: Translations, quote: Quote): Flow | undefined {
  if (!isInRange(world, quote.sport)) return undefined;
  const { proto, daddr: remote, dport: remotePort, saddr: address, sport: port } = quote;
  return translations.ownerOf(world, { proto, remote, remotePort, address, port });
}
