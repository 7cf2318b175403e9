import type { TraceSpec } from "@millrace/contract/trace";
import { expect, test } from "vitest";
import { refusalOf, startText } from "./trace-start.tsx";
import type { ReadWish } from "./trace-wish.ts";

const spec: TraceSpec = {
  kind: "drops",
  hosts: ["h1"],
  filter: {},
  leaseSeconds: 60,
  rateEps: 10,
  reason: "",
};
const read: ReadWish = { ok: true, spec };
const preview = (online: boolean, able: boolean) => ({
  hosts: [{ host: "h1", online, able, reason: null }],
  matchingPods: 1,
  recentEventsPerSecond: null,
});

test("a trace can be started when one host can take part", () => {
  expect(refusalOf(read, preview(true, true))).toBeNull();
  expect(refusalOf(read, undefined)).toBeNull();
});
test("else the button says why not", () => {
  expect(refusalOf(read, preview(true, false))).toContain("None of the chosen hosts");
  expect(refusalOf(read, preview(false, true))).toContain("None of the chosen hosts");
  expect(refusalOf({ ok: false, problems: { hosts: "Choose at least one host" } }, undefined)).toBe(
    "Choose at least one host",
  );
});
test("the button says how many hosts it will really reach", () => {
  expect(startText(spec, preview(true, true))).toBe("Start on 1 host");
  expect(startText(spec, preview(false, true))).toBe("Start on 0 of 1 host");
});
