/*
 * Services, packet by packet: docs/service-dataplane.md. Which backend a flow goes to, and whose a backend's answers are. Which of
 * those that could be chosen was isn't the model's to say: it is told, and asks that it could. Affinity isn't in it, since a hash and
 * a pod's last backend are equally anyone's choice here; nor are sockets that were given a backend when they connected, which send no packets
 * to a service.
 */
import { PathReason } from "@millrace/abi/generated/flow";
import type { FlowTable, Tracked } from "./conntrack.ts";
import { type Flow, onWire } from "./flow.ts";
import { isSamePlace } from "./nat.ts";
import { TCP, UDP } from "./parse.ts";
import type { Translations } from "./translations.ts";
import { type Backend, hostPortAt, isVirtual, type Place, type World } from "./world.ts";

/** What the dataplane chose for a flow. */
export interface Chosen {
  /** Null: none. */
  backend: (flow: Flow) => Place | null;
  /** Why the packet was dropped that it chose none for. */
  refusal: () => PathReason | undefined;
}

export interface Aim {
  target: Backend | null;
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
}

/** In place of a backend's number, a host port's. */
const HOST_PORT_BACKEND = 0xffffffff;

/** Whether the flow names a virtual address, or a port of this host's that leads to a pod. */
const isForService = (world: World, { daddr, dport, proto }: Flow): boolean =>
  isVirtual(world, daddr) || hostPortAt(world, daddr, dport, proto) !== undefined;

/** Datagrams may be given another; a connection would not survive it. */
function stays(world: World, { daddr, dport, proto }: Flow, target: Backend): boolean {
  if (proto !== UDP) return true;
  if (target.number === HOST_PORT_BACKEND)
    return isSamePlace(hostPortAt(world, daddr, dport, proto)?.to ?? null, target);
  return world.services.services.some(({ backends }) =>
    backends.some(({ number }) => number === target.number),
  );
}

/** What arrives says nothing of where the flow's next packet goes that may be given a backend, or another. */
export function mayAimElsewhere(world: World, flow: Flow, target: Backend | null): boolean {
  return target ? !stays(world, flow, target) : isForService(world, flow);
}

export function aim(aiming: Aiming): Aim {
  const { world, flow, tracked, isSent, isAnew } = aiming;
  const kept = isSent && isAnew ? null : (tracked?.target ?? null);
  if (!isSent || (kept && stays(world, flow, kept)) || !isForService(world, flow)) return { target: kept };
  if (flow.proto !== TCP && flow.proto !== UDP) return refused(PathReason.NO_SERVICE);
  if (flow.sport === 0 || flow.dport === 0 || flow.vlan !== 0) return refused(PathReason.UNTRANSLATABLE);
  const answer = tracked && !tracked.isRetired ? choose(aiming, tracked) : refused(PathReason.NO_PORT);
  return kept && !answer.target ? { target: kept } : answer;
}

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

function choose(aiming: Aiming, tracked: Tracked): Aim {
  const { world, translations, chosen, flow } = aiming;
  const among = candidates(world, flow);
  if (among === undefined) return { target: null, isUnknown: true };
  if (typeof among === "number") return refused(among);
  const obstacles = among.map((backend) => obstacle(aiming, backend));
  const free = among.filter((_, at) => obstacles[at] === undefined);
  if (free.length === 0) {
    const reason = obstacles.every((one) => one === obstacles[0]) ? obstacles[0] : chosen.refusal();
    if (!tracked.target && !obstacles.includes(reason)) throw new Error(`refused for reason ${reason}`);
    return refused(reason ?? PathReason.NO_PORT);
  }
  const given = chosen.backend(flow);
  const target = free.find((one) => isSamePlace(one, given));
  if (!target) throw new Error(`the backend ${JSON.stringify(given)} isn't one of ${JSON.stringify(free)}`);
  translations.claim(flow, onWire(flow, target), { address: flow.saddr, port: flow.sport });
  return { target };
}

/** Why that backend won't do; undefined: it does. */
function obstacle({ table, translations, flow }: Aiming, backend: Backend): PathReason | undefined {
  if (backend.address === flow.saddr) return PathReason.NO_BACKEND;
  const wire = onWire(flow, backend);
  const own = { address: flow.saddr, port: flow.sport };
  return table.find(wire) || translations.isTaken(flow, wire, own) ? PathReason.NO_PORT : undefined;
}

/** Whose answer that is. A flow of the pod's own to the backend goes before. */
export const answeredService = (
  table: FlowTable,
  translations: Translations,
  flow: Flow,
): Flow | undefined => (table.find(flow) ? undefined : translations.askedFor(flow));
