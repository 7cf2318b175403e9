/*
 * Reasons that say too little, where the kernel function that freed the packet says the rest. One table for
 * the observer, the traces and the texts; what stands in no row has the class of its reason alone.
 */
export interface DropPlaceClass {
  /** Of enum skb_drop_reason, without prefix. */
  reason: string;
  /** The kernel function, without what a compiler adds to its name. */
  place: string;
  class: "ordinary";
  /** Why it is so. */
  because: string;
}

const UNTOLD = "NOT_SPECIFIED";
const EACH_PIECE_TOLD =
  "The queue cut a large buffer into pieces and had room for none. Each piece is a drop of its own (QDISC_DROP); what is freed here is the empty hull.";
const ANSWERED_FROM_TIME_WAIT =
  "A late segment of a connection that is over: its TIME_WAIT socket answered as far as needed. Without a socket, with a wrong checksum or by policy the reason is another.";
const A_CAPTURE_S_COPY = "A copy for a packet capture that was too slow. The packet itself went its way.";

export const DROP_PLACES: readonly DropPlaceClass[] = [
  { reason: UNTOLD, place: "tbf_enqueue", class: "ordinary", because: EACH_PIECE_TOLD },
  { reason: UNTOLD, place: "tbf_segment", class: "ordinary", because: EACH_PIECE_TOLD },
  { reason: UNTOLD, place: "tcp_v4_rcv", class: "ordinary", because: ANSWERED_FROM_TIME_WAIT },
  { reason: UNTOLD, place: "tcp_v6_rcv", class: "ordinary", because: ANSWERED_FROM_TIME_WAIT },
  { reason: UNTOLD, place: "packet_rcv", class: "ordinary", because: A_CAPTURE_S_COPY },
  { reason: UNTOLD, place: "tpacket_rcv", class: "ordinary", because: A_CAPTURE_S_COPY },
];
