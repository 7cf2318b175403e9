/*
 * Packets at random for the differential test, between the ends of random-world.ts: connections walked through, echoes, errors about
 * what was sent, fragments, tunnels of our own, and all of it damaged. What a test run refuses to take is left out.
 */
import { checksummed } from "./checksums.ts";
import type { Target } from "./model/world.ts";
import { PROTO, packet } from "./packet-builder.ts";
import { perhapsDamaged } from "./random-damage.ts";
import { anyFlags, anyIp, isToPod, plainIp } from "./random-headers.ts";
import { arpQuestion, noise, solicitation } from "./random-link.ts";
import { answering } from "./random-services.ts";
import {
  addressIn,
  NEWER_IDENTITY,
  PEERS,
  type Peer,
  POD_P,
  POD_Q,
  type Random,
  ROUTER,
  TUNNEL_PORT,
  UNDERLAY,
} from "./random-world.ts";

export type Hook = "pod_egress" | "pod_ingress" | "wire_ingress";
export interface Sent {
  hook: Hook;
  device: "p0" | "q0" | "up0";
  frame: Buffer;
}
type Family = 4 | 6;
type Kind = "tcp" | "udp" | "echo" | "sctp" | "other";
export interface Conversation {
  pod: Peer;
  peer: Peer;
  family: Family;
  kind: Kind;
  sport: number;
  dport: number;
  /** Never both: who bears a flow's packets doesn't change while it lasts. */
  byStack: boolean;
  /** Of the host's, by which the peer asks for the pod's `sport`: one, but for now and then. */
  hostPorts?: readonly number[];
  /** Without tags, options, fragments and extensions: the fast path's. */
  isPlain: boolean;
}
/** What was decided for a flow of the pod's. */
export interface Known {
  /** Under which port of the host's the far end knows it. */
  natPort: (pod: string, peer: string, sport: number, dport: number, proto: number) => number | undefined;
  /** Where it goes, if not as it is. */
  target: (pod: string, peer: string, sport: number, dport: number, proto: number) => Target | null;
}

const THIS_HOST = { 4: "10.200.0.1", 6: "fd00:200::1" } as const;
const SPORTS = [0, 40_000, 40_001, 41_000];
const DPORTS = [53, 80, 443, 442, TUNNEL_PORT];
const MOST_KEPT = 32;
/**
 * Pods send it nothing: what a tunnel says against a lease holds until the flow is decided anew by a packet of the pod's own, which
 * is at once on the slow path and later on the fast one.
 */
const OTHERWISE_TUNNELLED = PEERS.find(({ kind }) => kind === "otherwise tunnelled") as Peer;
const isOtherwiseTunnelled = (address: string): boolean =>
  [OTHERWISE_TUNNELLED[4], OTHERWISE_TUNNELLED[6]].some((one) => addressIn(one) === addressIn(address));

export class Traffic {
  readonly #random: Random;
  readonly #known: Known;
  /** Of another kind than below, and more of what backends may send. */
  readonly #talks: ((random: Random) => Conversation) | undefined;
  readonly #conversations: Conversation[];
  /** What left for the outside, and what came into a pod: as those who saw it may quote it. */
  readonly #left: Buffer[] = [];
  readonly #came: Buffer[] = [];

  constructor(random: Random, known: Known, talks?: (random: Random) => Conversation) {
    this.#random = random;
    this.#known = known;
    this.#talks = talks;
    this.#conversations = Array.from({ length: 14 }, () => this.#conversation());
  }

  next(): Sent {
    const random = this.#random;
    const what = random.below(100);
    if (what < 78) return this.#damaged(this.#step(random.one(this.#conversations)));
    if (what < 86) return this.#damaged(this.#step(this.#conversation()));
    if (what < 94) return this.#damaged(this.#error());
    return random.one([
      () => this.#arp(),
      () => this.#solicitation(),
      () => this.#noise(),
      () => this.#spoofed(),
    ])();
  }

