/** Random flows as two observers would report them, with every field that a filter can ask for. Test material. */
import fc from "fast-check";
import { anUpdate, START_US, type UpdateRow } from "./telemetry-rows.ts";

export type Known = {
  hosts: number[];
  workloads: (number | null)[];
  reasons: number[];
  services: (number | null)[];
};

const SECOND_US = 1_000_000;
const uuid = fc.uuid({ version: 7 });
const small = fc.nat({ max: 3 });

const tuple = fc.record({
  src: fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1"),
  dst: fc.constantFrom("10.0.0.2", "10.1.2.3", "fd00::2"),
  src_port: fc.constantFrom(40_000, 40_001),
  dst_port: fc.constantFrom(80, 443),
  proto: fc.constantFrom(6, 17),
  vlan: fc.constantFrom(0, 7),
});

/** What a NAT at the source's host makes of a tuple. */
const rewritten = fc.record({
  nat_src: fc.constantFrom("10.9.0.1", "10.0.0.1"),
  nat_dst: fc.constantFrom("10.9.0.2", "10.1.2.3"),
  nat_src_port: fc.constantFrom(40_000, 61_000),
  nat_dst_port: fc.constantFrom(80, 8080),
});

const counters = fc.record({
  verdict: small,
  drops: small,
  fwd_packets: small,
  fwd_segments: small,
  fwd_bytes: fc.nat({ max: 2000 }),
  rev_packets: small,
  rev_segments: small,
  rev_bytes: fc.nat({ max: 2000 }),
  fwd_flags: fc.nat({ max: 31 }),
  rev_flags: fc.nat({ max: 31 }),
  tcp_state: fc.nat({ max: 5 }),
  rtt_us: fc.option(fc.constantFrom(100, 5000, 20_000)),
  retransmits: small,
});

/** What a dataplane of ours says of one interval; another's says nothing. */
const carried = fc.oneof(
  fc.record({
    way: fc.constantFrom(null, 1, 3),
    slow_packets: small,
    rule: fc.constantFrom(null, 257, 512),
    revision: fc.constantFrom(null, 4),
  }),
  fc.constant({ way: null, slow_packets: null, rule: null, revision: null }),
);

/** Updates of one observer, in intervals shorter than a second from its opening on. */
function observerRows(known: Known, fixed: Partial<UpdateRow>, openedS: number): fc.Arbitrary<UpdateRow[]> {
  const identity = fc.record({
    src_workload: fc.constantFrom(...known.workloads),
    dst_workload: fc.constantFrom(...known.workloads),
    reason_id: fc.constantFrom(null, ...known.reasons),
    asked_service: fc.constantFrom(...known.services),
  });
  return fc
    .tuple(uuid, fc.array(fc.tuple(counters, identity, carried), { minLength: 1, maxLength: 4 }))
    .map(([flow_id, updates]) =>
      updates.map(([counts, names, path], at) => {
        const ts = START_US + openedS * SECOND_US + (at + 1) * 400_000;
        const first_seen = START_US + openedS * SECOND_US + 1000;
        const rtt_min_us = counts.rtt_us;
        return anUpdate({
          ...fixed,
          ...counts,
          ...names,
          ...path,
          ...{ flow_id, ts, first_seen, last_seen: ts - 1000, rtt_min_us },
        });
      }),
    );
}

