/*
 * Masquerading: docs/dataplane.md, "Masquerading" and "Ports of the host". Which flows leave under the host's address, what is changed
 * in their packets, and whose the answers are. Which of the free ports one gets isn't the model's to say: it is told, and asks
 * that it be free.
 */

import { EndpointNote } from "@millrace/abi/generated/endpoint";
import { FlowOpener, PathKind, PathReason, Verdict } from "@millrace/abi/generated/flow";
import { type Address, isMapped } from "./bytes.ts";
import type { FlowTable, Tracked } from "./conntrack.ts";
import type { Flow } from "./flow.ts";
import { isIcmp, isIcmpError, type Packet, type Quote, TCP, UDP } from "./parse.ts";
import { type Path, refuse } from "./route.ts";
import type { Answered, Translations } from "./translations.ts";
import { hostPortAt, type Place, podWith, routeTo, type World } from "./world.ts";

/** Which port the dataplane gave a flow; undefined: none. */
export type PortGiven = (flow: Flow) => number | undefined;

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
  /** The flow beyond the pod's link. */
  wire: Flow;
  path: Path;
  isSent: boolean;
  /** Undefined: there is no room for one. */
  tracked: Tracked | undefined;
}

/** What the host's stack would send to the outside, and is ours to send. */
export function decideMasquerade(deciding: Deciding): void {
  const { world, flow, wire, path, tracked, isSent } = deciding;
  if (path.kind !== PathKind.HOST || path.verdict === Verdict.DROP || !routeTo(world, wire.daddr)?.isOutside)
    return;
  if (tracked?.nat) {
    goOn(deciding, tracked, tracked.nat);
    path.ifindex = world.uplink;
    return;
  }
  if (!isSent || !world.masquerade || isSettledWithout(tracked) || !routeTo(world, flow.saddr)?.isMasqueraded)
    return;
  if (isIcmpError(flow.proto, flow.dport) || !canBe(world, wire)) return;
  take(deciding);
  path.ifindex = world.uplink;
}

/** For life; but towards another backend the port is claimed anew, and may be another's there. */
function goOn(deciding: Deciding, tracked: Tracked, nat: Place): void {
  const { translations, flow, wire, path, isSent } = deciding;
  path.kind = PathKind.MASQUERADE;
  if (!isSent || tracked.isRetired) return;
  if (translations.isTaken(flow, wire, nat)) takePort(deciding, tracked, nat.address);
  else translations.claim(flow, wire, nat);
}

function canBe(world: World, { proto, dport, vlan, daddr }: Flow): boolean {
  const isEcho = isIcmp(proto) && dport === 0;
  return (proto === TCP || proto === UDP || isEcho) && vlan === 0 && world.leavesByUplink(daddr);
}

function take(deciding: Deciding): void {
  const { world, flow, path, tracked } = deciding;
  const hasPort = isIcmp(flow.proto) || flow.sport !== 0; // an identifier may be 0
  if (!hasPort) refuse(path, PathReason.UNTRANSLATABLE);
  else if (!tracked || tracked.isRetired) refuse(path, PathReason.NO_PORT);
  else takePort(deciding, tracked, world.natAddress[flow.family as 4 | 6]);
}

function takePort(deciding: Deciding, tracked: Tracked, address: Address): void {
  const { world, translations, portGiven, flow, wire, path } = deciding;
  const isFree = (port: number) => !translations.isTaken(flow, wire, { address, port });
  const given = portGiven(flow);
  if (given === undefined || given === tracked.nat?.port) {
    const { first = 1, last = 0 } = world.masquerade ?? {};
    for (let one = first; one <= last; one++)
      if (isFree(one)) throw new Error(`port ${one} is free, and wasn't given`);
    refuse(path, PathReason.NO_PORT);
    return;
  }
  if (!isInRange(world, given)) throw new Error(`port ${given} isn't one of the range`);
  if (!isFree(given)) throw new Error(`port ${given} is another flow's`);
  tracked.nat = { address, port: given };
  translations.claim(flow, wire, tracked.nat);
  path.kind = PathKind.MASQUERADE;
}

type Arriving = { world: World; table: FlowTable; translations: Translations };

/** Whose a packet to this host is, as at the pod's link; and the port that it came to, when that leads to the pod. */
export interface Arrival {
  pod: Place;
  came: Place | null;
}

/** `opens`: it may be the first of its flow. */
function arrival(
  { world, table, translations }: Arriving,
  { proto, remote, own }: Answered,
  opens: boolean,
): Arrival | undefined {
  const leads = hostPortAt(world, own.address, own.port, proto);
  if (!leads && !isInRange(world, own.port)) return undefined;
  const claim = translations.claimOf({ proto, remote, own });
  if (claim && podWith(world, claim.flow.saddr)?.endpointId === claim.flow.endpointId) {
    const { flow, port } = claim;
    const isOfPort = leads?.to.address === flow.saddr && leads.to.port === flow.sport;
    return { pod: { address: flow.saddr, port }, came: isOfPort ? own : null };
  }
  const to = leads && podWith(world, leads.to.address);
  if (!leads || !to) return undefined;
  const family = isMapped(own.address) ? 4 : 6;
  const flow: Flow = {
    ...{ endpointId: to.endpointId, family, proto, saddr: leads.to.address, sport: leads.to.port },
    ...{ daddr: remote.address, dport: remote.port, vlan: 0 },
  };
  if (table.find(flow)) translations.claim(flow, flow, own);
  else if (!opens) return undefined;
  return { pod: leads.to, came: own };
}

/** Answers, and what is sent to a host port. */
export function arrivalOf(at: Arriving, packet: Packet): Arrival | undefined {
  if (packet.vlan !== 0 || (isIcmp(packet.proto) && !packet.isEchoReply && !packet.fragment?.offset))
    return undefined;
  const { proto, saddr, sport, daddr, dport } = packet;
  const own = { address: daddr, port: isIcmp(proto) ? sport : dport };
  return arrival(at, { proto, remote: { address: saddr, port: sport }, own }, true);
}

/** Of an error from the outside, by the packet that it quotes. */
export function arrivalOfQuoted(at: Arriving, quote: Quote): Arrival | undefined {
  const { proto, daddr, dport, saddr, sport } = quote;
  const remote = { address: daddr, port: dport };
  return arrival(at, { proto, remote, own: { address: saddr, port: sport } }, false);
}

export const isSamePlace = (a: Place | null, b: Place | null): boolean =>
  a?.address === b?.address && a?.port === b?.port;