  /** What the dataplane made of it: for errors to quote. */
  saw({ hook }: Sent, fate: string, frame: Buffer): void {
    if (hook === "pod_egress" && fate !== "drop") keep(this.#left, frame);
    const isInto = hook === "wire_ingress" || (this.#talks && isToPod(frame));
    if (isInto && fate === "redirect") keep(this.#came, frame);
  }

  #conversation(): Conversation {
    const random = this.#random;
    if (this.#talks) return this.#talks(random);
    const pod = random.one([POD_P, POD_P, POD_Q]);
    return {
      pod,
      peer: random.one(PEERS.filter((one) => one !== pod)), // what it sends to itself never leaves it
      family: random.one([4, 4, 6]),
      kind: random.one(["tcp", "tcp", "tcp", "udp", "udp", "echo", "echo", "sctp", "other"]),
      ...{ sport: random.one(SPORTS), dport: random.one(DPORTS), byStack: random.may(15) },
      isPlain: random.may(60),
    };
  }

  #step(talk: Conversation): Sent {
    const isOut = this.#random.may(55) && talk.peer !== OTHERWISE_TUNNELLED;
    if (isOut) return this.#out(talk.pod, this.#built(talk, true, talk.pod[talk.family], talk.sport));
    const target = this.#target(talk);
    if (talk.peer.kind === "service" && this.#random.may(95))
      return this.#back(answering(this.#random, talk, target));
    if (target && this.#random.may(80)) return this.#back({ ...talk, sport: target.from });
    if (talk.hostPorts && this.#random.may(90))
      return this.#in(
        talk,
        this.#built(talk, false, THIS_HOST[talk.family], this.#random.one(talk.hostPorts)),
      );
    return this.#back(talk);
  }
  #back(talk: Conversation): Sent {
    const { peer, pod, family, kind } = talk;
    if (peer.kind === "local") return this.#out(peer, this.#built(talk, false, pod[family], talk.sport));
    const port =
      peer.kind === "outside" && !talk.byStack
        ? this.#known.natPort(
            ...([
              pod[family],
              peer[family],
              talk.sport,
              kind === "echo" ? 0 : talk.dport,
              protoOf(talk),
            ] as const),
          )
        : undefined;
    if (port !== undefined && this.#random.may(90))
      return this.#in(talk, this.#built(talk, false, THIS_HOST[family], port));
    return this.#in(talk, this.#built(talk, false, pod[family], talk.sport));
  }
  #target(talk: Conversation): Target | null {
    const { pod, peer, family, sport, dport } = talk;
    return this.#known.target(pod[family], peer[family], sport, dport, protoOf(talk));
  }

  #out(pod: Peer, frame: Buffer): Sent {
    return { hook: "pod_egress", device: pod === POD_Q ? "q0" : "p0", frame };
  }
  #in({ peer, pod, byStack, family }: Conversation, frame: Buffer): Sent {
    if (
      (peer.kind === "host" && this.#random.may(85)) || // else somebody's outside, under its address
      peer.kind === "link" ||
      (byStack && peer.kind !== "otherwise tunnelled" && peer.kind !== "unknown")
    )
      return { hook: "pod_ingress", device: pod === POD_Q ? "q0" : "p0", frame };
    return this.#arriving(peer, family, frame);
  }
  #arriving({ kind, identity }: Peer, family: Family, frame: Buffer): Sent {
    const by = (bytes: Buffer): Sent => ({ hook: "wire_ingress", device: "up0", frame: bytes });
    if (kind === "overlay") return by(this.#tunnelled(frame, UNDERLAY[2], identity));
    if (kind === "otherwise tunnelled")
      return by(this.#tunnelled(frame, UNDERLAY[family === 4 ? 2 : 3], NEWER_IDENTITY));
    return by(frame);
  }
  #tunnelled(inner: Buffer, from: string, identity: number): Buffer {
    const stranger = this.#random.may(2);
    const vxlan = Buffer.alloc(8);
    vxlan.writeUInt32BE(0x08000000);
    vxlan.writeUInt32BE(identity * 256, 4);
    const outer = packet()
      .ethernet()
      .ip4(stranger ? UNDERLAY.stranger : from, "10.200.0.1")
      .udp(50_000, TUNNEL_PORT);
    return Buffer.from(outer.raw(Buffer.concat([vxlan, inner])).bytes());
  }

  /** One packet of a conversation; `own`: the pod's address and port, as this packet bears them. */
  #built(talk: Conversation, isOut: boolean, own: string, ownPort: number): Buffer {
    const random = this.#random;
    const { family, kind, dport } = talk;
    const far = talk.peer[family];
    const [from, to] = isOut ? [own, far] : [far, own];
    const [sport, port] = isOut ? [ownPort, dport] : [dport, ownPort];
    const ip = talk.isPlain ? plainIp(family, from, to) : anyIp(random, family, from, to);
    const payload = random.may(3) ? 1390 + random.below(60) : random.below(40);
    const build = {
      tcp: () => ip.tcp(sport, port, anyFlags(random, isOut)),
      udp: () => ip.udp(sport, port),
      sctp: () => ip.sctp(sport, port),
      echo: () => {
        const isRequest = isOut !== random.may(15);
        if (family === 4) return ip.icmp(isRequest ? 8 : 0, 0, ownPort);
        return ip.icmp6(isRequest ? 128 : 129, 0, ownPort);
      },
      other: () => ip,
    }[kind]();
    const bytes = build.payload(payload).bytes();
    const isSummed = talk.isPlain && random.may(70) && kind !== "sctp" && kind !== "other";
    return isSummed ? checksummed(bytes, { udp: random.may(80) }) : Buffer.from(bytes);
  }

