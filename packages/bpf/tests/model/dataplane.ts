/*
 * The dataplane as a plain program: what becomes of each packet at each hook, and what is counted. Written from
 * docs/dataplane.md, docs/service-dataplane.md and docs/policy.md, not from the C; it keeps no decision but what a flow keeps for
 * life, so it has no fast path to be wrong.
 */
import { EndpointClass, EndpointNote } from "@millrace/abi/generated/endpoint";
import { PathKind, PathReason, Verdict } from "@millrace/abi/generated/flow";
import { Account } from "./account.ts";
import { FlowTable } from "./conntrack.ts";
import { type Direction, type Flow, quotedFlow, reversed } from "./flow.ts";
import { Fragments } from "./fragments.ts";
import { arrivalOf, arrivalOfQuoted, hidesPort, type PortGiven } from "./nat.ts";
import { answerArp, answerSolicitation } from "./neighbour.ts";
import { isIcmpError, LINK_BYTES, type Packet, parse, parseQuote, TCP, UDP, type Unparsed } from "./parse.ts";
import { TOLD_NOTHING, type Told } from "./policy.ts";
import { asRouter, refusalOf } from "./refusal.ts";
import { Rewriting, rewriteEnd, rewriteErrorAddress, rewriteQuote, takeHop } from "./rewrite.ts";
import { mayBeSource } from "./route.ts";
import type { Chosen } from "./service.ts";
import { countDrop, countIn, countSide, type Side, type State, takeSide } from "./side.ts";
import { Translations } from "./translations.ts";
import { openTunnel, putIntoTunnel, TUNNEL_BYTES } from "./tunnel.ts";
import { turnErrorToBackend, turnToService } from "./turn.ts";
import { type Place, type Pod, podWith, type World } from "./world.ts";

export type Fate = "next" | "drop" | "redirect";
export interface Outcome {
  fate: Fate;
  frame: Buffer;
  /** Checksums that were adjusted in it, and those of them that may not be 0; and whether it is in a tunnel. */
  adjusted?: { checksums: ReadonlySet<number>; neverZero: ReadonlySet<number> };
  isTunnelled?: true;
  /** Why it was dropped, and which flow's it was; none of its fields known: nobody's. With another fate: it became the answer. */
  drop?: { reason: PathReason; direction: Direction; flow: Partial<Flow> };
}

/** Of an answer to a refused connection: all that its flow sees of it. */
const RESET = { flags: 4, seq: 0, ack: 0 };

export class Dataplane implements State {
  readonly accounts = new Map<number, Account>();
  /** Endpoints whose packets there were since it was cleared last. */
  readonly touched = new Set<number>();
  readonly table: FlowTable;
  readonly translations = new Translations();
  readonly portGiven: PortGiven;
  readonly chosen: Chosen;
  readonly #fragments = new Fragments();
  world: World;

  constructor(world: World, room: number, portGiven: PortGiven, chosen: Chosen) {
    this.world = world;
    this.table = new FlowTable(room);
    this.portGiven = portGiven;
    this.chosen = chosen;
    for (const { endpointId } of world.pods) this.accounts.set(endpointId, new Account());
  }

  /** What a pod sends. */
  podEgress(pod: Pod, frame: Buffer): Outcome {
    const account = this.#account(pod);
    account.total("egress", frame.length);
    const packet = parse(frame);
    if (packet.problem !== 0) return this.#unparsed(pod, frame, packet);
    this.#fragments.match(packet, pod.endpointId);
    account.note(packet.notes);
    if (!mayBeSource(this.world, pod, packet)) {
      account.add("egress", EndpointClass.SPOOFED, frame.length);
      return dropped(frame, PathReason.SPOOFED, "egress", {
        ...{ endpointId: pod.endpointId, family: packet.family },
      });
    }
    const work = new Rewriting(frame);
    turnErrorToBackend(this, pod, packet, work);
    const told = TOLD_NOTHING;
    const passing = { frame: work.frame, packet, direction: "egress", told, isTurned: false } as const;
    const side = takeSide(this, pod, passing);
    countSide(side, account, passing);
    if (side.path.reason === PathReason.NO_PORT) account.note([EndpointNote.NO_PORT]);
    const advertisement = answerSolicitation(pod, frame, packet);
    if (advertisement) return { fate: "redirect", frame: advertisement };
    if (side.path.verdict === Verdict.DROP) return this.#refuse(frame, packet, side, account);
    if (side.target) {
      rewriteEnd(work, packet, "destination", side.target);
      rewriteEnd(work, packet, "source", { address: packet.saddr, port: side.target.from });
    }
    return this.#send(work, packet, side);
  }

