import type { PolicyView } from "@millrace/contract/declared";
import { expect, test } from "vitest";
import { arrangePolicies } from "./policy-order.ts";

const view = (name: string, over: Partial<PolicyView> = {}): PolicyView => ({
  ...{
    kind: "NetworkPolicy",
    namespace: "shop",
    name,
    number: 1,
    revision: 1,
    createdAtMs: 0,
    changedAtMs: 0,
  },
  ...{ changedBy: "ann@example.org", tier: "tenant", mode: "enforce", isolates: [], rules: 0, selected: 0 },
  ...over,
});
const all = [
  view("web", { rules: 2, selected: null }),
  view("db", { rules: 9, mode: "observe" }),
  view("all", { kind: "Policy", namespace: "ops", tier: "platform", rules: 2, changedBy: "bob@example.org" }),
];
const names = (
  find: string,
  key: Parameters<typeof arrangePolicies>[2]["key"] = "name",
  descending = false,
) => arrangePolicies(all, find, { key, descending }).map(({ name }) => name);

test("every word of the text must be found, in whatever field", () => {
  expect(names("")).toEqual(["all", "db", "web"]);
  expect(names("SHOP ")).toEqual(["db", "web"]);
  expect(names("shop observe")).toEqual(["db"]);
  expect(names("bob platform")).toEqual(["all"]);
  expect(names("shop/w")).toEqual(["web"]);
  expect(names("nothing")).toEqual([]);
});

test("what is equal stands by name, whichever way the order goes", () => {
  expect(names("", "rules")).toEqual(["all", "web", "db"]);
  expect(names("", "rules", true)).toEqual(["db", "all", "web"]);
  expect(names("", "selected")).toEqual(["web", "all", "db"]);
});
