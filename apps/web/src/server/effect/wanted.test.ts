import type { Policy } from "@millrace/contract/policy";
import { expect, test } from "vitest";
import type { ReadDocument } from "../document/service.ts";
import { type StandingPolicy, wantedPolicies } from "./wanted.ts";

const draftOf = (namespace: string, name: string): Omit<Policy, "number" | "revision"> => ({
  ...{ namespace, name, tier: "tenant", mode: "enforce", subject: { pods: [], namespaces: null } },
  ...{ isolates: [], rules: [] },
});
const standing = (kind: "Policy" | "NetworkPolicy", name: string, number: number): StandingPolicy => ({
  document: { kind, namespace: "shop", name },
  policy: { ...draftOf("shop", name), number, revision: 4 },
});
const read = (kind: ReadDocument["kind"], name: string): ReadDocument => ({
  ...{ kind, namespace: kind === "Namespace" ? "" : "shop", name, scope: "", given: {}, fromRevision: null },
  reading: draftOf("shop", name),
});
const numbers = (policies: readonly Policy[]) => policies.map(({ name, number }) => `${name} ${number}`);

test("what stands under a draft's kind and name is replaced, and what is deleted is gone", () => {
  const before = [
    standing("Policy", "web", 3),
    standing("NetworkPolicy", "web", 5),
    standing("Policy", "db", 8),
  ];
  const { policies } = wantedPolicies(
    before,
    [read("NetworkPolicy", "web")],
    [{ kind: "Policy", namespace: "shop", name: "db" }],
  );
  expect(numbers(policies)).toEqual(["web 3", "web 5"]);
  expect(policies.map(({ isolates }) => isolates)).toEqual([[], []]);
});

test("new drafts come last, in their order and with numbers of their own", () => {
  const { policies } = wantedPolicies(
    [standing("Policy", "web", 3)],
    [read("Policy", "a"), read("Policy", "b")],
    [],
  );
  expect(numbers(policies)).toEqual(["web 3", `a ${0xff_fffe}`, `b ${0xff_ffff}`]);
});

test("what is no policy is left out, and said", () => {
  const { policies, leftOut } = wantedPolicies([], [read("Namespace", "shop"), read("Policy", "a")], []);
  expect(policies).toHaveLength(1);
  expect(leftOut).toEqual(["Namespace shop"]);
});
