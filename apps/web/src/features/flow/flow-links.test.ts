import { expect, test } from "vitest";
import { traceWish } from "./flow-links.tsx";
import { end, flowRow } from "./flow-row.fixture.ts";

test("tracing a flow asks every host that can see it, for this connection and the next", () => {
  const wish = traceWish(flowRow({ dst: end({ ip: "10.1.0.4", port: 8080, host: "h2" }) }));
  expect(wish).toEqual({
    kind: "connections",
    hosts: ["h1", "h1", "h2"],
    filter: { ipA: "10.1.0.3", ipB: "10.1.0.4", portB: 8080, proto: 6 },
  });
});
test("what was dropped, or isn't TCP, is traced as drops", () => {
  expect(traceWish(flowRow({ verdict: "dropped" })).kind).toBe("drops");
  expect(traceWish(flowRow({ proto: 17 })).kind).toBe("drops");
});
