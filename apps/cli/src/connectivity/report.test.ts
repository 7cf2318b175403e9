import type { FlowRow } from "@millrace/contract/flow";
import { describe, expect, test } from "vitest";
import type { Case } from "./case.ts";
import { reportOf, reportText } from "./report.ts";
import type { Outcome } from "./run.ts";

const CASE: Case = {
  ...{ group: "cross host", from: "client@h1", to: "server@h2", family: 4, transport: "tcp" },
  ...{ address: "10.201.2.11", port: 8080, bytes: 32, size: "" },
  expects: { kind: "carried", by: "server@h2", ways: ["direct", "overlay"], rule: null },
};
const LARGE: Case = {
  ...CASE,
  group: "size, cross host",
  transport: "udp",
  family: 6,
  size: "one packet of 1500 bytes",
};
const answered = { outcome: "answered", by: "server@h2", sourcePort: 20_001, sent: 1 } as const;
const silent = { ...answered, outcome: "silent", by: null } as const;
const flow = (change: object) =>
  ({
    id: "f1",
    verdict: "forwarded",
    way: "direct",
    rules: [],
    dropReason: null,
    pathTiers: null,
    ...change,
  }) as unknown as FlowRow;
const DROPPED = flow({
  ...{ verdict: "dropped", way: "none", dropReason: "MILLRACE_POLICY" },
  rules: [{ policy: 7, place: 1, revision: 3 }],
});
const rules = {
  admits: { policy: 1, place: 1 },
  isolates: { policy: 1, place: 0 },
  forbids: { policy: 2, place: 1 },
};
const about = {
  ...{ hosts: ["h1", "h2"], notTested: ["IPv6: pods have no address of it"] },
  nameOf: (policy: number) => (policy === 7 ? "Policy default/no-udp" : undefined),
};

const outcome: Outcome = {
  rules,
  tried: [
    { case: CASE, answer: answered, source: "10.201.1.10" },
    { case: LARGE, answer: silent, source: "fd00:201::10" },
    { case: CASE, answer: silent, source: "10.201.1.10" },
  ],
  flows: [flow({}), DROPPED, undefined],
};

describe("a report", () => {
  test("says of each case what was seen, and of what failed also what was expected and how to look further", () => {
    expect(reportText(reportOf(outcome, about))).toBe(`hosts: h1, h2

cross host
  ok    client@h1 -> server@h2  IPv4 TCP                            answered by server@h2; forwarded, direct
  FAIL  client@h1 -> server@h2  IPv4 TCP                            it did not get through; no flow of it is recorded
        expected: answered by server@h2; forwarded, direct or overlay
        seen:     no answer; not recorded
        look:     millrace trace run drops --port 8080, while this test runs again

size, cross host
  FAIL  client@h1 -> server@h2  IPv6 UDP, one packet of 1500 bytes  it did not get through; a policy dropped packets of it; rule 7/1 is of Policy default/no-udp
        expected: answered by server@h2; forwarded, direct or overlay
        seen:     no answer; dropped (MILLRACE_POLICY) by rule 7/1
        look:     millrace observe --since 15m --from-ip fd00:201::10 --from-port 20001 --to-port 8080

not tested: IPv6: pods have no address of it
3 cases: 1 ok, 2 FAIL
`);
  });

  test("to programs says the same, with the flow that was recorded", () => {
    const { cases, failed, hosts } = reportOf(outcome, about);
    expect({ failed, hosts }).toEqual({ failed: 2, hosts: ["h1", "h2"] });
    expect(cases.map(({ ok, flow, look }) => ({ ok, flow, look: look !== null }))).toEqual([
      { ok: true, flow: "f1", look: false },
      { ok: false, flow: "f1", look: true },
      { ok: false, flow: null, look: true },
    ]);
  });

  test("no name can draw a line of its own", () => {
    const evil = { ...about, hosts: ["h1\nok all"], notTested: [] };
    expect(reportText(reportOf({ rules, tried: [], flows: [] }, evil)).split("\n")).toHaveLength(4);
  });
});
