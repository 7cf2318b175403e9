import type { FlowRow } from "@millrace/contract/flow";
import { POLICY_DROP } from "@millrace/contract/verdict";
import { describe, expect, test } from "vitest";
import type { Case } from "./case.ts";
import { isDecided, judge, type Tried } from "./judge.ts";
import type { Answer } from "./probe.ts";

const RULES = {
  admits: { policy: 12, place: 1 },
  isolates: { policy: 12, place: 0 },
  forbids: { policy: 13, place: 1 },
};
const CASE: Case = {
  ...{ group: "cross host", from: "client@h1", to: "server@h2", family: 4, transport: "udp" },
  ...{ address: "10.201.2.11", port: 8080, bytes: 32, size: "" },
  expects: { kind: "carried", by: "server@h2", ways: ["direct", "overlay"], rule: null },
};
const ADMITTED: Case = {
  ...CASE,
  expects: { kind: "carried", by: "server@h2", ways: ["direct"], rule: "admits" },
};
const DENIED: Case = { ...CASE, expects: { kind: "denied", rule: "isolates" } };
const answered: Answer = { outcome: "answered", by: "server@h2", sourcePort: 20_001, sent: 1 };
const silent: Answer = { ...answered, outcome: "silent", by: null, sent: 2 };

const tried = (one: Case, answer: Answer): Tried => ({ case: one, answer, source: "10.201.1.10" });
const flow = (change: Partial<FlowRow> = {}): FlowRow =>
  ({
    ...{ verdict: "forwarded", way: "direct", rules: [], dropReason: null },
    ...{ pathTiers: { slow: 1, fast: 3 }, ...change },
  }) as FlowRow;
const rule = (policy: number, place: number) => ({ policy, place, revision: 1 });
const dropped = (by: ReturnType<typeof rule>[]) =>
  flow({ verdict: "dropped", way: "none", dropReason: POLICY_DROP, rules: by, pathTiers: null });

const problemsOf = (one: Case, answer: Answer, row: FlowRow | undefined) =>
  judge(tried(one, answer), row, RULES).problems;

describe("what must be carried", () => {
  test("is ok when the right pod answered and a record says that it was forwarded the right way", () => {
    expect(judge(tried(CASE, answered), flow(), RULES)).toEqual({
      ok: true,
      expected: "answered by server@h2; forwarded, direct or overlay",
      seen: "answered by server@h2; forwarded, direct, 1 slow 3 fast",
      problems: [],
    });
  });
  test.each<[string, Answer, FlowRow | undefined, string[]]>([
    ["nothing came back", silent, flow(), ["it did not get through"]],
    [
      "a policy of others dropped it",
      silent,
      dropped([rule(7, 1)]),
      ["it did not get through", "a policy dropped packets of it"],
    ],
    ["another pod answered", { ...answered, by: "till" }, flow(), ["another than server@h2 answered"]],
    ["it was refused", { ...answered, outcome: "refused", by: null }, flow(), ["it did not get through"]],
    ["nobody recorded it", answered, undefined, ["no flow of it is recorded"]],
    ["another plugin carried it", answered, flow({ way: "none" }), ["it went the way “none”"]],
  ])("fails when %s", (_, answer, row, problems) => {
    expect(problemsOf(CASE, answer, row)).toEqual(problems);
  });
  test("is ok when only the kernel dropped a packet of it, such as a second answer", () => {
    expect(problemsOf(CASE, answered, flow({ verdict: "dropped", dropReason: "NO_SOCKET" }))).toEqual([]);
  });
  test("under a policy also the rule must be on record", () => {
    expect(problemsOf(ADMITTED, answered, flow({ rules: [rule(12, 1)] }))).toEqual([]);
    expect(problemsOf(ADMITTED, answered, flow())).toEqual(["rule 12/1 did not decide it"]);
  });
  test("of a pod that was named a refusal is as good as an answer: it was there and back", () => {
    const toNamed: Case = { ...CASE, expects: { kind: "carried", by: null, ways: null, rule: null } };
    expect(problemsOf(toNamed, { ...answered, outcome: "refused", by: null }, flow())).toEqual([]);
    expect(problemsOf(toNamed, silent, flow())).toEqual(["it did not get through"]);
  });
});

describe("what must be denied", () => {
  test("is ok when nothing came back and the rule says that it dropped it", () => {
    expect(judge(tried(DENIED, silent), dropped([rule(12, 0)]), RULES)).toMatchObject({
      ok: true,
      expected: "no answer; dropped by rule 12/0",
      seen: "no answer (2 datagrams); dropped (MILLRACE_POLICY) by rule 12/0",
    });
  });
  test.each<[string, Answer, FlowRow | undefined, string[]]>([
    ["it passed", answered, flow(), ["it was let through", "rule 12/0 did not decide it"]],
    [
      "it was refused by whoever is there",
      { ...silent, outcome: "refused" },
      undefined,
      ["it was not dropped"],
    ],
    [
      "nothing came back and nobody says why",
      silent,
      undefined,
      ["nothing says that it was dropped: the packets may be lost"],
    ],
    [
      "it was lost",
      silent,
      flow({ rules: [] }),
      ["it was not dropped by a policy: the packets are lost", "rule 12/0 did not decide it"],
    ],
    [
      "the kernel dropped it, not a policy",
      silent,
      flow({ verdict: "dropped", dropReason: "NO_SOCKET", rules: [rule(12, 0)] }),
      ["it was not dropped by a policy: the packets are lost"],
    ],
    ["another rule dropped it", silent, dropped([rule(7, 2)]), ["rule 12/0 did not decide it"]],
  ])("fails when %s", (_, answer, row, problems) => {
    expect(problemsOf(DENIED, answer, row)).toEqual(problems);
  });
});

test("records are waited for until nothing in them can make a case better", () => {
  expect(isDecided(tried(CASE, answered), undefined, RULES)).toBe(false);
  expect(isDecided(tried(CASE, answered), flow(), RULES)).toBe(true);
  expect(isDecided(tried(DENIED, silent), flow(), RULES)).toBe(false); // the drop may still be told
  expect(isDecided(tried(CASE, silent), undefined, RULES)).toBe(false); // it may be told where it ended
  expect(isDecided(tried(CASE, silent), flow(), RULES)).toBe(true);
});
