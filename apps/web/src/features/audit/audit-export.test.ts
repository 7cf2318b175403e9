import { expect, test } from "vitest";
import { toCsv } from "@/view/file-export.ts";
import { AUDIT_FILE } from "./audit-export.ts";

test("an entry is a line in full, and what somebody typed as his name is no formula", () => {
  const entry = {
    ...{ id: "7", at: Date.UTC(2026, 10, 23), author: "=HYPERLINK(1)", via: "password" },
    ...{ action: "session.signIn", target: "x", detail: { role: "viewer" }, outcome: "refused" as const },
  };
  expect(toCsv(AUDIT_FILE, [entry])).toBe(
    "id,at,author,via,action,target,outcome,detail\r\n" +
      `7,2026-11-23T00:00:00.000Z,'=HYPERLINK(1),password,session.signIn,x,refused,"{""role"":""viewer""}"\r\n`,
  );
});
