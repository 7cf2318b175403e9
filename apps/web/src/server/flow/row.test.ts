import { describe, expect, test } from "vitest";
import type { Names } from "../workload/service.ts";
import type { Member, Tuple } from "./member.ts";
import { pairMembers } from "./pair.ts";
import { rowOf } from "./row.ts";

const NOTHING = { packets: 0, segments: 0, bytes: 0, flags: 0 };
const member = (over: Partial<Member>): Member => ({
  ...{
    flowId: `flow-${over.observer}`,
    pairKey: "1",
    hostId: 1,
    endpointId: (over.observer ?? 0) + 1,
    observer: 0,
  },
  ...{
    counted: true,
    openerKnown: true,
    firstSeenUs: 1e9,
    lastSeenUs: 2e9,
    src: "10.1.0.5",
    dst: "10.2.0.7",
  },
  ...{ srcPort: 4000, dstPort: 80, proto: 6, vlan: 0, nat: null, isn: 0, badness: 0, drops: 0 },
  ...{ forward: NOTHING, reverse: NOTHING, retransmits: 0, rttMinUs: null, reason: null, tcpState: null },
  ...{ rtt: null, srcWorkload: null, dstWorkload: null, asked: null, keyUs: null },
  ...{ slowPackets: null, decision: null, way: null },
  ...over,
});
const names = (noConntrack: string | null = null): Names => ({
  workload: () => undefined,
  host: (id) => ({ id, name: `h${id}`, simulated: false, noConntrack }),
  hostNamed: () => undefined,
  reason: () => undefined,
  place: () => undefined,
  askedService: (id) =>
    id === 7 ? { ip: "10.210.0.4", port: 80, namespace: "shop", name: "payments" } : undefined,
});
const tuple = (src: string, srcPort: number, dst: string, dstPort: number): Tuple => ({
  src,
  srcPort,
  dst,
  dstPort,
});
const rowsOf = (members: Member[], known = names()) => pairMembers(members).map((pair) => rowOf(pair, known));
const texts = (row: ReturnType<typeof rowOf> | undefined) =>
  row?.tuples.map(({ src, dst }) => `${src.ip}:${src.port} ${dst.ip}:${dst.port}`);

const WEB = tuple("10.1.0.5", 4000, "10.2.0.7", 80);
const VIP = tuple("10.1.0.5", 4000, "10.96.0.10", 80);
const OUT = tuple("192.0.2.1", 61_000, "10.2.0.7", 80);
const PORT = tuple("10.1.0.5", 4000, "192.0.2.2", 8080);
const WIRE = tuple("192.0.2.1", 61_000, "192.0.2.2", 8080);

describe("the tuples of a row", () => {
  test.each([
    [
      "SNAT at the client's host",
      { ...WEB, nat: OUT },
      OUT,
      ["10.1.0.5:4000 10.2.0.7:80", "192.0.2.1:61000 10.2.0.7:80"],
    ],
    [
      "DNAT at the client's host",
      { ...VIP, nat: WEB },
      WEB,
      ["10.1.0.5:4000 10.96.0.10:80", "10.1.0.5:4000 10.2.0.7:80"],
    ],
    [
      "DNAT at the server's host",
      PORT,
      { ...WEB, nat: PORT },
      ["10.1.0.5:4000 192.0.2.2:8080", "10.1.0.5:4000 10.2.0.7:80"],
    ],
    [
      "both",
      { ...PORT, nat: WIRE },
      { ...OUT, nat: WIRE },
      ["10.1.0.5:4000 192.0.2.2:8080", "192.0.2.1:61000 192.0.2.2:8080", "192.0.2.1:61000 10.2.0.7:80"],
    ],
  ])("%s: one row, from the source's form to the destination's", (_, client, server, forms) => {
    const rows = rowsOf([
      member({ ...client, observer: 0 }),
      member({ ...server, observer: 1, counted: false }),
    ]);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ join: "conntrack", otherSideUnknown: null, src: { ip: "10.1.0.5" } });
    expect(texts(rows[0])).toEqual(forms);
  });

  test("of one observer are its own and the other side's, the source's first", () => {
    expect(texts(rowsOf([member({ ...WEB, nat: PORT, observer: 1 })])[0])).toEqual([
      "10.1.0.5:4000 192.0.2.2:8080",
      "10.1.0.5:4000 10.2.0.7:80",
    ]);
    expect(texts(rowsOf([member(WEB)])[0])).toEqual([]);
  });

  test("of two that took different ends for the source run one way", () => {
    const turned = { src: OUT.dst, srcPort: OUT.dstPort, dst: OUT.src, dstPort: OUT.srcPort };
    const [row] = rowsOf([
      member({ ...WEB, nat: OUT, observer: 0, openerKnown: false }),
      member({ ...turned, observer: 2, openerKnown: false, counted: false }),
    ]);
    expect(texts(row)).toEqual(["10.1.0.5:4000 10.2.0.7:80", "192.0.2.1:61000 10.2.0.7:80"]);
  });
});

