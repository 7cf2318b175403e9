import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aFlow, anEndpoint, batchBytes, type FlowRow } from "../testing/agent-batch.ts";
import { type Batch, decodeBatch } from "./decode.ts";
import type { Names } from "./enrich.ts";
import {
  addUp,
  admitted,
  keyText,
  peerBytes,
  type RollupRow,
  SUMS,
  shownNames,
  totalsOf,
  worthNaming,
} from "./rollup.ts";
import { RollupCardinality } from "./rollup-cardinality.ts";
import { OTHER, type RollupName } from "./rollup-name.ts";

const AT = Date.UTC(2026, 10, 23, 12) * 1000;
const service = (name: string): RollupName => ({ kind: "service", name });
const external = (name: string): RollupName => ({ kind: "external", name });
const ALL_PEERS = { has: () => true } as unknown as ReadonlySet<string>;

function batchOf(flows: FlowRow[]): Batch {
  const decoded = decodeBatch(batchBytes(AT, { flows, endpoints: [anEndpoint()] }), AT);
  if (!decoded.ok) throw new Error(decoded.reason);
  return decoded.batch;
}
type End = { src?: RollupName; dst?: RollupName; counted?: boolean };
const namesOf = (ends: End[]) =>
  ({
    counted: Uint8Array.from(ends.map((e) => (e.counted === false ? 0 : 1))),
    flowSrcName: ends.map((e) => e.src ?? service("web")),
    flowDstName: ends.map((e) => e.dst ?? service("cart")),
  }) as unknown as Names;
const addedUp = (batch: Batch, names: Names, peers: ReadonlySet<string>) =>
  addUp(batch, names, shownNames(names, worthNaming(peers)));
const total = (rows: readonly RollupRow[]) =>
  Object.fromEntries(SUMS.map((name) => [name, rows.reduce((sum, row) => sum + row[name], 0)]));
const samples = (rows: readonly RollupRow[]) => rows.flatMap((r) => r.sketch).reduce((a, b) => a + b, 0);

const aRandomFlow = fc.record({
  row: fc.record({
    dstPort: fc.constantFrom(80, 443, 40_000),
    proto: fc.constantFrom(0, 1, 6, 17),
    verdict: fc.nat({ max: 3 }),
    openerKnown: fc.nat({ max: 1 }),
    fwdBytes: fc.nat(),
    revBytes: fc.nat(),
    drops: fc.nat({ max: 5 }),
    retransmits: fc.nat({ max: 5 }),
    rttUs: fc.constantFrom(0, 150, 90_000),
    carried: fc.nat({ max: 1 }),
    slowPackets: fc.nat({ max: 4 }),
  }),
  end: fc.record({
    src: fc.constantFrom(service("web"), external("8.8.8.8"), external("9.9.9.9")),
    dst: fc.constantFrom(service("cart"), service("web"), external("1.1.1.1")),
    counted: fc.boolean(),
  }),
});

const tellsAlone = ({ verdict, drops }: { verdict: number; drops: number }) =>
  (verdict === 1 && drops > 0) || verdict === 2;

test("sums equal those of the counted updates; drops and retransmits those of all", () => {
  fc.assert(
    fc.property(fc.array(aRandomFlow, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (flows, keys) => {
      const batch = batchOf(flows.map((f) => aFlow(AT, f.row)));
      const rows = addedUp(batch, namesOf(flows.map((f) => f.end)), new Set(["8.8.8.8"]));
      const kept = admitted(rows, "bucket", new RollupCardinality(keys));
      const counted = flows.filter((f) => f.end.counted);
      const sum = (of: typeof flows, pick: (f: (typeof flows)[number]) => number) =>
        of.reduce((n, f) => n + pick(f), 0);
      for (const stage of [rows, kept]) {
        expect(total(stage)).toEqual({
          updates: flows.filter((f) => f.end.counted || tellsAlone(f.row)).length,
          opened: counted.length,
          fwdPackets: counted.length * 2,
          fwdBytes: sum(counted, (f) => f.row.fwdBytes),
          revPackets: counted.length,
          revBytes: sum(counted, (f) => f.row.revBytes),
          drops: sum(flows, (f) => f.row.drops),
          retransmits: sum(flows, (f) => f.row.retransmits),
          slowPackets: sum(counted, (f) => (f.row.carried ? f.row.slowPackets : 0)),
          fastPackets: sum(counted, (f) => (f.row.carried ? Math.max(0, 3 - f.row.slowPackets) : 0)),
        });
        expect(total(totalsOf(stage) as RollupRow[])).toEqual(total(stage));
        expect(new Set(stage.map(keyText)).size).toBe(stage.length);
        expect(samples(stage)).toBe(sum(counted, (f) => (f.row.rttUs ? 1 : 0)));
      }
      // Four verdicts may each have their "other to other" beyond the keys.
      expect(kept.length).toBeLessThanOrEqual(keys + 4);
    }),
  );
});

describe("a key", () => {
  const only = (flow: Partial<FlowRow>, end: End = {}, peers: ReadonlySet<string> = ALL_PEERS) =>
    addedUp(batchOf([aFlow(AT, flow)]), namesOf([end]), peers)[0];
  test("has the server's port, and none where a client's can't be told from it", () => {
    expect(only({ dstPort: 443 })?.dstPort).toBe(443);
    expect(only({ dstPort: 50_000 })?.dstPort).toBe(50_000);
    expect(only({ dstPort: 50_000, openerKnown: 0 })?.dstPort).toBe(0);
    expect(only({ dstPort: 80, openerKnown: 0 })?.dstPort).toBe(80);
    expect(only({ dstPort: 8, proto: 1 })?.dstPort).toBe(0);
  });
  test("names the peers that weigh most, and calls the others other", () => {
    expect(only({}, { dst: external("1.1.1.1") }, new Set(["1.1.1.1"]))?.dst).toEqual(external("1.1.1.1"));
    expect(only({}, { dst: external("1.1.1.1") }, new Set())?.dst).toEqual(OTHER);
    expect(only({}, { src: service("web") }, new Set())?.src).toEqual(service("web"));
  });
});

test("a flow that was there before the interval isn't opened in it, unless it says so", () => {
  const opened = (over: Partial<FlowRow>) =>
    addedUp(batchOf([aFlow(AT, over)]), namesOf([{}]), ALL_PEERS)[0]?.opened;
  expect(opened({ firstSeen: AT - 5e6, opens: 0 })).toBe(0);
  expect(opened({ firstSeen: AT - 5e6, opens: 2 })).toBe(2);
  expect(opened({ firstSeen: AT - 1, opens: 0 })).toBe(1);
});

test("peers are weighed by the bytes of both directions, at either end", () => {
  const flows = [aFlow(AT, { fwdBytes: 5, revBytes: 1 }), aFlow(AT, { fwdBytes: 10, revBytes: 0 })];
  const ends = [{ src: external("1.1.1.1") }, { dst: external("1.1.1.1") }];
  expect([...peerBytes(batchOf(flows), namesOf(ends))]).toEqual([["1.1.1.1", 16]]);
});
