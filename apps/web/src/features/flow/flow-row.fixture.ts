/** A flow for tests. Nothing of the product imports it. */
import type { End, FlowRow } from "@millrace/contract/flow";

export function end(over: Partial<End> = {}): End {
  return {
    ip: "10.1.0.3",
    port: 40_000,
    kind: "pod",
    host: "h1",
    namespace: "shop",
    pod: "web-1",
    container: "web",
    service: "web",
    labels: { app: "web" },
    unknown: null,
    ...over,
  };
}

export function flowRow(over: Partial<Record<keyof FlowRow, unknown>> = {}): FlowRow {
  const direction = { packets: 10, segments: 10, bytes: 1200, tcpFlags: 0x1b };
  return {
    id: "00000000-0000-7000-8000-000000000001",
    otherId: null,
    join: "single",
    tuples: [],
    otherSideUnknown: null,
    firstSeen: 1000,
    lastSeen: 5000,
    openerKnown: true,
    src: end(),
    dst: end({ ip: "10.1.0.4", port: 8080, pod: "checkout-1", container: "checkout", service: "checkout" }),
    asked: null,
    proto: 6,
    vlan: 0,
    verdict: "forwarded",
    dropReason: null,
    drops: 0,
    way: "none",
    pathTiers: null,
    rules: [],
    forward: direction,
    reverse: { ...direction, bytes: 41_000 },
    tcpState: "established",
    rttUs: 210,
    rttMinUs: 120,
    retransmits: 0,
    observers: [{ host: "h1", side: "source" }],
    simulated: false,
    ...over,
  } as FlowRow;
}
