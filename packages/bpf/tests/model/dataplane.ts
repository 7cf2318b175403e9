/*
 * The dataplane as a plain program: what becomes of each packet at each hook, and what is counted. Written from
 * docs/dataplane.md and docs/policy.md, not from the C; it keeps no decision, so it has no fast path to be wrong.
 * Services are not in it: see `serviceTranslated`.
 */
import { EndpointClass, EndpointNote } from "@millrace/abi/generated/endpoint";
import { PathKind, PathLimit, PathReason, Verdict } from "@millrace/abi/generated/flow";
import { Account } from "./account.ts";
import { FlowTable, follow, openerBy, reopens, type Tracked } from "./conntrack.ts";
import { type Direction, type Flow, flowOf, quotedFlow, reversed } from "./flow.ts";
import { Fragments } from "./fragments.ts";
import {
  answeredFlow,
  decideMasquerade,
  hidesPort,
  type PortGiven,
  quotedOwner,
  Translations,
} from "./nat.ts";
import { answerArp, answerSolicitation } from "./neighbour.ts";
import { isIcmpError, LINK_BYTES, type Packet, parse, parseQuote, type Unparsed } from "./parse.ts";
import { isAsHost, isLinkUpkeep, judged, TOLD_NOTHING, type Told, takeTold, verdictOf } from "./policy.ts";
import { hopsOf, Rewriting, rewriteEnd, rewriteErrorAddress, rewriteQuote, takeHop } from "./rewrite.ts";
import { decideWay, mayBeSource, type Path, refuse } from "./route.ts";
import { openTunnel, putIntoTunnel } from "./tunnel.ts";
import { type Pod, podWith, type World } from "./world.ts";

export type Fate = "next" | "drop" | "redirect";
export interface Outcome {
  fate: Fate;
  frame: Buffer;
  /** Checksums that were adjusted in it, and those of them that may not be 0; and whether it is in a tunnel. */
  adjusted?: { checksums: ReadonlySet<number>; neverZero: ReadonlySet<number> };
  isTunnelled?: true;
  /** Why it was dropped, and which flow's it was; none of its fields known: nobody's. */
  drop?: { reason: PathReason; direction: Direction; flow: Partial<Flow> };
}

/** One side of a packet's way: its endpoint's view of it. */
interface Side {
  flow: Flow;
  path: Path;
  tracked: Tracked | undefined;
  /** In which it counts, having no flow; TOTAL: it has one. */
  class: EndpointClass;
  /** The agent must be asked whether it may pass. */
  isUnjudged: boolean;
  /** From outside, under an address of this host: not what the flow, which is the host's own, keeps. */
  isAsHost: boolean;
}

/** What only says that nobody knows: the next packet may find it known. And what holds in one direction only. */
const OF_ONE_PACKET: readonly PathReason[] = [
  ...[PathReason.UNRESOLVED, PathReason.NO_PORT, PathReason.UNTRANSLATABLE],
];

export class Dataplane {
  readonly accounts = new Map<number, Account>();
  /** Endpoints whose packets there were since it was cleared last. */
  readonly touched = new Set<number>();
  readonly table: FlowTable;
  readonly translations = new Translations();
  readonly #fragments = new Fragments();
  readonly #portGiven: PortGiven;
  world: World;

  constructor(world: World, room: number, portGiven: PortGiven) {
    this.world = world;
    this.table = new FlowTable(room);
    this.#portGiven = portGiven;
    for (const { endpointId } of world.pods) this.accounts.set(endpointId, new Account());
  }

  /** What a pod sends. */
  podEgress(pod: Pod, frame: Buffer): Outcome {
    const account = this.#account(pod);
    account.total("egress", frame.length);
    const packet = serviceTranslated(parse(frame));
    if (packet.problem !== 0) return this.#unparsed(pod, frame, packet);
    this.#fragments.match(packet, pod.endpointId);
    account.note(packet.notes);
    if (!mayBeSource(this.world, pod, packet)) {
      account.add("egress", EndpointClass.SPOOFED, frame.length);
      return dropped(frame, PathReason.SPOOFED, "egress", {
        ...{ endpointId: pod.endpointId, family: packet.family },
      });
    }
    const side = this.#side(pod, frame, packet, "egress", TOLD_NOTHING);
    this.#count(side, account, frame, packet, "egress");
    if (side.path.reason === PathReason.NO_PORT) account.note([EndpointNote.NO_PORT]);
    const advertisement = answerSolicitation(pod, frame, packet);
    if (advertisement) return { fate: "redirect", frame: advertisement };
    if (side.path.verdict === Verdict.DROP) return dropped(frame, side.path.reason, "egress", side.flow);
    return this.#send(frame, packet, side);
  }

