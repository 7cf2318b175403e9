/**
 * A flow mix that resembles a shop's: short and long connections between services, clients from outside,
 * name look-ups, pings, some of it dropped; per interval one update of each flow from each agent that sees
 * an end of it. Pretended for benchmarks of what comes after the agent; the agent itself is measured on real packets.
 */
import type { FLOW_COLUMNS } from "@millrace/contract/batch";
import type { ColumnRow } from "@millrace/contract/column";
import {
  endpointSeed,
  FLOW_ID_WORDS,
  flowSeed,
  setFlowPorts,
  setFlowProtocol,
  setFlowTime,
  writeFlowId,
} from "@millrace/contract/flow-id";
import { coarse } from "@millrace/contract/numbers";
import { wholeMilliseconds } from "@millrace/contract/packing";
import { ruleNumber } from "@millrace/contract/rule-number";
import { TCP_STATES, VERDICT_NUMBER, WAY_NUMBER, type Way } from "@millrace/contract/verdict";
import type { Fleet, Place, Pod } from "./fleet.ts";
import { Random } from "./random.ts";

export type Row = { -readonly [K in keyof typeof FLOW_COLUMNS]: ColumnRow<typeof FLOW_COLUMNS>[K] };

type Flow = {
  readonly source: Place;
  readonly destination: Place;
  readonly srcPort: number;
  readonly dstPort: number;
  readonly proto: number;
  readonly firstSeenUs: number;
  readonly isn: number;
  readonly rttUs: number;
  /** How its size differs from the usual. */
  readonly weight: number;
  /** Index of DROPS from 1; 0: gets through. */
  readonly dropped: number;
  rttMinUs: number;
  updates: number;
  readonly length: number;
};

/** One agent's word on one flow. The row is reused: its workload, endpoint and reason columns are the caller's to fill. */
export type Sighting = {
  readonly row: Row;
  readonly observer: Pod;
  readonly source: Place;
  readonly destination: Place;
  /** Index of DROPS from 1 where this observer met the drop, else 0. */
  readonly dropped: number;
};

/** What the kernel says of drops: reason and place. */
export const DROPS = [
  { reason: "NO_SOCKET", place: "tcp_v4_rcv+0x5a1" },
  { reason: "NETFILTER_DROP", place: "nft_do_chain+0x3f2" },
  { reason: "QDISC_DROP", place: "__dev_queue_xmit+0x9c4" },
  { reason: "SOCKET_RCVBUFF", place: "sock_queue_rcv_skb_reason+0x44" },
] as const;

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const SYN_FIN_PSH_ACK = 0x1b;
const PSH_ACK = 0x18;

/** Of the flows, how many live for how many intervals: the mean is about 3.4. */
const LENGTHS = [
  { share: 0.62, from: 1, to: 1 },
  { share: 0.22, from: 2, to: 3 },
  { share: 0.12, from: 4, to: 10 },
  { share: 0.035, from: 11, to: 40 },
  { share: 0.005, from: 41, to: 200 },
] as const;

export class FlowMix {
  readonly #fleet: Fleet;
  readonly #random: Random;
  readonly #newPerInterval: number;
  readonly #carried: boolean;
  #flows: Flow[] = [];
  #owed = 0;
  #row: Row;

