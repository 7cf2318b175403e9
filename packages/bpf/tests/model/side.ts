/*
 * One side of a packet's way: the flow as its endpoint has it, found or opened, where it goes and whether it may, and what of
 * that is kept in the flow.
 */
import { EndpointClass } from "@millrace/abi/generated/endpoint";
import { FlowOpener, PathKind, PathLimit, PathReason, Verdict } from "@millrace/abi/generated/flow";
import type { Account } from "./account.ts";
import { type FlowTable, follow, openerBy, reopens, type Tracked } from "./conntrack.ts";
import { type Direction, type Flow, flowOf, onWire, quotedFlow, reversed } from "./flow.ts";
import { decideMasquerade, isSamePlace, type PortGiven } from "./nat.ts";
import { type Packet, parseQuote } from "./parse.ts";
import { isAsHost, isLinkUpkeep, judged, type Told, takeTold, verdictOf } from "./policy.ts";
import { decideWay, type Path, refuse } from "./route.ts";
import { type Aim, aim, type Chosen, mayAimElsewhere } from "./service.ts";
import type { Translations } from "./translations.ts";
import { type Pod, podWith, type Target, type World } from "./world.ts";

/** What a decision is made by. */
export interface State {
  world: World;
  table: FlowTable;
  translations: Translations;
  portGiven: PortGiven;
  chosen: Chosen;
}

export interface Side {
  flow: Flow;
  /** Where it goes, if not as it is. */
  target: Target | null;
  /** The flow beyond its endpoint's link. */
  wire: Flow;
  path: Path;
  tracked: Tracked | undefined;
  /** In which it counts, having no flow; TOTAL: it has one. */
  class: EndpointClass;
  /** The agent must be asked whether it may pass. */
  isUnjudged: boolean;
  /** From outside, under an address of this host: not what the flow, which is the host's own, keeps. */
  isAsHost: boolean;
}

/** A packet, and who bears it. */
export interface Passing {
  frame: Buffer;
  packet: Packet;
  direction: Direction;
  told: Told;
  /** It was a backend's answer, and is the service's now. */
  isTurned: boolean;
}

/** What only says that nobody knows, or serves: the next packet may find it otherwise. And what holds in one direction only. */
const OF_ONE_PACKET: readonly PathReason[] = [
  ...[PathReason.UNRESOLVED, PathReason.NO_PORT, PathReason.UNTRANSLATABLE],
  ...[PathReason.NO_BACKEND, PathReason.NO_SERVICE],
];

/** Found or opened, decided, and what is decided kept in the flow. */
export function takeSide(state: State, pod: Pod, passing: Passing): Side {
  const { world, table } = state;
  const { packet, direction, told, isTurned } = passing;
  const flow = flowOf(packet, pod.endpointId, direction);
  const tracked = table.findOrOpen(flow, packet, direction);
  const side: Side = {
    ...{ flow, tracked, target: null, wire: flow, path: decideWay(world, flow) },
    ...{ isUnjudged: false, isAsHost: false },
    class: !tracked ? EndpointClass.TABLE_FULL : tracked.isRetired ? EndpointClass.FLOW_RETIRED : 0,
  };
  const isAnew = tracked !== undefined && reopens(tracked, packet);
  if (!keepsPort(side, told, isAnew)) {
    refuse(side.path, PathReason.NO_PORT);
    return side;
  }
  const isSent = direction === "egress";
  const aimed = aim({ ...state, flow, tracked, isSent, isAnew, isTurned });
  side.target = aimed.target;
  side.wire = onWire(flow, aimed.target);
  side.path = decideWay(world, side.wire);
  if (!isNowhere(world, side.path, aimed)) {
    judge(state, side, passing);
    decideMasquerade({ ...state, ...side, isSent });
  }
  if (mayKeep(state, pod, side, passing)) keep(side);
  return side;
}

/**
 * What came to a port of the host's is answered from there: its flow has that port from its first packet on, or from the first
 * that is seen of it, and one alone.
 */
function keepsPort({ tracked, class: counts }: Side, { came }: Told, isAnew: boolean): boolean {
  if (!came) return true;
  if (!tracked) return false;
  const { egress, ingress } = tracked.counted;
  const isFresh = tracked.opener === FlowOpener.UNKNOWN || egress.packets + ingress.packets === 0;
  if (counts === 0 && (isAnew || (!tracked.nat && isFresh))) tracked.nat = came;
  return isSamePlace(tracked.nat, came);
}

