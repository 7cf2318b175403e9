import type { Resolved, Route } from "@millrace/contract/network";
import { expect, test } from "vitest";
import { Routes } from "./routes.ts";

const route = (host: string): Route => ({
  host: {
    name: host,
    uplink4: "10.0.0.2",
    uplink6: null,
    mac: "02:00:00:00:00:02",
    mtu: 1500,
    vtepPort: 8472,
  },
  ...{ pool: "default", mode: "direct", identity: 300, labels: {} },
});
const found = (address: string, host = "h2", leaseSeconds = 100): Resolved => ({
  ...{ address, found: route(host), reason: null, leaseSeconds },
});
const absent = (address: string): Resolved => ({
  address,
  found: null,
  reason: "no-endpoint",
  leaseSeconds: 5,
});
const everybody = () => true;

function routes() {
  const clock = { ms: 0 };
  return { clock, routes: new Routes(() => clock.ms) };
}

test("an answer holds for its lease and no longer", () => {
  const { clock, routes: known } = routes();
  known.put([found("10.1.0.1"), absent("10.1.0.2")]);
  clock.ms = 4999;
  expect(known.get("10.1.0.1")?.found?.host.name).toBe("h2");
  expect(known.get("10.1.0.2")).toMatchObject({ found: null, reason: "no-endpoint" });
  clock.ms = 5000;
  expect(known.get("10.1.0.2")).toBeUndefined();
  clock.ms = 100_000;
  expect(known.get("10.1.0.1")).toBeUndefined();
  const { version } = known;
  known.expire();
  expect(known.size).toBe(0);
  expect(known.version).toBeGreaterThan(version);
});

test("what was in use within a day is renewed before its lease ends, what wasn't is left to end", () => {
  const { clock, routes: known } = routes();
  known.put([found("10.1.0.1"), found("10.1.0.2"), absent("10.1.0.3")]);
  const inUse = (address: string) => address === "10.1.0.1";
  clock.ms = 69_999;
  expect(known.due(inUse)).toEqual([]);
  clock.ms = 70_000;
  expect(known.due(inUse)).toEqual(["10.1.0.1", "10.1.0.2"]);
  clock.ms = 26 * 3_600_000 + 1;
  expect(known.due(inUse)).toEqual(["10.1.0.1"]);
});

test("with nobody to ask, all that is known stays", () => {
  const { clock, routes: known } = routes();
  known.put([found("10.1.0.1")]);
  for (; clock.ms < 2 * 3_600_000; clock.ms += 30_000) {
    known.hold();
    known.expire();
  }
  expect(known.get("10.1.0.1")).toBeDefined();
});

test("what an earlier life knew holds on, and is the first to be asked about", () => {
  const { clock, routes: known } = routes();
  known.restore([["10.1.0.1", route("h2")]]);
  expect(known.get("10.1.0.1")?.found?.host.name).toBe("h2");
  expect(known.due(everybody)).toEqual(["10.1.0.1"]);
  clock.ms = 60_000;
  expect(known.get("10.1.0.1")).toBeUndefined();
});

test("a renewal that says the same changes nothing, another host does", () => {
  const { routes: known } = routes();
  known.put([found("10.1.0.1")]);
  const { version } = known;
  known.put([found("10.1.0.1"), absent("10.1.0.2")]);
  expect(known.version).toBe(version);
  known.put([found("10.1.0.1", "h3")]);
  expect(known.version).toBeGreaterThan(version);
});

test("a hint makes all that is known due at once, and forgets what was absent", () => {
  const { routes: known } = routes();
  known.put([found("10.1.0.1"), absent("10.1.0.2")]);
  known.doubt();
  expect(known.due(everybody)).toEqual(["10.1.0.1"]);
  expect(known.get("10.1.0.2")).toBeUndefined();
});

test("a host keeps its number while it is routed to, and a number rests before another host has it", () => {
  const { clock, routes: known } = routes();
  known.put([found("10.1.0.1", "h2", 10), found("10.1.0.2", "h3", 100)]);
  expect([known.indexOf("h2"), known.indexOf("h3"), known.indexOf("h2")]).toEqual([1, 2, 1]);
  clock.ms = 10_000;
  known.expire();
  known.put([found("10.1.0.4", "h4")]);
  expect([known.indexOf("h3"), known.indexOf("h4")]).toEqual([2, 3]);
});

test("no more is kept than has room, the oldest answer goes first", () => {
  const { routes: known } = routes();
  known.put(Array.from({ length: 4096 }, (_, i) => found(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`)));
  expect(known.size).toBe(4095);
  expect(known.get("10.0.0.0")).toBeUndefined();
  expect(known.get("10.0.15.255")).toBeDefined();
});