  /** About something that left or came, quoted as it was seen, more or less of it. */
  #error(): Sent {
    const random = this.#random;
    const isOut = random.may(35);
    const seen = isOut ? this.#came : this.#left;
    if (seen.length === 0) return this.#noise();
    const frame = random.one(seen);
    const family: Family = frame.readUInt16BE(12) === 0x86dd ? 6 : 4;
    const quoted = Buffer.from(frame.subarray(14, 14 + random.one([28, 36, 48, 60, 200])));
    if (random.may(5)) quoted[random.one([0, 6, 9])] = random.below(256);
    const own = this.#quotedEnd(quoted, family, isOut ? "destination" : "source");
    const teller = this.#teller(quoted, family);
    const far = isOut ? this.#quotedEnd(quoted, family, "source") : teller[family];
    if (isOut && isOtherwiseTunnelled(far)) return this.#noise();
    const [from, to] = isOut ? [own, far] : [far, own];
    const ip = plainIp(family, from, to);
    const [type, code] = random.one(
      family === 4
        ? [
            [3, 3],
            [3, 4],
            [11, 0],
            [5, 1],
          ]
        : [
            [1, 4],
            [2, 0],
            [3, 0],
          ],
    ) as [number, number];
    const bytes = (family === 4 ? ip.icmp(type, code) : ip.icmp6(type, code)).raw(quoted).bytes();
    if (!isOut) return this.#arriving(teller, family, checksummed(bytes));
    return this.#out(own === POD_Q[family] ? POD_Q : POD_P, checksummed(bytes));
  }
  #teller(quoted: Buffer, family: Family): Peer {
    const random = this.#random;
    const to = addressIn(this.#quotedEnd(quoted, family, "destination"));
    const receiver = PEERS.find((one) => addressIn(one[family]) === to);
    if (this.#talks && receiver && random.may(60)) return receiver;
    return random.may(60) ? ROUTER : random.one(PEERS);
  }
  #quotedEnd(quoted: Buffer, family: Family, which: "source" | "destination"): string {
    const at = family === 4 ? (which === "source" ? 12 : 16) : which === "source" ? 8 : 24;
    const bytes = quoted.subarray(at, at + (family === 4 ? 4 : 16));
    if (family === 4) return bytes.length === 4 ? [...bytes].join(".") : POD_P[4];
    return bytes.length === 16 ? (bytes.toString("hex").match(/..../g) as string[]).join(":") : POD_P[6];
  }

  #arp(): Sent {
    const frame = arpQuestion(this.#random);
    const pod = this.#random.one([POD_P, POD_Q]);
    return this.#out(pod, this.#random.may(10) ? frame.subarray(0, 20 + this.#random.below(22)) : frame);
  }
  #solicitation(): Sent {
    const froms = [POD_P[6], POD_P[6], "fe80::7", "::", POD_Q[6]];
    const frame = solicitation(this.#random, froms);
    return this.#out(POD_P, this.#random.may(10) ? Buffer.concat([frame, Buffer.alloc(12, 9)]) : frame);
  }
  #noise(): Sent {
    const frame = noise(this.#random);
    const hook = this.#random.one<Hook>(["pod_egress", "pod_ingress", "wire_ingress"]);
    return { hook, device: hook === "wire_ingress" ? "up0" : "p0", frame };
  }

  /** Under another's address, or none, or one that only looks like one's own. */
  #spoofed(): Sent {
    const random = this.#random;
    const talk = { ...this.#conversation(), family: random.one<Family>([4, 6]), pod: POD_P };
    const froms = {
      4: ["10.201.1.8", "10.201.1.77", "10.200.0.1", "224.0.0.251", "0.0.0.0"],
      6: ["fe80::7", "fe80::7", "::", "fd00:201:1::8", "::ffff:ac9:107", "ff02::1"],
    };
    return this.#out(POD_P, this.#built(talk, true, random.one(froms[talk.family]), talk.sport));
  }

  #damaged(sent: Sent): Sent {
    return { ...sent, frame: perhapsDamaged(this.#random, sent.frame) };
  }
}

const protoOf = ({ kind, family }: Conversation): number =>
  kind === "echo" ? (family === 4 ? PROTO.icmp : PROTO.icmp6) : kind === "tcp" ? PROTO.tcp : PROTO.udp;

function keep<T>(kept: T[], one: T): void {
  kept.push(one);
  if (kept.length > MOST_KEPT) kept.shift();
}