function isNowhere(world: World, path: Path, { refused, isUnknown }: Aim): boolean {
  if (refused !== undefined) refuse(path, refused);
  else if (isUnknown) ask(world, path);
  return refused !== undefined || isUnknown === true;
}

/** The agent, if it is there. */
function ask(world: World, path: Path): void {
  if (world.hasAgent) Object.assign(path, { kind: PathKind.PUNT, verdict: Verdict.PUNT });
  else refuse(path, PathReason.UNRESOLVED);
}

function mayKeep({ world }: State, pod: Pod, side: Side, { packet, direction }: Passing): boolean {
  const { flow, target, tracked, path } = side;
  if (!tracked || side.class !== 0 || side.isAsHost) return false;
  if (podWith(world, flow.saddr)?.endpointId !== pod.endpointId) return false;
  if (direction === "egress") return true;
  // What isn't let in opens nothing anew.
  const isRefused = path.verdict === Verdict.DROP && reopens(tracked, packet);
  return !isRefused && !mayAimElsewhere(world, flow, target);
}

function keep({ path, target, tracked }: Side): void {
  if (!tracked) return;
  tracked.target = target;
  if (path.verdict !== Verdict.PUNT && !OF_ONE_PACKET.includes(path.reason)) tracked.path = { ...path };
}

function judge(state: State, side: Side, passing: Passing): void {
  const { world } = state;
  const { flow, wire, path, tracked } = side;
  const { packet, direction, told } = passing;
  if (world.policy === null) return;
  if (direction === "ingress") {
    side.isAsHost = isAsHost(path, told);
    takeTold(path, told);
  }
  if (path.verdict === Verdict.DROP || isLinkUpkeep(flow)) return;
  if (judgeAsQuoted(state, side, passing)) return;
  const opener = tracked && !reopens(tracked, packet) ? tracked.opener : openerBy(packet, direction);
  const answer = judged(world, { ...wire, sport: flow.sport }, path, opener);
  if (answer === "unknown") {
    side.isUnjudged = world.hasAgent;
    ask(world, path);
    return;
  }
  const { rule, revision } = answer;
  Object.assign(path, { rule, revision });
  if (answer.verdict === "drop") refuse(path, PathReason.POLICY);
  else if (path.verdict === Verdict.FORWARD) path.verdict = verdictOf(answer);
}

/** Whoever may send a flow may also be told, and tell, how it fares. */
function judgeAsQuoted(
  { world, table, translations }: State,
  { flow, path }: Side,
  { frame, packet, direction }: Passing,
): boolean {
  const quote = parseQuote(frame, packet);
  if (!quote) return false;
  const sent = quotedFlow(quote, flow.endpointId, flow.vlan);
  const isSent = direction === "egress";
  const about = isSent ? translations.bearerOf(table, reversed(sent)).live : table.live(sent);
  if (!about) return false;
  const wire = onWire(about.flow, about.target);
  const way = decideWay(world, wire);
  const answer = judged(world, wire, way, about.opener);
  if (way.verdict === Verdict.DROP || answer === "unknown" || answer.verdict === "drop") return false;
  if (path.verdict === Verdict.FORWARD) path.verdict = verdictOf(answer);
  Object.assign(path, { rule: answer.rule, revision: answer.revision });
  return true;
}

/** What was sent counts in full; of what is received, what was let pass. */
export function countSide(side: Side, account: Account, { frame, packet, direction }: Passing): void {
  const { tracked, path } = side;
  if (!tracked || side.class !== 0) {
    account.add(direction, side.class, frame.length);
    return;
  }
  if (path.verdict === Verdict.DROP) countDrop(tracked, path.reason);
  if (direction === "ingress" && path.verdict === Verdict.DROP) return;
  countIn(tracked, frame, packet, direction);
}

export function countIn(tracked: Tracked, frame: Buffer, packet: Packet, direction: Direction): void {
  tracked.counted[direction].packets++;
  tracked.counted[direction].bytes += frame.length;
  follow(tracked, packet, direction);
}

export function countDrop(tracked: Tracked, reason: PathReason): void {
  tracked.drops++;
  tracked.dropReason = PathLimit.REASON_BASE + reason;
}
