import { expect, test } from "vitest";
import { nextPath } from "./next-path.ts";

test("after signing in one stays on this site", () => {
  for (const own of ["/flows?q=verdict%3Ddropped", "/hosts/a.b?from=1#top", "/flows?q=//x"])
    expect(nextPath(own)).toBe(own);
  for (const asked of [
    null,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
    "/sign-in?next=/sign-in",
    "/\t/evil.example", // browsers take tabs and line ends out before they read an address
    "/\n/evil.example",
    "/\r\\evil.example",
    "/.//evil.example",
    "/x/..//evil.example",
  ])
    expect(nextPath(asked)).toBe("/overview");
});
