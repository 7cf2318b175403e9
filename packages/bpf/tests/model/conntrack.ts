/*
 * The table of flows: who opened one, what its segments tell of the connection, and what was counted. It never evicts: when
 * it is full, new flows aren't kept.
 */
import { FlowOpener, FlowTcpState } from "@millrace/abi/generated/flow";
import { type Direction, type Flow, flowText, other } from "./flow.ts";
import { type Packet, TCP } from "./parse.ts";
import type { Path } from "./route.ts";
import type { Place, Target } from "./world.ts";

const [FIN, SYN, RST, ACK] = [1, 2, 4, 16] as const;

export interface Count {
  packets: number;
  bytes: number;
}
export interface Tracked {
  flow: Flow;
  /** Being taken out of the table: nothing is counted in it, and nothing kept. */
  isRetired: boolean;
  opener: FlowOpener;
  state: FlowTcpState;
  /** All that were seen since it was opened the last time. */
  flags: Record<Direction, number>;
  isn: number;
  opens: number;
  counted: Record<Direction, Count>;
  drops: number;
  /** The latest of those. */
  dropReason: number;
  /** The latest decision that is kept. */
  path: Path | null;
  /** Under which the far side knows it. */
  nat: Place | null;
  /** Where it goes, if not as it is. */
  target: Target | null;
}

/** What bears its tuple beyond the endpoint's link is another flow's. */
export const isElsewhere = ({ flow, target }: Tracked): boolean =>
  target !== null && target.from !== flow.sport;

export class FlowTable {
  readonly flows = new Map<string, Tracked>();
  /** Found for a packet, or opened by it, since it was cleared last. */
  readonly touched = new Set<Tracked>();
  /** How many more fit. */
  room: number;

  constructor(room: number) {
    this.room = room;
  }
  find(flow: Flow): Tracked | undefined {
    return this.flows.get(flowText(flow));
  }
  /** Not one that is being taken out. */
  live(flow: Flow | undefined): Tracked | undefined {
    const found = flow && this.find(flow);
    return found?.isRetired ? undefined : found;
  }
  /** Undefined when there is no room. */
  findOrOpen(flow: Flow, packet: Packet, direction: Direction): Tracked | undefined {
    const found = this.find(flow);
    if (found) this.touched.add(found);
    if (found || this.room === 0) return found;
    const opened = openedBy(packet, flow, direction);
    this.flows.set(flowText(flow), opened);
    this.touched.add(opened);
    this.room--;
    return opened;
  }
  remove({ flow }: Tracked): void {
    if (this.flows.delete(flowText(flow))) this.room++;
  }
}

const openerAs = (sender: Direction): FlowOpener =>
  sender === "egress" ? FlowOpener.LOCAL : FlowOpener.REMOTE;

/** Whoever the packet says opened its flow, if it is the first that was seen: a SYN-ACK or an echo's answer means the other end. */
export function openerBy(packet: Packet, direction: Direction): FlowOpener {
  if (packet.proto !== TCP) return openerAs(packet.isEchoReply ? other(direction) : direction);
  const flags = packet.tcp?.flags ?? 0;
  if (flags & RST || !(flags & SYN)) return FlowOpener.UNKNOWN;
  return openerAs(flags & ACK ? other(direction) : direction);
}

function openedBy(packet: Packet, flow: Flow, direction: Direction): Tracked {
  const none = () => ({ packets: 0, bytes: 0 });
  const opened: Tracked = {
    ...{ flow, isRetired: false, opener: openerBy(packet, direction), state: FlowTcpState.NONE },
    ...{
      flags: { egress: 0, ingress: 0 },
      isn: 0,
      opens: 0,
      drops: 0,
      dropReason: 0,
      path: null,
      nat: null,
      target: null,
    },
    counted: { egress: none(), ingress: none() },
  };
  if (!packet.tcp) return opened;
  begin(opened, packet.tcp.flags, direction);
  if (opened.state !== FlowTcpState.OPENING) return opened;
  const isAnswer = (packet.tcp.flags & ACK) !== 0;
  opened.isn = (isAnswer ? packet.tcp.ack - 1 : packet.tcp.seq) >>> 0;
  opened.opens = isAnswer ? 0 : 1;
  return opened;
}

function begin(tracked: Tracked, flags: number, direction: Direction): void {
  tracked.flags = { egress: 0, ingress: 0, [direction]: flags };
  if (flags & RST) tracked.state = FlowTcpState.RESET;
  else if (flags & SYN) tracked.state = FlowTcpState.OPENING;
  else tracked.state = flags & FIN ? FlowTcpState.CLOSING : FlowTcpState.ESTABLISHED;
}

const isOver = ({ state }: Tracked): boolean => state === FlowTcpState.CLOSED || state === FlowTcpState.RESET;

/** A SYN after the connection's end that isn't the repetition of the one that opened it. */
export function reopens(tracked: Tracked, { tcp }: Packet): boolean {
  return (
    tcp !== null && (tcp.flags & (SYN | ACK | RST)) === SYN && isOver(tracked) && tcp.seq !== tracked.isn
  );
}

/** What a segment changes. */
export function follow(tracked: Tracked, packet: Packet, direction: Direction): void {
  const { tcp } = packet;
  if (!tcp || tcp.flags === 0) return;
  if (reopens(tracked, packet)) {
    begin(tracked, tcp.flags, direction);
    tracked.opener = openerBy(packet, direction);
    tracked.isn = tcp.seq;
    tracked.opens++;
    return;
  }
  tracked.flags[direction] |= tcp.flags;
  if (isOver(tracked)) return;
  if (tcp.flags & RST) tracked.state = FlowTcpState.RESET;
  else if (tracked.flags.egress & tracked.flags.ingress & FIN) tracked.state = FlowTcpState.CLOSED;
  else if (tcp.flags & FIN) tracked.state = FlowTcpState.CLOSING;
  else if (tracked.state === FlowTcpState.OPENING && !(tcp.flags & SYN) && tcp.flags & ACK)
    tracked.state = FlowTcpState.ESTABLISHED;
}
