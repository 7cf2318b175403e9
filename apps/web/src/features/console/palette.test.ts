import { expect, test } from "vitest";
import { nothingText, thoseNamed } from "./palette.tsx";

const answered = { isFetching: false, error: null };

test("nothing found is said only when everything has answered", () => {
  expect(nothingText("x", [answered, { isFetching: true, error: null }])).toBe("Looking…");
  expect(nothingText("x", [answered, { isFetching: false, error: new TypeError("down") }])).toContain(
    "The control plane doesn't answer",
  );
  expect(nothingText("x", [answered, answered])).toContain("Nothing is called “x”");
});
test("of a large fleet no more hosts are drawn than can be read, and those that were typed", () => {
  const hosts = Array.from({ length: 100_000 }, (_, n) => ({ name: `host-${n}` }));
  expect(thoseNamed(hosts, "").length).toBeLessThan(100);
  expect(thoseNamed(hosts, "9").length).toBeLessThan(100);
  expect(thoseNamed(hosts, "Host-99999")).toEqual([{ name: "host-99999" }]);
});
