/** Trace events for tests. Nothing of the product imports it. */
import type { TraceEvent, TraceEventView } from "@millrace/contract/trace";

export function dropEvent(sequence: number, over: { host?: string; at?: number } = {}): TraceEventView {
  const host = over.host ?? "h1";
  const event: TraceEvent = {
    kind: "drops",
    sequence,
    at: over.at ?? sequence * 1000,
    tuple: { src: "10.1.0.3", dst: "10.1.0.4", srcPort: 50_000, dstPort: 8443, proto: 6 },
    namespace: "shop",
    pod: "checkout-1",
    container: "checkout",
    process: null,
    reason: "NO_SOCKET",
    class: "loss",
    place: "tcp_v4_rcv",
    stack: ["kfree_skb_reason", "tcp_v4_rcv"],
    packetBytes: 60,
    headers: "",
  };
  return { id: `${host}-${sequence}`, host, event };
}
