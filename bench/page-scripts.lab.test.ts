import { expect, test } from "vitest";
import { pageScripts } from "./page-scripts.ts";

const MOST_BYTES = 200_000;

test("no page of the built dashboard loads more than 200 kB of gzipped script first", () => {
  const pages = pageScripts();
  expect(pages.map(({ page }) => page)).toEqual(expect.arrayContaining(["/flows", "/overview", "/sign-in"]));
  expect(pages.filter(({ gzipped }) => gzipped > MOST_BYTES)).toEqual([]);
});