  /** `carried`: by Millrace's dataplane, which tells more of each flow. */
  constructor(fleet: Fleet, options: { newPerInterval: number; carried?: boolean; seed?: number }) {
    this.#fleet = fleet;
    this.#newPerInterval = options.newPerInterval;
    this.#carried = options.carried ?? false;
    this.#random = new Random(options.seed ?? 2);
    const none = new Uint8Array(16);
    this.#row = {
      ...{ flowId: none, firstSeen: 0, lastSeen: 0, src: none, dst: none, srcPort: 0, dstPort: 0, proto: 0 },
      ...{ vlan: 0, observer: 0, openerKnown: 1, verdict: 0, dropReason: 0, drops: 0, fwdPackets: 0 },
      ...{
        fwdSegments: 0,
        fwdBytes: 0,
        revPackets: 0,
        revSegments: 0,
        revBytes: 0,
        fwdFlags: 0,
        revFlags: 0,
      },
      ...{ tcpState: 0, rttUs: 0, rttMinUs: 0, retransmits: 0, opens: 0, isn: 0, srcWorkload: 0 },
      ...{ dstWorkload: 0, endpoint: 0, final: 0, carried: 0, way: 0, slowPackets: 0, rule: 0, revision: 0 },
    };
  }

  get open(): number {
    return this.#flows.length;
  }

  /** Everything the agents have to report of the interval. */
  interval(fromUs: number, toUs: number, report: (sighting: Sighting) => void): void {
    this.#owed += this.#newPerInterval;
    for (; this.#owed >= 1; this.#owed--) this.#flows.push(this.#opened(fromUs, toUs));
    for (const flow of this.#flows) this.#report(flow, fromUs, toUs, report);
    this.#flows = this.#flows.filter((flow) => ++flow.updates < flow.length);
  }

  #opened(fromUs: number, toUs: number): Flow {
    const random = this.#random;
    const kind = random.share();
    const [proto, source, destination, dstPort] = this.#ends(kind);
    const firstSeenUs = fromUs + random.below(toUs - fromUs);
    const rttUs = Math.round(random.logNormal(source.pod && destination.pod ? 180 : 24_000, 0.6));
    const dropped = random.chance(0.01) ? random.between(1, DROPS.length) : 0;
    return {
      ...{ source, destination, proto, dstPort, firstSeenUs, rttUs, rttMinUs: rttUs, dropped },
      srcPort: proto === ICMP ? 0 : random.between(32_768, 60_999),
      isn: proto === TCP ? random.word() : 0,
      weight: random.logNormal(1, 1.1),
      updates: 0,
      length: proto === TCP && !dropped ? this.#length() : 1,
    };
  }

  #ends(kind: number): [proto: number, source: Place, destination: Place, dstPort: number] {
    const random = this.#random;
    const fleet = this.#fleet;
    const caller = fleet.service(random);
    const client = random.pick(caller.pods);
    const service = fleet.calledBy(caller, random);
    const server = random.pick(service.pods);
    if (kind < 0.15) return [UDP, client, fleet.resolver, 53];
    if (kind < 0.17) return [ICMP, client, server, 0];
    if (kind < 0.32)
      return [TCP, fleet.external(random), random.pick((fleet.services[0] ?? service).pods), 443];
    if (kind < 0.4) return [TCP, client, fleet.external(random), 443];
    return [TCP, client, server, service.port];
  }

  #length(): number {
    let left = this.#random.share();
    for (const { share, from, to } of LENGTHS) {
      if (left < share) return this.#random.between(from, to);
      left -= share;
    }
    return 1;
  }

  #report(flow: Flow, fromUs: number, toUs: number, report: (sighting: Sighting) => void): void {
    this.#fill(flow, fromUs, toUs);
    const { source, destination } = flow;
    for (const [side, place] of [source, destination].entries()) {
      if (!place.pod) continue;
      const dropped = side === 1 || !destination.pod ? flow.dropped : 0;
      this.#row.observer = side;
      this.#row.verdict = VERDICT_NUMBER[dropped ? "dropped" : flow.dropped ? "unknown" : "forwarded"];
      this.#row.drops = dropped ? 1 : 0;
      if (this.#carried) this.#carry(flow, side);
      report({ row: this.#row, observer: place.pod, source, destination, dropped });
    }
  }

  /** The packets that open and close a connection take the slow path; half of the services have a policy. */
  #carry(flow: Flow, side: number): void {
    const row = this.#row;
    const tcp = flow.proto === TCP;
    const slow = (flow.updates === 0 ? (tcp ? 3 : 2) : 0) + (tcp && row.final ? 3 : 0);
    row.carried = 1;
    row.way = row.verdict === VERDICT_NUMBER.dropped ? WAY_NUMBER.none : WAY_NUMBER[wayOf(flow)];
    row.slowPackets = Math.min(slow, row.fwdPackets + row.revPackets);
    row.rule = flow.dstPort % 2 ? 0 : ruleNumber((flow.dstPort % 200) + 1, side + 1);
    row.revision = row.rule % 17;
  }

  #fill(flow: Flow, fromUs: number, toUs: number): void {
    const row = this.#row;
    const random = this.#random;
    const first = flow.updates === 0;
    const last = flow.updates + 1 === flow.length;
    const tcp = flow.proto === TCP;
    row.src = flow.source.address;
    row.dst = flow.destination.address;
    row.srcPort = flow.srcPort;
    row.dstPort = flow.dstPort;
    row.proto = flow.proto;
    row.firstSeen = flow.firstSeenUs;
    const from = Math.max(flow.firstSeenUs, fromUs);
    // As the agent tells it: of the latest timer tick, in whole milliseconds, and never before the first.
    const seen = from + random.below(Math.max(1, toUs - from));
    row.lastSeen = flow.length === 1 ? flow.firstSeenUs : wholeMilliseconds(seen, toUs);
    this.#fillCounters(flow);
    row.fwdFlags = tcp ? (first && last ? SYN_FIN_PSH_ACK : PSH_ACK) : 0;
    row.revFlags = row.fwdFlags;
    row.tcpState = TCP_STATES.indexOf(tcp ? (last ? "closed" : "established") : "none");
    row.rttUs = tcp ? coarse(Math.round(flow.rttUs * (0.8 + 0.4 * random.share()))) : 0;
    flow.rttMinUs = Math.min(flow.rttMinUs, row.rttUs);
    row.rttMinUs = tcp ? coarse(flow.rttMinUs) : 0;
    row.retransmits = tcp && random.chance(0.01) ? random.between(1, 3) : 0;
    row.opens = tcp && first ? 1 : 0;
    row.isn = first || ((flow.isn + Math.floor(toUs / 1e6)) & 15) === 0 ? flow.isn : 0;
    row.final = last ? 1 : 0;
  }

  #fillCounters(flow: Flow): void {
    const row = this.#row;
    const random = this.#random;
    const oneShot = flow.proto !== TCP || flow.dropped;
    const requests = oneShot ? 1 : Math.max(1, Math.round(random.logNormal(3, 0.8)));
    const answer = Math.round(random.logNormal(2_500, 1) * flow.weight);
    row.fwdPackets = oneShot ? 1 : 4 + requests * 2;
    row.fwdSegments = row.fwdPackets;
    row.fwdBytes =
      row.fwdPackets * 66 + (oneShot ? random.between(40, 90) : requests * random.between(200, 900));
    row.revSegments = flow.dropped ? 0 : oneShot ? 1 : 3 + Math.ceil((requests * answer) / 1448);
    row.revPackets = flow.dropped ? 0 : oneShot ? 1 : 3 + Math.ceil((requests * answer) / 16_000);
    row.revBytes = flow.dropped
      ? 0
      : row.revSegments * 66 + (oneShot ? random.between(60, 200) : requests * answer);
  }
}

function wayOf({ source, destination }: Flow): Way {
  if (!source.pod || !destination.pod) return "host";
  return source.pod.host === destination.pod.host ? "local" : "overlay";
}

/** The id an agent gives the row's flow, of which the observing endpoint bears this uid. */
export function agentFlowId(row: Row, uid: string): Uint8Array {
  const from = new Uint32Array(FLOW_ID_WORDS);
  const isSource = row.observer === 0;
  const words = (bytes: Uint8Array) => new Uint32Array(bytes.slice().buffer);
  from.set(words(isSource ? row.src : row.dst));
  from.set(words(isSource ? row.dst : row.src), 4);
  setFlowPorts(from, isSource ? row.srcPort : row.dstPort, isSource ? row.dstPort : row.srcPort);
  setFlowProtocol(from, row.proto, row.vlan);
  setFlowTime(from, row.firstSeen);
  const id = new Uint32Array(4);
  writeFlowId(id, 0, from, flowSeed(endpointSeed(uid), isSource));
  return new Uint8Array(id.buffer);
}