describe("a row with one observer", () => {
  const why = "switched off by --no-conntrack";
  test("is marked where a host's connection tracking isn't read", () => {
    expect(rowsOf([member(WEB)], names(why))[0]?.otherSideUnknown).toBe(
      "the connection tracking of h1 isn't read: switched off by --no-conntrack",
    );
  });
  test.each([
    ["its other side is known", { ...WEB, nat: OUT }, why],
    ["the far end is the Internet's", { ...WEB, dst: "8.8.8.8" }, why],
    ["connection tracking is read", WEB, null],
  ])("isn't marked when %s", (_, over, reason) => {
    expect(rowsOf([member(over)], names(reason))[0]?.otherSideUnknown).toBeNull();
  });
});

describe("the path of a row", () => {
  const FORWARDED = 1;
  const WOULD_DROP = 2;
  const DROPPED = 3;
  const some = { packets: 4, segments: 4, bytes: 400, flags: 0 };
  const carried = (observer: number, badness: number, rule: number, over: Partial<Member> = {}) =>
    member({
      ...{ ...WEB, observer, badness, counted: observer === 0, forward: some, reverse: some },
      ...{ slowPackets: 3, decision: [badness, 1, rule, 7] as const, way: [1, 3] as const },
      ...over,
    });
  const ruled = (...members: Member[]) =>
    rowsOf(members)[0]?.rules.map(({ policy, place }) => `${policy}/${place}`);

  test("is the first observer's: its way, and its packets by path tier", () => {
    const [row] = rowsOf([
      carried(0, FORWARDED, 0),
      carried(1, FORWARDED, 0, { slowPackets: 8, way: [1, 1] }),
    ]);
    expect(row).toMatchObject({ way: "overlay", pathTiers: { slow: 3, fast: 5 }, rules: [] });
  });

  test("has no more slow packets than packets, though its agent may have read one too early", () => {
    expect(rowsOf([carried(0, FORWARDED, 0, { slowPackets: 9 })])[0]?.pathTiers).toEqual({
      slow: 8,
      fast: 0,
    });
  });

  test("of a flow that another carries is none", () => {
    expect(rowsOf([member(WEB)])[0]).toMatchObject({ way: "none", pathTiers: null, rules: [] });
  });

  test("tells what was asked for, which only the source's host knows", () => {
    const asked = [1, 7] as const;
    const [row] = rowsOf([member({ ...WEB, observer: 1 }), member({ ...WEB, observer: 0, asked })]);
    expect(row?.asked).toEqual({ ip: "10.210.0.4", port: 80, namespace: "shop", name: "payments" });
    expect(rowsOf([member(WEB)])[0]?.asked).toBeNull();
  });

  test("names both ends' rules where both let it pass, one where they are one", () => {
    expect(ruled(carried(1, FORWARDED, 513), carried(0, FORWARDED, 257))).toEqual(["1/1", "2/1"]);
    expect(ruled(carried(1, FORWARDED, 257), carried(0, FORWARDED, 257))).toEqual(["1/1"]);
    expect(ruled(carried(1, FORWARDED, 513), carried(0, FORWARDED, 0))).toEqual(["2/1"]);
  });

  test("names the rule of the end that would drop it, and not what let it out", () => {
    expect(ruled(carried(0, FORWARDED, 257), carried(1, WOULD_DROP, 512))).toEqual(["2/0"]);
  });

  test("names what let it pass where the kernel dropped it for another reason than policy", () => {
    const told = (reason: string) => {
      const pairs = pairMembers([carried(0, FORWARDED, 257), carried(1, DROPPED, 513, { reason: [1, 5] })]);
      const known = { ...names(), reason: () => reason };
      return pairs.map((pair) => rowOf(pair, known).rules.map(({ policy }) => policy))[0];
    };
    expect(told("NO_SOCKET")).toEqual([1, 2]);
    expect(told("MILLRACE_POLICY")).toEqual([2]);
  });
});
