import { expect, test } from "vitest";
import { hostCount } from "./overview-page.tsx";

test("hosts are counted in whatever state they are", () => {
  expect(hostCount({ hosts: { ok: 0, warn: 0, bad: 0, unknown: 0 } })).toBe(0);
  expect(hostCount({ hosts: { ok: 1, warn: 2, bad: 3, unknown: 4 } })).toBe(10);
});