  /** What the host's own stack sends to a pod. */
  podIngress(pod: Pod, frame: Buffer): Outcome {
    return this.#deliver(pod, new Rewriting(frame), { ...TOLD_NOTHING, byStack: true }, "next");
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
    return this.#arrive(arrived.inner, { ...TOLD_NOTHING, identity: arrived.identity, remote }, true);
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

  /** To a service that nobody serves, it is answered as by a closed port; all else is dropped in silence. */
  #refuse(frame: Buffer, packet: Packet, { path, flow, tracked }: Side, account: Account): Outcome {
    const outcome = dropped(frame, path.reason, "egress", flow);
    const isNobody = path.reason === PathReason.NO_BACKEND || path.reason === PathReason.NO_SERVICE;
    const answer =
      isNobody && (flow.proto === TCP || flow.proto === UDP) ? refusalOf(frame, packet) : undefined;
    if (!answer || !tracked) return outcome;
    account.total("ingress", answer.length);
    countIn(tracked, answer, { ...packet, tcp: packet.tcp && RESET }, "ingress");
    return { ...outcome, fate: "redirect", frame: answer };
  }

  /** A router answers what is too long for the tunnel: who came by a port of the host's knows nothing of one. */
  #refuseLong(work: Rewriting, packet: Packet, flow: Flow, mtu: number): Outcome {
    const outcome = this.#lost(work, PathReason.TOO_LONG, flow);
    const answer = refusalOf(work.frame, packet, mtu);
    const account = this.accounts.get(flow.endpointId);
    if (!answer || !account) return outcome;
    account.total("ingress", answer.length);
    const live = this.table.live(flow);
    if (live) countIn(live, answer, { ...packet, tcp: null }, "ingress");
    else account.add("ingress", EndpointClass.FLOW_RETIRED, answer.length);
    return { ...outcome, fate: "redirect", frame: answer };
  }

  /** Into a pod: judged by its own side, and counted when it is let in. */
  #deliver(pod: Pod, work: Rewriting, told: Told, delivered: Fate): Outcome {
    const account = this.#account(pod);
    const came = Buffer.from(work.frame);
    const packet = parse(came);
    if (packet.problem === 0) {
      this.#fragments.match(packet, pod.endpointId);
      const isTurned = turnToService(this, pod, packet, work);
      const passing = { frame: work.frame, packet, direction: "ingress", told, isTurned } as const;
      const side = takeSide(this, pod, passing);
      if (side.isUnjudged) return this.#ask(work, came, packet, side);
      if (side.class === 0 || side.path.verdict !== Verdict.DROP) countSide(side, account, passing);
      if (side.path.verdict === Verdict.DROP)
        return dropped(work.frame, side.path.reason, "ingress", side.flow);
    } else account.add("ingress", packet.problem, came.length);
    account.note(packet.notes);
    account.total("ingress", came.length);
    return made(delivered, work);
  }

  /** About the backend, who is judged: nobody knows whose a virtual address is. */
  #ask(work: Rewriting, came: Buffer, packet: Packet, { flow, target }: Side): Outcome {
    const quote = parseQuote(work.frame, packet);
    const about = quote && this.table.find(quotedFlow(quote, flow.endpointId, flow.vlan));
    if (quote && about?.target) {
      rewriteQuote(work, packet, quote, "destination", about.target);
      rewriteQuote(work, packet, quote, "source", { address: quote.saddr, port: about.target.from });
      if (packet.saddr === about.flow.daddr)
        rewriteErrorAddress(work, packet, "source", about.target.address);
      return made("redirect", work);
    }
    if (!target) return { ...made("redirect", work), frame: came };
    rewriteEnd(work, packet, "source", target);
    rewriteEnd(work, packet, "destination", { address: packet.daddr, port: target.from });
    return made("redirect", work);
  }

  #send(work: Rewriting, packet: Packet, side: Side): Outcome {
    const { wire, path } = side;
    switch (path.kind) {
      case PathKind.LOCAL: {
        const to = podWith(this.world, wire.daddr) as Pod;
        if (to.isGone) return this.#lost(work, PathReason.ENDPOINT_GONE, wire);
        return this.#deliver(to, work, TOLD_NOTHING, "redirect");
      }
      case PathKind.DIRECT:
      case PathKind.OVERLAY:
        return this.#sendToHost(work, packet, side);
      case PathKind.PUNT:
        if (this.world.hasAgent) return made("redirect", work);
        return this.#lost(work, PathReason.UNRESOLVED, wire);
      case PathKind.MASQUERADE:
        return this.#masquerade(work, packet, side);
      default:
        return isIcmpError(wire.proto, wire.dport) ? this.#sendError(work, packet, wire) : made("next", work);
    }
  }

  #sendToHost(work: Rewriting, packet: Packet, { wire, path, target, tracked }: Side): Outcome {
    const to = this.world.remotes.get(path.remote);
    if (to === undefined) return this.#lost(work, PathReason.NO_ROUTE, wire);
    if (tracked?.nat && !target) {
      // The other host's pod has come to a port of this host, and knows the flow by that.
      const mtu = this.world.uplinkMtu - TUNNEL_BYTES;
      if (path.kind === PathKind.OVERLAY && work.frame.length - packet.ipAt > mtu)
        return this.#refuseLong(work, packet, wire, mtu);
      if (hidesPort(packet)) return this.#lost(work, PathReason.UNTRANSLATABLE, wire);
      rewriteEnd(work, packet, "source", tracked.nat);
    }
    if (path.kind === PathKind.DIRECT) return made("redirect", work);
    if (packet.ipAt !== LINK_BYTES) return this.#lost(work, PathReason.ENCAPSULATION, wire); // a tag is another link's
    const frame = putIntoTunnel(this.world, work.frame, to, path.identity, wire.family);
    return { fate: "redirect", frame, isTunnelled: true, adjusted: work.movedBy(TUNNEL_BYTES) };
  }

  #masquerade(work: Rewriting, packet: Packet, { wire, tracked }: Side): Outcome {
    const does = asRouter(this.world, work.frame, packet);
    if (does === "is answered") return made("next", work);
    if (does === "is lost" || hidesPort(packet) || !tracked?.nat)
      return this.#lost(work, PathReason.UNTRANSLATABLE, wire);
    takeHop(work, packet);
    rewriteEnd(work, packet, "source", tracked.nat);
    return made("redirect", work);
  }

  /** About a packet of a flow that the outside knows by this host's address, it must find in it what it sent. */
  #sendError(work: Rewriting, packet: Packet, wire: Flow): Outcome {
    const quote = parseQuote(work.frame, packet);
    const as = quote && reversed(quotedFlow(quote, wire.endpointId, 0));
    const about = as && this.translations.bearerOf(this.table, as).live;
    if (!quote || !about?.nat || about.path?.kind !== PathKind.MASQUERADE) return made("next", work);
    const does = asRouter(this.world, work.frame, packet);
    if (does === "is answered") return made("next", work);
    if (does === "is lost") return this.#lost(work, PathReason.UNTRANSLATABLE, wire);
    takeHop(work, packet);
    rewriteQuote(work, packet, quote, "destination", about.nat);
    rewriteErrorAddress(work, packet, "source", about.nat.address);
    return made("redirect", work);
  }

  /** For a pod here, for one that the host speaks for, or left to the host's stack. */
  #arrive(frame: Buffer, told: Told, isTunnelled: boolean): Outcome {
    const packet = parse(frame);
    if (packet.problem !== 0) return { fate: "next", frame };
    const work = new Rewriting(frame);
    const here = podWith(this.world, packet.daddr);
    const arrived = here || isTunnelled ? undefined : this.#arrived(work, packet);
    const to = here ?? arrived?.to;
    if (!to) return { fate: "next", frame };
    if (to.isGone)
      return dropped(work.frame, PathReason.ENDPOINT_GONE, "ingress", { endpointId: to.endpointId });
    return this.#deliver(to, work, { ...told, came: arrived?.came ?? null }, "redirect");
  }

  /** At the host's own address: answers to what left under it, errors about that, and what is sent to a host port, made the pod's. */
  #arrived(work: Rewriting, packet: Packet): { to: Pod; came: Place | null } | undefined {
    if (packet.vlan !== 0) return undefined;
    const isLater = (packet.fragment?.offset ?? 0) > 0;
    if (!isLater && isIcmpError(packet.proto, packet.dport)) return this.#arrivedError(work, packet);
    if (isLater) this.#fragments.recall(packet, 0);
    const arrival = arrivalOf(this, packet);
    if (!arrival) return undefined;
    if (packet.fragment && !isLater) this.#fragments.remember(packet, 0);
    rewriteEnd(work, packet, "destination", arrival.pod);
    return { to: podWith(this.world, arrival.pod.address) as Pod, came: arrival.came };
  }

  #arrivedError(work: Rewriting, packet: Packet): { to: Pod; came: null } | undefined {
    const quote = parseQuote(work.frame, packet);
    const arrival = quote && arrivalOfQuoted(this, quote);
    if (!quote || !arrival) return undefined;
    const { address } = arrival.pod;
    rewriteQuote(work, packet, quote, "source", arrival.pod);
    rewriteErrorAddress(work, packet, "destination", address);
    return { to: podWith(this.world, address) as Pod, came: null };
  }

  /** Dropped after its flow was let pass, beyond the pod's link: the flow says so as well. */
  #lost({ frame }: Rewriting, reason: PathReason, wire: Flow): Outcome {
    const { flow, live } = this.translations.bearerOf(this.table, wire);
    if (live) countDrop(live, reason);
    return dropped(frame, reason, "egress", flow);
  }
}

const made = (fate: Fate, work: Rewriting): Outcome => ({ fate, frame: work.frame, adjusted: work });
const dropped = (frame: Buffer, reason: PathReason, direction: Direction, flow: Partial<Flow>): Outcome => ({
  ...{ fate: "drop", frame },
  drop: { reason, direction, flow },
});
