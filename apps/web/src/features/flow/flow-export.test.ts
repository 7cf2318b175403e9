import { expect, test } from "vitest";
import { toCsv } from "@/view/file-export.ts";
import { FLOW_FILE, flowExport } from "./flow-export.ts";
import { end, flowRow } from "./flow-row.fixture.ts";

test("every line has as many cells as the head", () => {
  const lines = toCsv(FLOW_FILE, [flowRow(), flowRow({ dst: end({ pod: null, service: null }) })])
    .trimEnd()
    .split("\r\n");
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line.split(",")).toHaveLength((lines[0] as string).split(",").length);
});

const question = {
  choice: { kind: "fixed", from: 0, to: 10_000 },
  range: { from: 0, to: 10_000 },
  filter: "proto=TCP",
  sort: { key: "bytes", descending: true },
} as const;
const answer = {
  rows: [flowRow()],
  nextCursor: null,
  matched: { count: 1, capped: false },
  orderedFrom: null,
  completeness: {
    ...{ share: 1, hostsExpected: 1, hostsAnswered: 1, silentHosts: [], lost: [] },
    unattributed: { packets: 0, bytes: 0 },
  },
};
async function missing(over: object, cut = false): Promise<string | null> {
  const one = flowExport(question, async () => ({ ...answer, ...over }));
  const { rows } = await one.fetchPage(null, new AbortController().signal);
  return one.missing({ rows: [...rows], cut });
}

test("a file of all flows that every host reported lacks nothing", async () => {
  expect(await missing({})).toBeNull();
});
test("what a file lacks is said, and by how much", async () => {
  expect(await missing({ matched: { count: 120_000, capped: true } }, true)).toContain("of at least 120 k");
  expect(await missing({ orderedFrom: Date.UTC(2026, 10, 23, 10) })).toContain("23 Nov 2026");
  expect(await missing({ completeness: { ...answer.completeness, share: 0.5 } })).toContain("50 %");
});
test("the file is of the filter, time and order that the page shows", async () => {
  const asked: unknown[] = [];
  const one = flowExport(question, async (ask) => {
    asked.push(ask);
    return answer;
  });
  await one.fetchPage("7", new AbortController().signal);
  expect(asked).toEqual([
    expect.objectContaining({
      ...{ range: question.range, filter: "proto=TCP", sort: "bytes", descending: true, cursor: "7" },
    }),
  ]);
});
