import type { DropGroup } from "@millrace/contract/drop";
import { expect, test } from "vitest";
import { addLines, dropPoints, dropTree, worstEndpoints } from "./drop-tree.ts";

const pair = {
  src: "10.1.0.3",
  dst: "10.1.0.4",
  dstPort: 8443,
  proto: 6,
  packets: 5,
  srcService: null,
  dstService: null,
};
const group = (over: Partial<DropGroup>): DropGroup => ({
  reason: "NO_SOCKET",
  class: "loss",
  place: "tcp_v4_rcv",
  host: "h1",
  packets: 5,
  bytes: 500,
  firstSeen: 100,
  lastSeen: 200,
  line: [1, 4],
  endpoints: [pair],
  ...over,
});

test("places of one reason are added up, the earliest and the latest kept", () => {
  const tree = dropTree([group({}), group({ host: "h2", packets: 9, firstSeen: 50, line: [0, 0, 9] })]);
  expect(tree).toHaveLength(1);
  expect(tree[0]).toMatchObject({
    packets: 14,
    firstSeen: 50,
    lastSeen: 200,
    line: [1, 4, 9],
    hosts: ["h1", "h2"],
  });
  expect(tree[0]?.places[0]?.host).toBe("h2");
});
test("a real loss comes before an ordinary end, however many that are", () => {
  const tree = dropTree([group({ reason: "SOCKET_CLOSE", class: "ordinary", packets: 900 }), group({})]);
  expect(tree.map((node) => node.reason)).toEqual(["NO_SOCKET", "SOCKET_CLOSE"]);
});
test("the same pair at two places is one pair", () => {
  const [node] = dropTree([group({}), group({ place: "ip_forward" })]);
  expect(worstEndpoints(node?.places ?? [], 5)).toEqual([{ ...pair, packets: 10 }]);
});
test("the chart leaves nothing out: what isn't shown apart is in “other”", () => {
  const groups = ["a", "b", "c"].map((reason, n) => group({ reason, packets: 10 - n, line: [n + 1] }));
  const summary = { bucketMs: 10, from: 1000, gaps: [], groups, completeness: {} as never };
  const { points, keys } = dropPoints(summary, dropTree(groups), 1);
  expect(keys).toEqual(["a", "other"]);
  expect(points).toEqual([{ at: 1000, a: 1, other: 5 }]);
});
test("where nobody reported is a gap, in the sums and in the chart, and no zero", () => {
  const groups = [
    group({ reason: "a", line: [null, 0, 2] }),
    group({ reason: "a", host: "h2", line: [null, 1, 0] }),
    group({ reason: "b", line: [null, 0, 0] }),
  ];
  const tree = dropTree(groups);
  expect(tree[0]?.line).toEqual([null, 1, 2]);
  const summary = { bucketMs: 10, from: 1000, gaps: [], groups, completeness: {} as never };
  expect(dropPoints(summary, tree, 1).points).toEqual([
    { at: 1000, a: null, other: null },
    { at: 1010, a: 1, other: 0 },
    { at: 1020, a: 2, other: 0 },
  ]);
});
test("no lines add up to none", () => {
  expect(addLines([])).toEqual([]);
});
