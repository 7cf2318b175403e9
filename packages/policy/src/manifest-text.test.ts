import { expect, test } from "vitest";
import { manifestText } from "./manifest-text.ts";

test("what people look for first comes first, at every depth, and all else in the order that it has", () => {
  const document = {
    ...{ kind: "Policy", spec: { tier: "tenant", isolates: [] } },
    ...{ metadata: { annotations: {}, name: "a" }, apiVersion: "millrace.io/v1" },
  };
  expect(manifestText(document)).toBe(
    "apiVersion: millrace.io/v1\nkind: Policy\nmetadata:\n  name: a\n  annotations: {}\n" +
      "spec:\n  tier: tenant\n  isolates: []\n",
  );
});
