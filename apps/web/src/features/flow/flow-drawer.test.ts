import { expect, test } from "vitest";
import { isOf } from "./flow-drawer.tsx";
import { flowRow } from "./flow-row.fixture.ts";

test("while a flow is asked for, only its own earlier answer may stand in the drawer, by either observer's id", () => {
  const row = flowRow({ id: "a", otherId: "b" });
  expect(["a", "b", "c"].map((id) => isOf({ row }, id))).toEqual([true, true, false]);
});
