import { PROCEDURE_ROLE } from "@millrace/contract/role";
import { expect, test } from "vitest";
import { appRouter } from "./root.ts";

const PUBLIC = ["session.providers"];

test("every procedure stands in the table of role × procedure, and nothing else does", () => {
  const procedures = Object.keys(appRouter._def.procedures).filter((name) => !PUBLIC.includes(name));
  expect(procedures.sort()).toEqual(Object.keys(PROCEDURE_ROLE).sort());
});
