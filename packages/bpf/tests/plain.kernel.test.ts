/*
 * The short way of plain packets against the whole way: a packet that comes again goes the short way if it is
 * plain, and must end up where the first one, which opened its flow by the whole way, did.
 */
import { fc, test } from "@fast-check/vitest";
import { FlowDirection } from "@millrace/abi/generated/flow";
import { afterAll, beforeAll, expect } from "vitest";
import { ENDPOINT_ID, expectConserved } from "./expectations.ts";
import { Observer, type Way } from "./observer.ts";
import { frames } from "./packet-arbitrary.ts";
import { packet } from "./packet-builder.ts";

let observer: Observer;
beforeAll(() => {
  observer = new Observer("plain");
});
afterAll(() => observer[Symbol.dispose]());

const TIMES = 3;
const ways = fc.constantFrom<Way>("egress", "ingress");
/** As of a driver that merged or will segment: by one, or in pieces. */
const segments = fc.constantFrom(0, 2, 45);

test.prop([frames, ways, segments], { numRuns: 600 })(
  "a packet that comes again counts where it counted the first time",
  (bytes, way, gsoSegs) => {
    observer.reset(ENDPOINT_ID);
    observer.send(way, bytes, { gsoSegs });
    const first = { flows: observer.flows(), classes: observer.classes(), notes: observer.notes() };
    for (let i = 1; i < TIMES; i++) observer.send(way, bytes, { gsoSegs });
    const times = (counts: object) =>
      Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, n * TIMES]));
    expect(observer.classes()).toEqual(times(first.classes));
    expect(observer.notes()).toEqual(times(first.notes));
    const again = observer.flows();
    expect(again.map(({ key }) => key)).toEqual(first.flows.map(({ key }) => key));
    again.forEach(({ record }, i) => {
      const before = first.flows[i]?.record;
      expect(record.tcpFlags).toEqual(before?.tcpFlags);
      expect(record.opener).toBe(before?.opener);
      expect(record.isn).toBe(before?.isn);
      for (const direction of [FlowDirection.EGRESS, FlowDirection.INGRESS])
        expect(record.counters[direction]?.bytes).toBe(
          (before?.counters[direction]?.bytes ?? 0n) * BigInt(TIMES),
        );
    });
    expectConserved(observer);
  },
);

test.each([
  ["egress", "ingress"],
  ["ingress", "egress"],
] as const)("data and its answers after an opening by %s stay one flow, established", (first, second) => {
  observer.reset(ENDPOINT_ID);
  const there = (flags: object) =>
    packet().ethernet().ip4("10.1.0.1", "10.1.0.2").tcp(4000, 443, flags).payload(9).bytes();
  const back = (flags: object) =>
    packet().ethernet().ip4("10.1.0.2", "10.1.0.1").tcp(443, 4000, flags).payload(9).bytes();
  observer.send(first, there({ syn: true, seq: 1 }));
  observer.send(second, back({ syn: true, ack: true, seq: 1 }));
  for (let i = 0; i < 4; i++) {
    observer.send(first, there({ ack: true }));
    observer.send(second, back({ ack: true }));
  }
  const { key, record } = observer.flow();
  expect([key.sport, key.dport]).toEqual(first === "egress" ? [4000, 443] : [443, 4000]);
  expect(record.counters.map(({ packets }) => packets)).toEqual([5n, 5n]);
  expect(record.tcpState).toBe(2);
});
