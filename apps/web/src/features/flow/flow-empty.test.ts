import { expect, test } from "vitest";
import { withoutEach } from "./flow-empty.tsx";

test("each term can be taken out on its own", () => {
  expect(withoutEach("a proto=TCP  -dst.port=443")).toEqual([
    { term: "a", rest: "proto=TCP -dst.port=443" },
    { term: "proto=TCP", rest: "a -dst.port=443" },
    { term: "-dst.port=443", rest: "a proto=TCP" },
  ]);
});
