import type { ResolvedService, ServiceAnswer } from "@millrace/contract/service";
import { expect, test } from "vitest";
import { ServiceLeases } from "./leases.ts";

const DAY_MS = 24 * 3600 * 1000;
const cart = (affinitySeconds: number | null = null): ResolvedService => ({
  ...{ namespace: "shop", name: "cart", addresses: ["10.96.0.1"], affinitySeconds, ports: [], leftOut: 0 },
});
const found = (address: string, service = cart()): ServiceAnswer => ({
  ...{ address, found: service, reason: null, leaseSeconds: 100 },
});
const absent = (address: string): ServiceAnswer => ({
  ...{ address, found: null, reason: "no-service", leaseSeconds: 5 },
});

function begin() {
  const clock = { ms: 0 };
  return { clock, leases: new ServiceLeases(() => clock.ms) };
}

test("an answer holds for its lease, an absence for a moment", () => {
  const { clock, leases } = begin();
  leases.put([found("10.96.0.1"), absent("10.96.0.2")]);
  expect(leases.takeChanged()).toEqual(["10.96.0.1", "10.96.0.2"]);
  clock.ms = 5000;
  leases.expire();
  expect(leases.takeChanged()).toEqual(["10.96.0.2"]);
  clock.ms = 100_000;
  leases.expire();
  expect([leases.size, leases.takeChanged()]).toEqual([0, ["10.96.0.1"]]);
});

test("what was used in the last day is renewed before its lease ends, and what wasn't is left to end", () => {
  const { clock, leases } = begin();
  leases.put([found("10.96.0.1"), found("10.96.0.2"), absent("10.96.0.3")]);
  clock.ms = 69_999;
  expect(leases.due()).toEqual([]);
  clock.ms = 70_000;
  expect(leases.due()).toEqual(["10.96.0.1", "10.96.0.2"]);
  clock.ms = 26 * 3600 * 1000;
  leases.use("10.96.0.2");
  expect(leases.due()).toEqual(["10.96.0.2"]);
});

test("a renewal that says the same changes nothing, another does", () => {
  const { leases } = begin();
  leases.put([found("10.96.0.1")]);
  leases.takeChanged();
  leases.put([found("10.96.0.1")]);
  expect(leases.takeChanged()).toEqual([]);
  leases.put([found("10.96.0.1", cart(60))]);
  expect(leases.takeChanged()).toEqual(["10.96.0.1"]);
});

test("with nobody to ask, what is known stays, and what an earlier life knew holds on", () => {
  const { clock, leases } = begin();
  leases.restore([["10.96.0.1", cart()]]);
  expect(leases.takeChanged()).toEqual(["10.96.0.1"]);
  expect(leases.due()).toEqual(["10.96.0.1"]);
  for (clock.ms = 0; clock.ms < DAY_MS; clock.ms += 30_000) {
    leases.hold();
    leases.expire();
  }
  expect(leases.size).toBe(1);
});

test("a hint makes all that is known due at once, and forgets what was absent", () => {
  const { leases } = begin();
  leases.put([found("10.96.0.1"), absent("10.96.0.2")]);
  leases.takeChanged();
  leases.doubt();
  expect([leases.due(), leases.takeChanged(), leases.size]).toEqual([["10.96.0.1"], ["10.96.0.2"], 1]);
});

test("no more is kept than has room, the oldest answer goes first", () => {
  const { leases } = begin();
  leases.put(Array.from({ length: 4097 }, (_, i) => found(`10.96.${i >> 8}.${i & 255}`)));
  expect(leases.size).toBe(4096);
  expect(leases.get("10.96.0.0")).toBeUndefined();
});