  /** What the host's own stack sends to a pod. */
  podIngress(pod: Pod, frame: Buffer): Outcome {
    return this.#deliver(pod, frame, { ...TOLD_NOTHING, byStack: true }, "next");
  }

  /** What arrives by the uplink. */
  wireIngress(frame: Buffer): Outcome {
    const arrived = openTunnel(this.world, frame);
    if (!arrived) return this.#arrive(frame, TOLD_NOTHING, false);
    const remote = this.world.tunnelPeers.get(arrived.from);
    if (remote === undefined)
      return this.world.hasAgent
        ? { fate: "redirect", frame }
        : dropped(frame, PathReason.UNKNOWN_TUNNEL, "ingress", {});
    if (!arrived.inner) return dropped(frame, PathReason.ENCAPSULATION, "ingress", {});
    return this.#arrive(arrived.inner, { identity: arrived.identity, remote, byStack: false }, true);
  }

  #account({ endpointId }: Pod): Account {
    this.touched.add(endpointId);
    return this.accounts.get(endpointId) as Account;
  }

  #unparsed(pod: Pod, frame: Buffer, { problem, family, notes }: Unparsed): Outcome {
    const account = this.#account(pod);
    account.add("egress", problem, frame.length);
    account.note(notes);
    const isIp = problem === EndpointClass.TRUNCATED;
    const answer = isIp ? undefined : answerArp(pod, frame);
    if (answer) return { fate: "redirect", frame: answer };
    const reason = isIp ? PathReason.MALFORMED : PathReason.NOT_IP;
    return dropped(frame, reason, "egress", { endpointId: pod.endpointId, family });
  }

  /** Found or opened, decided, and what is decided kept in the flow. */
  #side(pod: Pod, frame: Buffer, packet: Packet, direction: Direction, told: Told): Side {
    const flow = flowOf(packet, pod.endpointId, direction);
    const tracked = this.table.findOrOpen(flow, packet, direction);
    const side: Side = {
      ...{ flow, tracked, path: decideWay(this.world, flow), isUnjudged: false, isAsHost: false },
      class: !tracked ? EndpointClass.TABLE_FULL : tracked.isRetired ? EndpointClass.FLOW_RETIRED : 0,
    };
    this.#judge(side, frame, packet, direction, told);
    const { world, translations } = this;
    const portGiven = this.#portGiven;
    const isSent = direction === "egress";
    decideMasquerade({ world, translations, portGiven, isSent, ...side });
    const { verdict, reason } = side.path;
    const isOwn = podWith(world, flow.saddr)?.endpointId === pod.endpointId;
    // What isn't let in opens nothing anew.
    const isRefused =
      !isSent && verdict === Verdict.DROP && tracked !== undefined && reopens(tracked, packet);
    if (
      tracked &&
      side.class === 0 &&
      isOwn &&
      !side.isAsHost &&
      !isRefused &&
      verdict !== Verdict.PUNT &&
      !OF_ONE_PACKET.includes(reason)
    )
      tracked.path = { ...side.path };
    return side;
  }

  #judge(side: Side, frame: Buffer, packet: Packet, direction: Direction, told: Told): void {
    const { world } = this;
    const { flow, path, tracked } = side;
    if (world.policy === null) return;
    if (direction === "ingress") {
      side.isAsHost = isAsHost(path, told);
      takeTold(path, told);
    }
    if (path.verdict === Verdict.DROP || isLinkUpkeep(flow)) return;
    if (this.#judgeAsQuoted(side, frame, packet, direction)) return;
    const opener = tracked && !reopens(tracked, packet) ? tracked.opener : openerBy(packet, direction);
    const answer = judged(world, flow, path, opener);
    if (answer === "unknown") {
      side.isUnjudged = world.hasAgent;
      if (world.hasAgent) Object.assign(path, { kind: PathKind.PUNT, verdict: Verdict.PUNT });
      else refuse(path, PathReason.UNRESOLVED);
      return;
    }
    const { rule, revision } = answer;
    Object.assign(path, { rule, revision });
    if (answer.verdict === "drop") refuse(path, PathReason.POLICY);
    else if (path.verdict === Verdict.FORWARD) path.verdict = verdictOf(answer);
  }

  /** Whoever may send a flow may also be told, and tell, how it fares. */
  #judgeAsQuoted({ flow, path }: Side, frame: Buffer, packet: Packet, direction: Direction): boolean {
    const quote = parseQuote(frame, packet);
    if (!quote) return false;
    const sent = quotedFlow(quote, flow.endpointId, flow.vlan);
    const about = this.table.find(direction === "egress" ? reversed(sent) : sent);
    if (!about || about.isRetired) return false;
    const way = decideWay(this.world, about.flow);
    const answer = judged(this.world, about.flow, way, about.opener);
    if (way.verdict === Verdict.DROP || answer === "unknown" || answer.verdict === "drop") return false;
    if (path.verdict === Verdict.FORWARD) path.verdict = verdictOf(answer);
    Object.assign(path, { rule: answer.rule, revision: answer.revision });
    return true;
  }

  /** What was sent counts in full; of what is received, what was let pass. */
  #count(side: Side, account: Account, frame: Buffer, packet: Packet, direction: Direction): void {
    const { tracked, path } = side;
    const bytes = frame.length;
    if (!tracked || side.class !== 0) {
      account.add(direction, side.class, bytes);
      return;
    }
    if (path.verdict === Verdict.DROP) countDrop(tracked, path.reason);
    if (direction === "ingress" && path.verdict === Verdict.DROP) return;
    tracked.counted[direction].packets++;
    tracked.counted[direction].bytes += bytes;
    follow(tracked, packet, direction);
  }

  /** Into a pod: judged by its own side, and counted when it is let in. */
  #deliver(pod: Pod, frame: Buffer, told: Told, delivered: Fate): Outcome {
    const account = this.#account(pod);
    const packet = parse(frame);
    if (packet.problem === 0) {
      this.#fragments.match(packet, pod.endpointId);
      const side = this.#side(pod, frame, packet, "ingress", told);
      if (side.isUnjudged) return { fate: "redirect", frame };
      if (side.class === 0 || side.path.verdict !== Verdict.DROP)
        this.#count(side, account, frame, packet, "ingress");
      if (side.path.verdict === Verdict.DROP) return dropped(frame, side.path.reason, "ingress", side.flow);
    } else account.add("ingress", packet.problem, frame.length);
    account.note(packet.notes);
    account.total("ingress", frame.length);
    return { fate: delivered, frame };
  }

  #send(frame: Buffer, packet: Packet, side: Side): Outcome {
    const { flow, path } = side;
    switch (path.kind) {
      case PathKind.LOCAL: {
        const to = podWith(this.world, flow.daddr) as Pod;
        if (to.isGone) return this.#lost(frame, PathReason.ENDPOINT_GONE, flow);
        return this.#deliver(to, frame, TOLD_NOTHING, "redirect");
      }
      case PathKind.DIRECT:
      case PathKind.OVERLAY:
        return this.#sendToHost(frame, packet, side);
      case PathKind.PUNT:
        if (this.world.hasAgent) return { fate: "redirect", frame };
        return this.#lost(frame, PathReason.UNRESOLVED, flow);
      case PathKind.MASQUERADE:
        return this.#masquerade(frame, packet, side);
      default:
        return isIcmpError(flow.proto, flow.dport)
          ? this.#sendError(frame, packet, flow)
          : { fate: "next", frame };
    }
  }

  #sendToHost(frame: Buffer, packet: Packet, { flow, path }: Side): Outcome {
    const { remotes } = this.world;
    const to = remotes.get(path.remote);
    if (to === undefined) return this.#lost(frame, PathReason.NO_ROUTE, flow);
    if (path.kind === PathKind.DIRECT) return { fate: "redirect", frame };
    if (packet.ipAt !== LINK_BYTES) return this.#lost(frame, PathReason.ENCAPSULATION, flow); // a tag is another link's
    const tunnelled = putIntoTunnel(this.world, frame, to, path.identity, flow.family);
    return { fate: "redirect", frame: tunnelled, isTunnelled: true };
  }

  /** A router answers what has no hop left or is too long; it cuts nothing to pieces. */
  #asRouter(frame: Buffer, packet: Packet): "goes" | "is answered" | "is lost" {
    const isLong = frame.length > this.world.uplinkMtu + LINK_BYTES;
    if (isLong && packet.family === 4 && (frame.readUInt16BE(packet.ipAt + 6) & 0x4000) === 0)
      return "is lost";
    return isLong || hopsOf(frame, packet) <= 1 ? "is answered" : "goes";
  }

  #masquerade(frame: Buffer, packet: Packet, { flow, tracked }: Side): Outcome {
    const does = this.#asRouter(frame, packet);
    if (does === "is answered") return { fate: "next", frame };
    if (does === "is lost" || hidesPort(packet) || !tracked?.nat)
      return this.#lost(frame, PathReason.UNTRANSLATABLE, flow);
    const work = new Rewriting(frame);
    takeHop(work, packet);
    rewriteEnd(work, packet, "source", tracked.nat);
    return { fate: "redirect", frame: work.frame, adjusted: work };
  }

  /** About a packet of a masqueraded flow, the outside must find in it what it sent. */
  #sendError(frame: Buffer, packet: Packet, flow: Flow): Outcome {
    const quote = parseQuote(frame, packet);
    const about = quote && this.table.find(reversed(quotedFlow(quote, flow.endpointId, 0)));
    if (!quote || !about?.nat || about.isRetired || about.path?.kind !== PathKind.MASQUERADE)
      return { fate: "next", frame };
    const does = this.#asRouter(frame, packet);
    if (does === "is answered") return { fate: "next", frame };
    if (does === "is lost") return this.#lost(frame, PathReason.UNTRANSLATABLE, flow);
    const work = new Rewriting(frame);
    takeHop(work, packet);
    rewriteQuote(work, packet, quote, "destination", about.nat);
    rewriteErrorAddress(work, packet, "source", about.nat.address);
    return { fate: "redirect", frame: work.frame, adjusted: work };
  }

  /** For a pod here, for one that the host speaks for, or left to the host's stack. */
  #arrive(frame: Buffer, told: Told, isTunnelled: boolean): Outcome {
    const packet = parse(frame);
    if (packet.problem !== 0) return { fate: "next", frame };
    const here = podWith(this.world, packet.daddr);
    const returned = here || isTunnelled ? undefined : this.#returned(frame, packet);
    const to = here ?? returned?.to;
    if (!to) return { fate: "next", frame };
    const now = returned?.work.frame ?? frame;
    if (to.isGone) return dropped(now, PathReason.ENDPOINT_GONE, "ingress", { endpointId: to.endpointId });
    const outcome = this.#deliver(to, now, told, "redirect");
    return returned ? { ...outcome, adjusted: returned.work } : outcome;
  }

  /** The outside's answers to what was masqueraded, and its errors about that, as the pod must see them. */
  #returned(frame: Buffer, packet: Packet): { to: Pod; work: Rewriting } | undefined {
    if (!this.world.masquerade || packet.vlan !== 0) return undefined;
    const isLater = (packet.fragment?.offset ?? 0) > 0;
    if (!isLater && isIcmpError(packet.proto, packet.dport)) return this.#returnedError(frame, packet);
    if (isLater) this.#fragments.recall(packet, 0);
    const flow = answeredFlow(this.world, this.translations, packet);
    if (!flow) return undefined;
    if (packet.fragment && !isLater) this.#fragments.remember(packet, 0);
    const work = new Rewriting(frame);
    rewriteEnd(work, packet, "destination", { address: flow.saddr, port: flow.sport });
    return { to: podWith(this.world, flow.saddr) as Pod, work };
  }

  #returnedError(frame: Buffer, packet: Packet): { to: Pod; work: Rewriting } | undefined {
    const quote = parseQuote(frame, packet);
    const flow = quote && quotedOwner(this.world, this.translations, quote);
    if (!quote || !flow) return undefined;
    const work = new Rewriting(frame);
    rewriteQuote(work, packet, quote, "source", { address: flow.saddr, port: flow.sport });
    rewriteErrorAddress(work, packet, "destination", flow.saddr);
    return { to: podWith(this.world, flow.saddr) as Pod, work };
  }

  /** Dropped after its flow was let pass: the flow says so as well. */
  #lost(frame: Buffer, reason: PathReason, flow: Flow): Outcome {
    const tracked = this.table.find(flow);
    if (tracked && !tracked.isRetired) countDrop(tracked, reason);
    return dropped(frame, reason, "egress", flow);
  }
}

/** The seam for services: a packet to a virtual address becomes one to its backend here, before anything is decided. */
const serviceTranslated = (packet: Packet | Unparsed): Packet | Unparsed => packet;

function countDrop(tracked: Tracked, reason: PathReason): void {
  tracked.drops++;
  tracked.dropReason = PathLimit.REASON_BASE + reason;
}

const dropped = (frame: Buffer, reason: PathReason, direction: Direction, flow: Partial<Flow>): Outcome => ({
  fate: "drop",
  frame,
  drop: { reason, direction, flow },
});
