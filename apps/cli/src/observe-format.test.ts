import { FlowRow } from "@millrace/contract/flow";
import { expect, test } from "vitest";
import { formatFlow, tableHead } from "./observe-format.ts";

const end = (pod: string, ip: string, port: number) => ({
  ...{ ip, port, kind: "pod", host: "h1", namespace: "shop", pod, container: null, service: pod },
  ...{ labels: {}, unknown: null },
});
const counts = { packets: 10, segments: 10, bytes: 1000, tcpFlags: 0 };
const flow = (over: object = {}): FlowRow =>
  FlowRow.parse({
    ...{ id: "00000000-0000-7000-8000-000000000001", otherId: null, join: "single", tuples: [], asked: null },
    ...{ otherSideUnknown: null, firstSeen: 1000, lastSeen: 2000, openerKnown: true },
    ...{ src: end("web", "10.1.0.3", 40_000), dst: end("cart", "10.1.0.4", 80), proto: 6, vlan: 0 },
    ...{ verdict: "forwarded", dropReason: null, drops: 0, way: "none", pathTiers: null, rules: [] },
    ...{ forward: counts, reverse: counts, tcpState: "none", rttUs: 200, rttMinUs: 100, retransmits: 0 },
    ...{ observers: [{ host: "h1", side: "source" }], simulated: false },
    ...over,
  });
const carried = {
  ...{ way: "overlay", pathTiers: { slow: 2, fast: 18 }, verdict: "would-drop" },
  rules: [
    { policy: 12, place: 3, revision: 7 },
    { policy: 4, place: 0, revision: 7 },
  ],
};

test("a flow that Millrace carries tells its way, its path tier and the rules, in a line and in columns", () => {
  const line = "1970-01-01T00:00:02.000Z: shop/web (10.1.0.3:40000) -> shop/cart (10.1.0.4:80) TCP";
  expect(formatFlow(flow(carried), "compact")).toBe(
    `${line} would drop way overlay fast rule 12/3,4/0 2 kB rtt 200 µs`,
  );
  expect(formatFlow(flow(), "compact")).toBe(`${line} forwarded 2 kB rtt 200 µs`);
  const at = (title: string) => tableHead().indexOf(title);
  const row = formatFlow(flow(carried), "table");
  expect([
    row.slice(at("RULE"), at("WAY")),
    row.slice(at("WAY"), at("TIER")),
    row.slice(at("TIER"), at("BYTES")),
  ]).toEqual(["12/3,4/0   ", "overlay  ", "fast  "]);
});

test("a flow to a service tells what was asked for before the backend, by its name in a column", () => {
  const asked = { ip: "10.210.0.4", port: 80, namespace: "shop", name: "payments" };
  expect(formatFlow(flow({ asked }), "compact")).toContain(
    "shop/web (10.1.0.3:40000) -> 10.210.0.4:80 (shop/payments) -> shop/cart (10.1.0.4:80) TCP",
  );
  const dict = formatFlow(flow({ asked }), "dict");
  expect(dict).toContain("SERVICE: shop/payments\n");
  expect(formatFlow(flow({ asked: { ...asked, namespace: null, name: null } }), "dict")).toContain(
    "SERVICE: 10.210.0.4:80\n",
  );
  expect(formatFlow(flow(), "dict")).toContain("SERVICE: -\n");
});

test("one that another carries has dashes there", () => {
  const dict = formatFlow(flow(), "dict");
  expect(dict).toContain("RULE: -\n");
  expect(dict).toContain("TIER: -\n");
});
