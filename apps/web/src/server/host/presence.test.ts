import type { Heartbeat } from "@millrace/contract/agent-protocol";
import { describe, expect, test } from "vitest";
import { type Coverage, completenessOf, type HostFacts, presenceOf } from "./presence.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const heartbeat = (over: object = {}) =>
  ({
    spool: { batches: 0, bytes: 0, limitBytes: 100, oldestMs: null },
    maps: [],
    pods: [],
    ...over,
  }) as unknown as Heartbeat;
const facts = (over: Partial<HostFacts> = {}): HostFacts => ({
  ...{ name: "h1", revokedAtMs: null, incompatible: null, heartbeatAtMs: NOW - 1000, recentLosses: [] },
  heartbeat: heartbeat(),
  ...over,
});

describe("a host", () => {
  test.each<[string, Partial<HostFacts>, string, RegExp | undefined]>([
    ["that reports is ok", {}, "ok", undefined],
    ["never heard is unknown", { heartbeatAtMs: null, heartbeat: null }, "unknown", /never reported/],
    ["late is a warning", { heartbeatAtMs: NOW - 20_000 }, "warn", /last heard 20 seconds ago/],
    ["silent is bad", { heartbeatAtMs: NOW - 120_000 }, "bad", /traffic goes on/],
    ["revoked is bad, whatever else", { revokedAtMs: NOW, heartbeatAtMs: null }, "bad", /revoked/],
    ["incompatible is bad and says why", { incompatible: "the agent speaks 2" }, "bad", /the agent speaks 2/],
    [
      "that lost something is a warning",
      { recentLosses: [{ what: "batches", count: 3 }] },
      "warn",
      /3 batches/,
    ],
  ])("%s", (_, over, state, reason) => {
    const presence = presenceOf(facts(over), NOW);
    expect(presence.state).toBe(state);
    if (reason) expect(presence.reasons.join("\n")).toMatch(reason);
    else expect(presence.reasons).toEqual([]);
  });

  const stateWith = (over: object) => presenceOf(facts({ heartbeat: heartbeat(over) }), NOW).state;
  const spool = (bytes: number) => ({ spool: { batches: 9, bytes, limitBytes: 100, oldestMs: 1 } });
  const map = (used: number | null) => ({ maps: [{ name: "flows", used, capacity: 100 }] });
  test("whose spool or tables fill up is a warning, then bad", () => {
    expect([10, 60, 99].map((bytes) => stateWith(spool(bytes)))).toEqual(["ok", "warn", "bad"]);
    expect([null, 79, 80, 98].map((used) => stateWith(map(used)))).toEqual(["ok", "ok", "warn", "bad"]);
  });
  test("one of whose endpoints has nearly spent its share of the flow table is a warning that names it", () => {
    const holder = (pod: string, flows: number) => ({ namespace: "shop", pod, interface: "eth0", flows });
    const table = (...holders: ReturnType<typeof holder>[]) => ({
      flowTable: { budget: 1000, endpoints: holders.length, holders },
    });
    expect([799, 800, 1000].map((flows) => stateWith(table(holder("web-1", flows))))).toEqual([
      ...["ok", "warn", "warn"],
    ]);
    const beat = heartbeat(table(holder("web-1", 900), holder("cart-1", 10)));
    expect(presenceOf(facts({ heartbeat: beat }), NOW).reasons).toEqual([
      "shop/web-1 eth0 holds 900 flows of the 1 k that one endpoint may: beyond them its flows aren't told apart.",
    ]);
  });
  test("whose connections to a service's backend fail is a warning that names one", () => {
    const some = [
      {
        ...{
          service: { address: "fd00::1", port: 80, protocol: 6 },
          backend: { address: "10.1.0.1", port: 8080 },
        },
        ...{ why: "3 of its last 4 connections failed: nothing new for 10 s" },
      },
    ];
    const network = { backendsOut: { count: 2, some } };
    expect(presenceOf(facts({ heartbeat: heartbeat({ network }) }), NOW)).toEqual({
      state: "warn",
      reasons: [
        "Backend 10.1.0.1:8080 of [fd00::1]:80 fails from here: 3 of its last 4 connections failed: nothing new for 10 s. So it is with 1 more.",
      ],
    });
  });
  test("with pods that can't be covered is a warning that names one", () => {
    const pods = [{ uid: "u", pod: "web-1", state: "failed", reason: "no tcx" }];
    expect(presenceOf(facts({ heartbeat: heartbeat({ pods }) }), NOW)).toEqual({
      state: "warn",
      reasons: ["1 of its pods can't be covered: web-1: no tcx."],
    });
  });
});

describe("completeness", () => {
  const host = (over: Partial<Coverage>): Coverage => ({
    ...{ host: "h1", expected: 10, answered: 10, answeredLast: true, lastHeardMs: NOW, lost: [], rows: 0 },
    ...over,
  });
  const none = { packets: 0, bytes: 0 };
  test("is whole when every host answered for all of the range", () => {
    expect(completenessOf([host({}), host({ host: "h2" })], none)).toMatchObject({
      ...{ share: 1, hostsExpected: 2, hostsAnswered: 2, silentHosts: [] },
    });
  });
  test("of nobody to expect is whole: nothing is missing", () => {
    expect(completenessOf([], none).share).toBe(1);
    expect(completenessOf([host({ expected: 0, answered: 0, answeredLast: false })], none)).toMatchObject({
      ...{ share: 1, hostsExpected: 0, silentHosts: [] },
    });
  });
  test("names the host that fell silent, and since when", () => {
    const silent = host({ host: "h2", answered: 5, answeredLast: false, lastHeardMs: NOW - 5000.5 });
    expect(completenessOf([host({}), silent], none)).toMatchObject({
      ...{ share: 0.75, hostsAnswered: 1, silentHosts: [{ host: "h2", since: NOW - 5001 }] },
    });
  });
  test("goes down by what hosts say they lost, and lists it", () => {
    const lossy = host({ lost: [{ what: "flow-updates", count: 25 }], rows: 75 });
    expect(completenessOf([lossy], none)).toMatchObject({
      ...{ share: 0.75, lost: [{ host: "h1", what: "flow-updates", count: 25 }] },
    });
  });
});
