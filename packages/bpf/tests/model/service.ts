/*
 * Services, packet by packet: docs/service-dataplane.md. Which backend a flow goes to, from which port, and whose a backend's answers are.
 * Which of those that could be chosen was isn't the model's to say: it is told, and asks that it could. Affinity isn't in it, since a hash and
 * a pod's last backend are equally anyone's choice here; nor are sockets that were given a backend when they connected, which send no packets
 * to a service.
 */
import { FlowOpener, PathReason } from "@millrace/abi/generated/flow";
import { type FlowTable, isElsewhere, type Tracked } from "./conntrack.ts";
import { type Flow, onWire } from "./flow.ts";
import { isSamePlace } from "./nat.ts";
import { TCP, UDP } from "./parse.ts";
import type { Translations } from "./translations.ts";
import { type Backend, hostPortAt, isVirtual, type Place, type Target, type World } from "./world.ts";

/** What the dataplane chose for a flow. */
export interface Chosen {
  /** Null: none. */
  backend: (flow: Flow) => Place | null;
  /** The port that it has beyond its endpoint's link; undefined: its own. */
  port: (flow: Flow) => number | undefined;
}

export interface Aim {
  target: Target | null;
  /** Instead: dropped, or nobody knows. */
  refused?: PathReason;
  isUnknown?: true;
}
const refused = (reason: PathReason): Aim => ({ target: null, refused: reason });

export interface Aiming {
  world: World;
  table: FlowTable;
  translations: Translations;
  chosen: Chosen;
  flow: Flow;
  /** Undefined: there is no room for one. */
  tracked: Tracked | undefined;
  isSent: boolean;
  /** It opens a closed connection anew. */
  isAnew: boolean;
  /** It was a backend's answer. */
  isTurned: boolean;
}

/** In place of a backend's number: a host port's, and where a flow goes to whom it names. */
const HOST_PORT_BACKEND = 0xffffffff;
const NAMED_BACKEND = 0xfffffffe;
/** That flows get whose own is another's beyond the link. */
const WIRE_PORTS = { first: 32_768, last: 60_999 } as const;

/** Whether the flow names a virtual address, or a port of this host's that leads to a pod. */
const isForService = (world: World, { daddr, dport, proto }: Flow): boolean =>
  isVirtual(world, daddr) || hostPortAt(world, daddr, dport, proto) !== undefined;

/** Datagrams may be given another; a connection would not survive it. */
function stays(world: World, { daddr, dport, proto }: Flow, target: Backend): boolean {
  if (proto !== UDP || target.number === NAMED_BACKEND) return true;
  if (target.number === HOST_PORT_BACKEND)
    return isSamePlace(hostPortAt(world, daddr, dport, proto)?.to ?? null, target);
  return world.services.services.some(({ backends }) =>
    backends.some(({ number }) => number === target.number),
  );
}

/** What arrives says nothing of where the flow's next packet goes that may be given a backend, or another. */
export function mayAimElsewhere(world: World, flow: Flow, target: Target | null): boolean {
  return target ? !stays(world, flow, target) : isForService(world, flow);
}

export function aim(aiming: Aiming): Aim {
  const { world, flow, tracked, isSent } = aiming;
  const kept = isOver(aiming) ? null : (tracked?.target ?? null);
  if (!isSent || (kept && stays(world, flow, kept))) return { target: kept };
  if (!isForService(world, flow)) return { target: mustEvade(aiming) ? evaded(aiming) : kept };
  if (flow.proto !== TCP && flow.proto !== UDP) return refused(PathReason.NO_SERVICE);
  if (flow.sport === 0 || flow.dport === 0 || flow.vlan !== 0) return refused(PathReason.UNTRANSLATABLE);
  const answer = tracked && !tracked.isRetired ? choose(aiming) : refused(PathReason.NO_PORT);
  return kept && !answer.target ? { target: kept } : answer;
}

/** What the last connection had: when the pod opens another, or the far end does that comes to the flow's own port. */
const isOver = ({ tracked, isSent, isAnew, isTurned }: Aiming): boolean =>
  isAnew && (isSent || (!isTurned && tracked?.target?.number === NAMED_BACKEND));

/** Undefined: nobody told. */
function candidates(
  world: World,
  { daddr, dport, proto }: Flow,
): readonly Backend[] | PathReason | undefined {
  if (!isVirtual(world, daddr)) {
    const to = hostPortAt(world, daddr, dport, proto)?.to as Place;
    return [{ ...to, number: HOST_PORT_BACKEND }];
  }
  const { services, told } = world.services;
  const service = services.find((one) => one.address === daddr && one.port === dport && one.proto === proto);
  if (!service) return told.includes(daddr) ? PathReason.NO_SERVICE : undefined;
  return service.backends.length > 0 ? service.backends : PathReason.NO_BACKEND;
}

function choose(aiming: Aiming): Aim {
  const { world, chosen, flow } = aiming;
  const among = candidates(world, flow);
  if (among === undefined) return { target: null, isUnknown: true };
  if (typeof among === "number") return refused(among);
  const others = among.filter(({ address }) => address !== flow.saddr);
  if (others.length === 0) return refused(PathReason.NO_BACKEND);
  const given = chosen.backend(flow);
  const backend = others.find((one) => isSamePlace(one, given));
  if (!backend)
    throw new Error(`the backend ${JSON.stringify(given)} isn't one of ${JSON.stringify(others)}`);
  return { target: claimed(aiming, backend) };
}

/** From the flow's own port, if no other of the pod's is known there by that. */
function claimed({ table, translations, chosen, flow }: Aiming, backend: Backend): Target {
  const to = (from: number): Target => ({ ...backend, from });
  const own = (from: number): Place => ({ address: flow.saddr, port: from });
  const isFree = (from: number) => {
    const there = table.find(onWire(flow, to(from)));
    return (!there || isElsewhere(there)) && !translations.isTaken(flow, onWire(flow, to(from)), own(from));
  };
  const given = chosen.port(flow) ?? flow.sport;
  if (!isFree(given)) throw new Error(`the port ${given} is another flow's`);
  if (given !== flow.sport && isFree(flow.sport))
    throw new Error(`its own port is free, and it got ${given}`);
  if (given !== flow.sport && (given < WIRE_PORTS.first || given > WIRE_PORTS.last))
    throw new Error(`the port ${given} is none of those that clients have`);
  translations.claim(flow, onWire(flow, to(given)), own(given));
  return to(given);
}

const evaded = (aiming: Aiming): Target =>
  claimed(aiming, { address: aiming.flow.daddr, port: aiming.flow.dport, number: NAMED_BACKEND });

/** Another flow of the pod's, to a service, is known to that far end by that port, and nobody knows this one yet. */
function mustEvade({ translations, flow, tracked, isAnew }: Aiming): boolean {
  if ((flow.proto !== TCP && flow.proto !== UDP) || flow.vlan !== 0 || !tracked || tracked.isRetired)
    return false;
  const isKnown = tracked.opener === FlowOpener.REMOTE || tracked.counted.ingress.packets > 0;
  return (isAnew || !isKnown) && translations.isTaken(flow, flow, { address: flow.saddr, port: flow.sport });
}

/** Whose answer that is. A flow that the far end knows by that tuple goes before. */
export function answeredService(table: FlowTable, translations: Translations, flow: Flow): Flow | undefined {
  const own = table.find(flow);
  return own && !isElsewhere(own) ? undefined : translations.askedFor(flow);
}
