import { readNetworkPolicy } from "@millrace/policy/kubernetes";
import { expect, test } from "vitest";
import { documentText, FIRST_DRAFT, readDraft } from "./draft-text.ts";

test("a problem stands at the line of its field, in whichever document", () => {
  const draft = readDraft(`${FIRST_DRAFT}---\nkind: Policy\nspec:\n  tier: tennant\n`);
  expect(draft.documents).toHaveLength(2);
  expect(
    draft.placed([
      { document: 0, path: "spec.ingress[0].ports[0].port", message: "is too big" },
      { document: 1, path: "spec.tier", message: "must be tenant" },
      { document: 1, path: "metadata", message: "is missing" },
    ]),
  ).toEqual([
    { line: 20, field: "spec.ingress[0].ports[0].port", message: "is too big" },
    { line: 24, field: "spec.tier", message: "must be tenant" },
    { line: 22, field: "metadata", message: "is missing" },
  ]);
});

test("what is no YAML, or nothing, is a problem of its line", () => {
  const [broken] = readDraft("kind: Policy\nspec: [1, 2\n").problems;
  expect(broken).toMatchObject({ line: 3, field: "" });
  expect(readDraft("# nothing yet\n").problems).toEqual([
    { line: 1, field: "", message: "There is no document yet." },
  ]);
});

test("the first draft is a policy, and a document is written without its status", () => {
  const [document] = readDraft(FIRST_DRAFT).documents;
  expect(readNetworkPolicy(document)).toMatchObject({ ok: true, value: { mode: "observe" } });
  expect(documentText({ kind: "Policy", spec: { isolates: [] }, status: { number: 3 } })).toBe(
    "kind: Policy\nspec:\n  isolates: []\n",
  );
});
