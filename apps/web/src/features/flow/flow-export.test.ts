import { expect, test } from "vitest";
import { toCsv } from "@/view/file-export.ts";
import { FLOW_FILE } from "./flow-export.ts";
import { end, flowRow } from "./flow-row.fixture.ts";

test("every line has as many cells as the head", () => {
  const lines = toCsv(FLOW_FILE, [flowRow(), flowRow({ dst: end({ pod: null, service: null }) })])
    .trimEnd()
    .split("\r\n");
  expect(lines).toHaveLength(3);
  for (const line of lines) expect(line.split(",")).toHaveLength((lines[0] as string).split(",").length);
});