/** One to three lives of one tuple, each seen by one end or by both. */
export function randomFlow(known: Known): fc.Arbitrary<UpdateRow[]> {
  const life = fc.record({
    openedS: fc.nat({ max: 50 }),
    ends: fc.constantFrom("source", "destination", "both"),
    nat: fc.option(rewritten, { freq: 3 }),
  });
  return fc
    .tuple(tuple, fc.bigInt({ min: 1n, max: 1n << 62n }), life)
    .chain(([t, key, { openedS, ends, nat }]) => {
      const [here = 1, there = here] = known.hosts;
      const shared = { ...t, pair_key: String(key) };
      const there4 = nat && { src: nat.nat_src, dst: nat.nat_dst };
      const ports = nat && { src_port: nat.nat_src_port, dst_port: nat.nat_dst_port };
      const source = { ...shared, ...nat, observer: 0, counted: true, host_id: here, endpoint_id: 1 };
      const destination = {
        ...shared,
        ...there4,
        ...ports,
        observer: 1,
        counted: ends !== "both",
        host_id: there,
        endpoint_id: 2,
      };
      const rows = [];
      if (ends !== "destination") rows.push(observerRows(known, source, openedS));
      if (ends !== "source") rows.push(observerRows(known, destination, openedS));
      return fc.tuple(...rows).map((lists) => lists.flat());
    });
}

const field = (names: string[], operators: string[], values: string[]) =>
  fc
    .tuple(fc.constantFrom(...names), fc.constantFrom(...operators), fc.constantFrom(...values), fc.boolean())
    .map(([name, operator, value, negated]) => `${negated ? "-" : ""}${name}${operator}${value}`);
const ends = (name: string) => [name, `src.${name}`, `dst.${name}`];
const ORDER = ["=", "!=", ">", ">=", "<", "<="];

/** A filter text of up to three terms that mean something for random flows. */
export const randomFilter = fc
  .array(
    fc.oneof(
      field(
        ends("service"),
        ["=", "!=", "~"],
        ["web", "check", "checkout", "web,checkout", "payments", "shop/payments", "none"],
      ),
      field(["service.address"], ["=", "!="], ["10.210.0.0/16", "fd00:210::4", "10.210.0.9"]),
      field(["service.port"], ORDER, ["80", "443"]),
      field(ends("pod"), ["=", "~"], ["web-1", "WEB", "-1", "checkout-1"]),
      field(ends("namespace"), ["=", "~"], ["shop", "op"]),
      field(ends("container"), ["="], ["app", "sidecar"]),
      field(ends("host"), ["=", "!=", "~"], ["h1", "h2", "H"]),
      field(ends("label"), ["=", "~"], ["app", "app:web", "app:none", "eb", "constructor", "tier:"]),
      field(ends("ip"), ["=", "!="], ["10.0.0.1", "10.9.0.0/24", "fd00::/16", "10.1.2.3/8", "fd00::1"]),
      field(ends("port"), ORDER, ["80", "443", "40000", "8080"]),
      field(ends("kind"), ["=", "~"], ["pod", "external", "unknown", "n"]),
      field(["proto"], ["=", "!="], ["TCP", "17", "TCP,UDP"]),
      field(["verdict"], ["=", "!="], ["forwarded", "dropped", "unknown", "dropped,would-drop"]),
      field(["reason"], ["=", "~"], ["NO_SOCKET", "filter", "NETFILTER_DROP"]),
      field(["state"], ["=", "!="], ["established", "none", "reset"]),
      field(["rtt"], ORDER, ["5ms", "0.1ms", "1s"]),
      field(["bytes"], ORDER, ["1kB", "0", "200"]),
      field(["packets", "retransmits", "drops", "vlan"], ORDER, ["0", "2", "7"]),
      field(["way"], ["=", "!="], ["none", "local", "overlay,host"]),
      field(["tier"], ["=", "!="], ["slow", "fast"]),
      field(["rule"], ["=", "!="], ["1/1", "512", "1/1,9/9"]),
      field(["policy"], ["=", "!="], ["1", "2", "0"]),
      field(["observer"], ["=", "~"], ["h1", "h2", "h"]),
      fc.constantFrom(
        "web",
        "-web",
        "10.0.0.1:4000",
        "shop",
        "H1",
        "NO_SO",
        "drop",
        "fd00::2",
        "10.9.0.1:6",
        "10.210.0.9:8",
      ),
    ),
    { maxLength: 3 },
  )
  .map((terms) => terms.join(" "));
