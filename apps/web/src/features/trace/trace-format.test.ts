import { expect, test } from "vitest";
import { effectText, filterText, noStats, sumStats } from "./trace-format.ts";

test("a filter is said in words, and none is everything", () => {
  expect(filterText({})).toBe("everything");
  expect(
    filterText({ namespace: "shop", pod: "web-1", ipA: "fd00::3", ipB: "10.1.0.4", portB: 8443, proto: 6 }),
  ).toBe("shop/web-1, fd00::3 ↔ 10.1.0.4:8443, TCP");
  expect(filterText({ portB: 53 })).toBe("any address, port 53");
});
test("before it starts, a trace says to how many hosts, for how long, at what rate, and that it ends", () => {
  const said = effectText({
    kind: "drops",
    hosts: ["h1", "h2"],
    filter: {},
    leaseSeconds: 300,
    rateEps: 500,
    reason: "",
  });
  for (const part of ["2 hosts", "5m", "500 events", "ends by itself"]) expect(said).toContain(part);
});
test("counters of the hosts add up", () => {
  const one = { seen: 10, emitted: 7, overRate: 2, ringFull: 1, undelivered: 0 };
  expect(sumStats([one, one])).toEqual({ seen: 20, emitted: 14, overRate: 4, ringFull: 2, undelivered: 0 });
  expect(sumStats([])).toEqual(noStats);
});
