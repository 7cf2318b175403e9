import { expect, test } from "vitest";
import { nextPath } from "./next-path.ts";

test("after signing in one stays on this site", () => {
  expect(nextPath("/flows?q=verdict%3Ddropped")).toBe("/flows?q=verdict%3Ddropped");
  for (const asked of [
    null,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/sign-in?next=/sign-in",
  ])
    expect(nextPath(asked)).toBe("/overview");
});
