import { expect, test } from "vitest";
import { type Planned, planDocuments, type Standing, staleOnes, twice } from "./plan.ts";
import type { ReadDocument } from "./read.ts";

const read = (name: string, over: Partial<ReadDocument> = {}): ReadDocument => ({
  ...{ kind: "Policy", namespace: "shop", name, scope: "shop", fromRevision: null },
  ...{ given: { spec: { a: 1 } }, reading: { a: [1] } },
  ...over,
});
const standing = (name: string, over: Partial<Standing> = {}): Standing => ({
  ...{ kind: "Policy", namespace: "shop", name, scope: "shop", id: 1, number: 1, revision: 5 },
  ...{ given: { spec: { a: 1 } }, reading: { a: [1] }, changedBy: "ann" },
  ...over,
});
const what = (planned: readonly Planned[]) => planned.map((one) => one.what);

test("what isn't there is created, what differs changed, and the rest stays", () => {
  const there = [
    standing("same"),
    standing("other"),
    standing("older"),
    standing("away", { namespace: "b" }),
  ];
  const planned = planDocuments(
    [
      read("same"),
      read("other", { given: { spec: { a: 2 } } }),
      read("older", { reading: { a: [1], more: true } }),
      read("away"),
    ],
    there,
  );
  expect(what(planned)).toEqual(["unchanged", "changed", "changed", "created"]);
  expect(planned.map((one) => one.before?.name)).toEqual(["same", "other", "older", undefined]);
});

test("a document that was read at a revision is for that and no other", () => {
  const stale = (fromRevision: number | null, ...there: Standing[]) =>
    staleOnes(planDocuments([read("a", { fromRevision })], there));
  expect(stale(5, standing("a"))).toEqual([]);
  expect(stale(null, standing("a"))).toEqual([]);
  expect(stale(null)).toEqual([]);
  expect(stale(4, standing("a"))).toEqual([
    "Policy shop/a is at revision 5 by ann, and this one was read at 4",
  ]);
  expect(stale(4)).toEqual(["Policy shop/a is not there any more, and this one was read at 4"]);
});

test("the same name twice is one too many, in other kinds and namespaces it isn't", () => {
  const documents = [
    read("a"),
    read("a", { kind: "NetworkPolicy" }),
    read("a", { namespace: "b" }),
    read("b"),
    read("a"),
  ];
  expect(twice(documents)).toEqual([{ at: 4, first: 0 }]);
});
